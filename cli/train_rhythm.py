"""``ecg-stream train rhythm``: the small trees that judge ventricular fibrillation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .jobs_option import Jobs
from .rhythm_models import Model, cross_validated, model_of, tell
from .training_options import Seed


def rhythm(
    name: Model,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the bundle; one that is there is replaced.")
    ],
    folds: Annotated[
        int, typer.Option(metavar="N", min=2, help="Folds of patients, for the figures in the card.")
    ] = 10,
    seed: Seed = 0,
    jobs: Jobs = "1",
) -> None:
    """Train what judges a rhythm from signal or intervals, and write it as a bundle.

    It is measured first, by cross-validation by patient, and then trained on all records at hand.
    """
    model = model_of(name)
    found = cross_validated(model, folds, seed, jobs)
    tell(found.figures)
    command = f"ecg-stream train rhythm {name} --folds {folds} --seed {seed} --output {output.name}"
    card = model.write(output, found.material, found.figures, seed, command)
    print(f"{card.arch} of {len(found.names)} records: {output}")
