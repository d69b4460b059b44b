"""What a program should know of a record that it named: as warnings, and as the parameter that mends an error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import Part, RecordWarning, RequestError
from ..replay.record import Record
from ..replay.scale import scale_hint

PARAMETERS: dict[Part, str] = {
    "column": 'name it with columns=["2"]',
    "lead": 'name those to look at with leads=["II"]',
    "part of the record": "set it with start= and end=",
    "sampling rate": "give it in hertz with fs=250",
    "unit": 'say what its values are in with unit="uV", or unit="200/mV" for 200 steps of a converter a millivolt',
}
"""The parameter to change, for each part of a request that an error can be about."""


@contextmanager
def naming_parameters() -> Iterator[None]:
    """Let errors of what is run inside name the parameter to change, where they do not say what to do.

    The library states facts: a program is told of a parameter here, a person at a terminal of an option by
    ``cli/advice.py``.
    """
    try:
        yield
    except RequestError as error:
        if error.about in PARAMETERS:
            error.args = (f"{error}: {PARAMETERS[error.about]}",)
            error.about = None
        raise


def warn_of(record: Record) -> None:
    """Warn of how a record is read: signals left out, a file cut short, values that look like another unit's."""
    hint = scale_hint(record)
    told = [*record.notes, *([] if hint is None else [f"{hint}: {PARAMETERS['unit']}"])]
    for note in told:
        warnings.warn(note, RecordWarning, stacklevel=_frames_to_the_caller())


def _frames_to_the_caller() -> int:
    """Count the frames of this package, from who asks on, so that a warning shows the line of the program."""
    ours = {__name__.partition(".")[0], "contextlib"}
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ours:
        level, frame = level + 1, frame.f_back
    return level
