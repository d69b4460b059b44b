"""Where the log goes: standard error, a line a message."""

from __future__ import annotations

import logging
import sys

from ..words import PlainFormatter


def log_to_stderr() -> None:
    """Let what is logged be written to standard error, with the time, in words that can be seen."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s"))
    logging.basicConfig(handlers=[handler])
