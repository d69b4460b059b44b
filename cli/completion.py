"""What the shell offers for a RECORD and a model: what is at hand; nothing is fetched or loaded for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

MOST = 200
"""A list of more is no help."""


def record_names(incomplete: str) -> list[str]:
    """Give the records at hand, as ``db/name`` or by their bare name, that begin with what is typed."""
    names = (name if name.startswith(incomplete) else name.rpartition("/")[2] for name in _records())
    return list(islice((name for name in names if name.startswith(incomplete)), MOST))


def model_names(incomplete: str) -> list[str]:
    """Give the shipped models whose name begins with what is typed."""
    from ..models.bundle import SHIPPED

    names = sorted(card.parent.name for card in SHIPPED.glob("*/card.json"))
    return [name for name in names if name.startswith(incomplete)]


def _records() -> Iterator[str]:
    from ..replay.catalog import GENERATED, data_folder

    yield from GENERATED
    with suppress(OSError):  # no data folder, or one that cannot be read
        for database in sorted(path for path in data_folder().iterdir() if path.is_dir()):
            with suppress(OSError):
                yield from sorted(f"{database.name}/{header.stem}" for header in database.glob("*.hea"))
