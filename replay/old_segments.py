"""Removing what `SegmentRecorder` wrote long ago; nothing else that lies there is touched."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ..stream.service.topics import is_patient_id

BEGUN = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
_SEGMENT = re.compile(r"s\d{10,}")
_SUFFIXES = (".hea", ".dat", ".ecs")  # the header first, as it makes a record of the files


def remove_old(folder: Path, before: float, current: Collection[Path]) -> int:
    """Remove segments that were written before a time, and the folders that this leaves empty.

    Parameters
    ----------
    folder
        Of all patients.
    before
        Seconds since 1970.
    current
        Folders of recordings that go on: they stay, and so does the newest segment in each.

    Returns
    -------
    int
        How many segments were removed.
    """
    removed = 0
    for patient in _folders(folder):
        if not is_patient_id(patient.name):
            continue
        for recording in _folders(patient):
            if not BEGUN.fullmatch(recording.name):
                continue
            headers = sorted(each for each in recording.glob("s*.hea") if _SEGMENT.fullmatch(each.stem))
            for header in headers[:-1] if recording in current else headers:
                if _written(header) < before:
                    for suffix in _SUFFIXES:
                        header.with_suffix(suffix).unlink(missing_ok=True)
                    removed += 1
            if recording not in current:
                with suppress(OSError):  # something else lies in it
                    recording.rmdir()
        with suppress(OSError):  # not empty
            patient.rmdir()
    return removed


def _folders(folder: Path) -> list[Path]:
    try:
        return [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
    except OSError:
        return []


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return float("inf")
