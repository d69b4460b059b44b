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

    Raises
    ------
    RequestError
        If the place cannot be written, or holds something that is no report and would be lost.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / FIGURES).is_file():
        raise RequestError(f"{folder} holds something else than a report: name a new or empty folder with --report")
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as workshop:
            part = Path(workshop) / "new"
            part.mkdir()
            yield part
            if folder.exists():
                folder.replace(Path(workshop) / "old")
            part.replace(folder)
    except OSError as error:
        raise RequestError(
            f"cannot write the report {folder}: {error.strerror}: name a writable folder with --report"
        ) from error
