"""Words from outside, made fit to be shown: the one place that all foreign text goes through.

A key of a payload, the name of a lead, a stream, a header's comment or a bundle may hold escape sequences that rewrite
a terminal, a line end that forges a line of the log, or marks that turn the direction of reading. Errors
(`errors.EcgStreamError`), the log, both screens, and what the commands print are made of `plain` words.
"""

from __future__ import annotations

import json
import logging
import re

_WITH_PASSWORD = re.compile(r"(\w[\w+.-]*://)[^\s/]*:\S*@")


def plain(text: str) -> str:
    r"""Give text as one line on which everything can be seen: whatever is not printable becomes its escape.

    User and password of a URL are left out.

    >>> plain("bed-7\x1b[2J\n12:00 all is well")
    'bed-7\\x1b[2J\\n12:00 all is well'
    """
    if "://" in text:  # a password is never shown, wherever its URL was given
        text = _WITH_PASSWORD.sub(r"\1...@", text)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def plain_json(line: bytes) -> bytes:
    """Give a line of JSON, the same value, with escapes where a string holds what cannot be printed."""
    if line.isascii() and b"\x7f" not in line:
        return line
    shown = (each if each.isprintable() else json.dumps(each)[1:-1] for each in line.decode())
    return "".join(shown).replace("\x7f", "\\u007f").encode()


class PlainFormatter(logging.Formatter):
    """Writes a message of the log on one line; lines of a traceback are set in, so that none looks like a message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the name is logging's
        """Write the line of a message."""
        return plain(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802
        """Write a traceback."""
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]  # what logging hands over
        return "\n".join(f"    {plain(line)}" for line in lines)
