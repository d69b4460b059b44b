"""What `train rhythm` and `evaluate rhythm-model` share: the models by name, their cross-validation, its figures."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from ..errors import RequestError
from .jobs_option import parallel
from .training_options import progress

if TYPE_CHECKING:
    from ..offline.rhythm_models import RhythmTraining

Model: TypeAlias = Annotated[
    Literal["ventricular-fibrillation", "atrial-fibrillation"], typer.Argument(help="Which model.")
]


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """A model that was measured.

    Attributes
    ----------
    names
        The records, as ``db/name``.
    material
        What they were turned into, for training.
    figures
        See `offline.rhythm_models`.
    """

    names: list[str]
    material: list[Any]
    figures: dict[str, Any]


def model_of(name: str) -> RhythmTraining:
    """Give what trains the model of this name."""
    from ..offline.rhythm_models import MODELS

    return MODELS[name]


def cross_validated(model: RhythmTraining, folds: int, seed: int, jobs: str) -> CrossValidated:
    """Read the records at hand, and measure by cross-validation by patient.

    Raises
    ------
    RequestError
        If records of a database that it cannot do without are missing.
    """
    from ..replay.catalog import data_folder

    folder = data_folder()
    names = model.records(folder)
    without = [each for each in model.needed if not any(name.startswith(f"{each}/") for name in names)]
    if without:
        fetch = " && ".join(f"ecg-stream download {each}" for each in without)
        raise RequestError(f"no records of {' '.join(without)} in {folder}: fetch them with `{fetch}`")
    material = []
    with parallel(jobs) as n_jobs, progress(len(names) + folds, "reading") as advance:
        for each in model.read(names, folder, n_jobs):
            material.append(each)
            advance(each.record)
        figures = model.cross_validate(material, folds, seed, advance)
    missing = [each for each in model.databases if not any(name.startswith(f"{each}/") for name in names)]
    if missing:
        print(f"not at hand, and left out: {' '.join(missing)}", file=sys.stderr)
    return CrossValidated(names, material, figures)


def tell(figures: Mapping[str, Any]) -> None:
    """Print figures, a line each."""
    width = max(len(name) for name in figures)
    for name, value in figures.items():
        text = "  ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, Mapping) else value
        print(f"{name.replace('_', ' '):{width}}  {text}")
