"""``ecg-stream train``: train a model and write it as a bundle."""

from __future__ import annotations

import typer

from .train_beat import beat
from .train_detector import detector
from .train_quality import quality
from .train_record import record
from .train_rhythm import rhythm

app = typer.Typer(
    help="Train a model and write it as a bundle.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command("beat", short_help="Train what calls a beat N, S, V, F or Q.")(beat)
app.command("detector", short_help="Train what finds the QRS complexes.")(detector)
app.command("quality", short_help="Fit how far a beat can be trusted to be one.")(quality)
app.command("record", short_help="Train what calls ten seconds normal or inferior infarction.")(record)
app.command("rhythm", short_help="Train what tells atrial or ventricular fibrillation.")(rhythm)
