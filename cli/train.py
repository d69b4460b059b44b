"""``ecg-stream train``: train a model and write it as a bundle."""

from __future__ import annotations

import typer

from .train_beat import beat
from .train_detector import detector
from .train_quality import quality
from .train_record import record
from .train_rhythm import rhythm

app = typer.Typer(help="Train a model and write it as a bundle.", no_args_is_help=True, rich_markup_mode=None)


app.command("beat")(beat)
app.command("detector")(detector)
app.command("quality")(quality)
app.command("record")(record)
app.command("rhythm")(rhythm)
