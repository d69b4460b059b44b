"""`ecg-stream evaluate`: measure a model, and write a report."""

from __future__ import annotations

import typer

from .evaluate_beat import beat
from .evaluate_labels import labels
from .evaluate_pauses import pauses
from .evaluate_quality import quality
from .evaluate_record import record
from .evaluate_rhythm import rhythm
from .evaluate_rhythm_model import rhythm_model

app = typer.Typer(
    help="Measure a model, and write a report.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command("beat")(beat)
app.command("labels")(labels)
app.command("pauses")(pauses)
app.command("quality")(quality)
app.command("record")(record)
app.command("rhythm-model")(rhythm_model)
app.command("rhythm")(rhythm)
