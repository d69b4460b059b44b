"""The models of the rhythm rules: how each is read, measured and trained, under the name of its bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..models.bundle import Card
from ..stream.rhythm import atrial, fibrillation, fibrillation_waves, irregularity
from . import atrial_figures, atrial_training, fibrillation_figures, fibrillation_training
from .atrial_beats import PIECES, AtrialBeats, read_atrial_beats
from .fibrillation_windows import Windows, read_windows
from .forest_training import cross_validate, write_forest_bundle
from .made_noise import made_noise
from .splits import DS1, PACED, patients


@dataclass(frozen=True, slots=True)
class RhythmTraining:
    """How a model is made.

    Attributes
    ----------
    databases, needed
        Folders of the data folder that it takes records of, and those that it cannot do without.
    records
        Name the records of a data folder, as ``db/name``.
    read
        Turn records into what is trained on; takes names, data folder and number of processes.
    cross_validate
        Give the figures of records held out; takes what was read, folds, seed, and what is told of each fold.
    write
        Train on all and write the bundle; takes its folder, what was read, the figures, seed and command.
    """

    databases: tuple[str, ...]
    needed: tuple[str, ...]
    records: Callable[[Path], list[str]]
    read: Callable[[Sequence[str], Path, int], Iterator[Any]]
    cross_validate: Callable[[Sequence[Any], int, int, Callable[[str], None]], dict[str, Any]]
    write: Callable[[Path, Sequence[Any], Mapping[str, Any], int, str], Card]


def records_of(databases: Sequence[str], folder: Path) -> list[str]:
    """Name the records at hand of these folders; of mitdb those of DS1 and with paced beats, as DS2 is the test."""
    names = [f"{name}/{header.stem}" for name in databases for header in sorted((folder / name).glob("*.hea"))]
    return [name for name in names if not name.startswith("mitdb/") or name in DS1 or name in PACED]


_VENTRICULAR = ("vfdb", "cudb", "mitdb", "edb", "svdb", "nstdb")
_ATRIAL = ("mitdb", "cpsc2021", "vfdb", PIECES, "edb")


def _read_ventricular(names: Sequence[str], folder: Path, jobs: int) -> Iterator[Windows]:
    yield from read_windows(names, folder, jobs)
    yield from made_noise()


def _ventricular_figures(
    windows: Sequence[Windows], folds: int, seed: int, on_fold: Callable[[str], None]
) -> dict[str, Any]:
    model = fibrillation_training
    odds = cross_validate(windows, model.train, model.judge, folds, seed, on_fold)
    return fibrillation_figures.figures(windows, odds, model.THRESHOLDS).as_json()


def _write_ventricular(
    folder: Path, windows: Sequence[Windows], found: Mapping[str, Any], seed: int, command: str
) -> Card:
    growth, waves = fibrillation_training.GROWTH, fibrillation_waves
    return write_forest_bundle(
        folder,
        fibrillation_training.train(windows, seed),
        classes=("other", "ventricular fibrillation or flutter"),
        columns=waves.NAMES,
        preprocessing=fibrillation.PREPROCESSING,
        window={"seconds": waves.WINDOW / waves.RATE_HZ, "rate_hz": waves.RATE_HZ, "lead": "each by itself"},
        thresholds=fibrillation_training.THRESHOLDS,
        training=_note(windows, seed, command, trees=growth.n_trees, leaves=growth.leaves),
        metrics={"cross_validation_by_patient": found},
        data_licence=_licence(_VENTRICULAR),
    )


def _atrial_figures(
    material: Sequence[AtrialBeats], folds: int, seed: int, on_fold: Callable[[str], None]
) -> dict[str, Any]:
    model = atrial_training
    odds = cross_validate(material, model.train, model.judge, folds, seed, on_fold)
    return atrial_figures.figures(material, odds, model.THRESHOLDS).as_json()


def _write_atrial(
    folder: Path, material: Sequence[AtrialBeats], found: Mapping[str, Any], seed: int, command: str
) -> Card:
    growth = atrial_training.GROWTH
    return write_forest_bundle(
        folder,
        atrial_training.train(material, seed),
        classes=("other", "atrial fibrillation"),
        columns=irregularity.NAMES,
        preprocessing=atrial.PREPROCESSING,
        window={"beats": irregularity.BEATS, "fewest": irregularity.FEWEST},
        thresholds=atrial_training.THRESHOLDS,
        training=_note(material, seed, command, trees=growth.n_trees, leaves=growth.leaves),
        metrics={"cross_validation_by_patient": found},
        data_licence=_licence(_ATRIAL),
    )


def _licence(databases: Sequence[str]) -> str:
    return f"trained on {', '.join(databases[:-1])} and {databases[-1]} of PhysioNet, ODC-By 1.0"


def _note(material: Sequence[Any], seed: int, command: str, **about: Any) -> dict[str, Any]:
    names = [each.record for each in material]
    return {"records": names, "patients": len(set(patients(names))), "seed": seed, **about, "command": command}


MODELS: Mapping[str, RhythmTraining] = MappingProxyType(
    {
        fibrillation.MODEL: RhythmTraining(
            databases=_VENTRICULAR,
            needed=("vfdb", "cudb", "mitdb"),
            records=lambda folder: records_of(_VENTRICULAR, folder),
            read=_read_ventricular,
            cross_validate=_ventricular_figures,
            write=_write_ventricular,
        ),
        atrial.MODEL: RhythmTraining(
            databases=_ATRIAL,
            needed=("mitdb", PIECES),
            records=lambda folder: records_of(_ATRIAL, folder),
            read=read_atrial_beats,
            cross_validate=_atrial_figures,
            write=_write_atrial,
        ),
    }
)
"""By the name of the bundle."""
