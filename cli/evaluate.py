"""`ecg-stream evaluate`: measure a model, and write a report."""

from __future__ import annotations

import typer

from .evaluate_beat import beat
from .evaluate_labels import labels
from .evaluate_pacing import pacing
from .evaluate_pauses import pauses
from .evaluate_quality import quality
from .evaluate_record import record
from .evaluate_rhythm import rhythm
from .evaluate_rhythm_model import rhythm_model

app = typer.Typer(
    help="Measure a model, and write a report.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
app.command("beat", short_help="Score the beats of the live pipeline over databases.")(beat)
app.command("labels", short_help="Count what beats are called inside each annotated rhythm.")(labels)
app.command("pacing", short_help="Put pacing spikes into records, and count what is told of them.")(pacing)
app.command("pauses", short_help="Make long pauses of real beats, and count false beats in them.")(pauses)
app.command("quality", short_help="Compare the quality of right beats with that of errors.")(quality)
app.command("record", short_help="Score a record model on a fold of PTB-XL.")(record)
app.command("rhythm-model", short_help="Cross-validate what tells a kind of fibrillation.")(rhythm_model)
app.command("rhythm", short_help="Compare the rhythms of the live pipeline with the marks.")(rhythm)
