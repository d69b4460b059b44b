"""What the terminal can show."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

DRAWN = "·×…─━│┬╵▀█▌⠁⣿"
"""Characters that the monitor is drawn with; an output that cannot encode them gets lines."""


def can_draw() -> bool:
    """Whether standard output is a terminal on which the monitor can be drawn."""
    out = sys.stdout
    if not out.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    try:
        DRAWN.encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def settle() -> None:
    """See to it that nothing that is printed can fail for the terminal's sake.

    A character that it does not have becomes a question mark. A width or height of 0, as some terminals set in the
    environment, is no size.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # replaced by something else, or closed
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # what tests put there may not have it
    for name in ("COLUMNS", "LINES"):
        if not os.environ.get(name, "1").strip().strip("0"):
            del os.environ[name]
