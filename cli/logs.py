"""Where the log goes: standard error, a line a message."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer

from ..words import PlainFormatter, plain, plain_json

LogFormat: TypeAlias = Annotated[
    Literal["text", "json"],
    typer.Option(help="How to write the log, on standard error: lines for people, or a JSON object a line."),
]


def log_to_stderr(log_format: Literal["text", "json"] = "text") -> None:
    """Let what is logged be written to standard error, with the time, in words that can be seen."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s") if log_format == "text" else JsonFormatter())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("ecg_stream").setLevel(logging.INFO)


class JsonFormatter(logging.Formatter):
    """Writes a message of the log as one JSON object: time (UTC), level, logger, message, traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": plain(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return plain_json(msgspec.json.encode(line)).decode()
