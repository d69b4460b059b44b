"""A report folder that is there whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import RequestError

FIGURES = "report.json"
"""The file that every report holds, and by which an old one is known."""


@contextmanager
def writing_report(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, and move it to `folder` when the block ends well; an older report there is replaced.

    What stands in the way is told at once, so that it can be opened before a long computation.

    Raises
    ------
    RequestError
        If the place cannot be written, or holds something that is no report and would be lost.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / FIGURES).is_file():
        raise RequestError(
            f"{folder} holds something else than a report: valid is a new or empty folder, or one with a report",
            about="report",
        )
    folder = folder.resolve()
    with _told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent)
    with workshop:
        part = Path(workshop.name) / "new"
        part.mkdir()
        yield part
        with _told(folder):
            if folder.exists():
                folder.replace(Path(workshop.name) / "old")
            part.replace(folder)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequestError(f"cannot write the report {folder}: {error.strerror}", about="report") from error
