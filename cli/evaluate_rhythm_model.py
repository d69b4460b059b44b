"""``ecg-stream evaluate rhythm-model``: what judges a rhythm, on patients that it was not trained on."""

from __future__ import annotations

from typing import Annotated

import typer

from .jobs_option import Jobs
from .rhythm_models import Model, cross_validated, model_of, tell
from .training_options import Seed


def rhythm_model(
    name: Model,
    folds: Annotated[int, typer.Option(metavar="N", min=2, help="Folds of patients.")] = 10,
    seed: Seed = 0,
    jobs: Jobs = "1",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Cross-validate what judges a rhythm: each patient by trees that were grown without the patient.

    `ecg-stream evaluate rhythm` measures the rhythms of the whole pipeline, with the models that it ships.
    """
    import msgspec

    found = cross_validated(model_of(name), folds, seed, jobs)
    if json:
        print(msgspec.json.encode({"model": name, "folds": folds, "seed": seed, **found.figures}).decode())
    else:
        tell(found.figures)
