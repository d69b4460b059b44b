"""The log as JSON: an object a line, whatever was logged."""

from __future__ import annotations

import json
import logging

from ecg_stream.cli.logs import JsonFormatter


def record(message: str, *arguments: object, error: bool = False) -> logging.LogRecord:
    try:
        raise ZeroDivisionError("a\nb") if error else AssertionError
    except ArithmeticError as caught:
        info = (type(caught), caught, caught.__traceback__)
    except AssertionError:
        info = None
    return logging.LogRecord("ecg_stream.mqtt", logging.WARNING, "file", 1, message, arguments, info)


def test_a_message_is_one_object() -> None:
    line = JsonFormatter().format(record("patient '%s': %d messages", "bed-7\x1b[2J\n\u202e", 3))
    assert "\n" not in line
    assert line.isprintable()
    found = json.loads(line)
    assert (found["level"], found["logger"]) == ("warning", "ecg_stream.mqtt")
    assert found["message"] == "patient 'bed-7\\x1b[2J\\n\\u202e': 3 messages"
    assert found["time"].endswith("+00:00")


def test_a_traceback_is_in_it() -> None:
    line = JsonFormatter().format(record("the pipeline failed", error=True))
    assert "\n" not in line
    assert "ZeroDivisionError: a" in json.loads(line)["traceback"]
