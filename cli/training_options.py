"""What `train beat` and `train detector` share: which records to train on, and reading them with a progress bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from ..errors import RequestError

if TYPE_CHECKING:
    from ..offline.own_records import OwnRecords
    from ..offline.training_records import TrainingRecord
    from ..stream.core.messages import Samples
    from ..stream.qrs.network import DetectorNetwork

Databases: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--db", metavar="NAME", help="Record list to train on; repeat for several: see `evaluate beat --help`."
    ),
]
OwnList: TypeAlias = Annotated[
    Path | None,
    typer.Option("--records", metavar="LIST", help="File that lists records of your own: RECORD PATIENT, a line each."),
]
OwnFolder: TypeAlias = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of these; NAME.atr beside each is its reference.")
]
Folds: TypeAlias = Annotated[int, typer.Option(metavar="N", min=2, help="Folds of patients, for --fold.")]
Fold: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Leave out this fold of patients; the card names its records as held out."),
]
Seed: TypeAlias = Annotated[int, typer.Option(metavar="N", min=0, help="Random seed.")]


class TimeLeft:
    """How long a training goes on at most, by the epochs so far; members that stop early make it shorter.

    Parameters
    ----------
    epochs
        Most epochs of each member, in their order.
    """

    def __init__(self, epochs: Sequence[int]) -> None:
        self._epochs = epochs
        self._began = time.monotonic()
        self._done = 0

    def after(self, member: int, epoch: int) -> str:
        """Say how long it goes on after an epoch of a member, both counted from 0."""
        self._done += 1
        each_s = (time.monotonic() - self._began) / self._done
        left = self._epochs[member] - epoch - 1 + sum(self._epochs[member + 1 :])
        return f"at most {in_words(left * each_s)} left"


def in_words(seconds: float) -> str:
    """Write a length of time for people.

    >>> in_words(42.4), in_words(200), in_words(5000)
    ('42 s', '3 min', '1 h 23 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def own_records(records: Path | None, data: Path | None) -> OwnRecords | None:
    """Read the list of a user's own records; None if there is none.

    Raises
    ------
    RequestError
        If one of the two is missing, or the list or a record cannot be read.
    """
    from ..offline.own_records import read_own

    if records is None and data is None:
        return None
    if records is None or data is None:
        raise RequestError("--records and --data go together: the list of your records, and the folder of them")
    return read_own(records, data)


def training_split(
    databases: Sequence[str], folds: int, fold: int | None, *, rhythms: bool = False, own: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Give the records to train on and those held out, both ``db/name`` and at hand; name the missing.

    With `rhythms`, lists of records whose rhythms alone are annotated are valid too. `own` are records beside, see
    `own_records`.

    Raises
    ------
    RequestError
        If a list is unknown, nothing of it is at hand, or there is no such fold.
    """
    from ..offline.splits import LISTS, RHYTHMS, missing_line, patient_folds, record_list, split_by_presence
    from ..replay.catalog import data_folder

    if fold is not None and fold >= folds:
        raise RequestError(f"no fold {fold} of {folds}: --fold counts from 0 to {folds - 1}")
    lists = {**LISTS, **RHYTHMS} if rhythms else LISTS
    asked = [name for database in databases for name in record_list(database, lists).records]
    present, missing = split_by_presence(list(dict.fromkeys(asked)), data_folder())
    if missing:
        print(missing_line(missing), file=sys.stderr)
    present += own
    if not present:
        raise RequestError(f"none of the records of {' '.join(databases)} is in {data_folder()}: fetch them first")
    if fold is None:
        return present, []
    held_out = set(patient_folds(present, folds)[fold])
    return [name for name in present if name not in held_out], [name for name in present if name in held_out]


def training_note(
    command: str,
    databases: Sequence[str],
    records: tuple[list[str], list[str]],
    folds: int,
    fold: int | None,
    **about: Any,
) -> dict[str, Any]:
    """Say in a card how a model was trained: on what, without what, and by which command."""
    if fold is not None:
        command += f" --folds {folds} --fold {fold}"
    trained_on, held_out = records
    return {"databases": list(databases), "records": trained_on, "held_out": held_out, **about, "command": command}


def read_records(names: Sequence[str], own: Path | None = None) -> list[TrainingRecord]:
    """Read the records, showing how far."""
    from ..offline.training_records import read_training_records

    with progress(len(names), "reading") as advance:
        records = []
        for record in read_training_records(names, own):
            records.append(record)
            advance(record.name)
    return records


def read_all_records(names: Sequence[str], detector: DetectorNetwork, own: Path | None = None) -> list[TrainingRecord]:
    """Read records, and after them those whose rhythms alone are annotated, by what is found; show how far."""
    from ..offline.splits import has_rhythms_alone
    from ..offline.weak_labels import read_weak_records

    records = read_records([name for name in names if not has_rhythms_alone(name)], own)
    weak = [name for name in names if has_rhythms_alone(name)]
    with progress(len(weak), "reading rhythms") as advance:
        for name in weak:
            records += read_weak_records([name], detector)
            advance(name)
    return records


def noises_at_hand() -> dict[str, Samples]:
    """Read the noise records, or none, and say so."""
    from ..errors import RecordError
    from ..offline.training_records import read_noises

    try:
        return read_noises()
    except RecordError as error:
        print(f"training without noise: {error}", file=sys.stderr)
        return {}


@contextmanager
def progress(total: int, what: str) -> Iterator[_Advance]:
    """Show a bar on standard error."""
    from tqdm import tqdm

    with tqdm(total=total, desc=what, unit="record", file=sys.stderr, leave=False) as bar:
        yield _Advance(bar)


class _Advance:
    def __init__(self, bar: tqdm[None]) -> None:
        self._bar = bar

    def __call__(self, name: str = "") -> None:
        self._bar.set_postfix_str(name, refresh=False)
        self._bar.update()

    def tell(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.write(line, file=sys.stderr)


if TYPE_CHECKING:
    from tqdm import tqdm
