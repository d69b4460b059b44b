"""Words from outside are shown as what they are: no escape sequence, no forged line of the log, no turned text."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ecg_stream.cli.app import run
from ecg_stream.errors import PayloadError
from ecg_stream.models.bundle import SHIPPED
from ecg_stream.stream.core.messages import Chunk, Event
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.sinks import LineSink
from ecg_stream.stream.screen.monitor import Screen
from ecg_stream.stream.screen.view import Title
from ecg_stream.stream.screen.ward import NewsHandler, Ward
from ecg_stream.stream.screen.ward_view import WardScreen
from ecg_stream.stream.screen.watch import Watch
from ecg_stream.stream.service.codec import decode_wave
from ecg_stream.words import PlainFormatter, plain, plain_json

EVIL = "II\x1b[2J\x1b]0;owned\x07\r\n2026-01-01 00:00:00,000 all is well\u202e\u2066\x9b31m\x7f\u2028"


def assert_plain(text: str, lines: int | None = None) -> None:
    assert all(each.isprintable() or each == "\n" for each in text), repr(text)
    assert lines is None or text.count("\n") == lines


@given(st.text())
def test_plain_words_are_one_line_that_can_be_seen(text: str) -> None:
    assert plain(text).isprintable()
    if text.isprintable() and "://" not in text:
        assert plain(text) == text


@given(st.recursive(st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_json_is_the_same_value_in_words_that_can_be_seen(value: object) -> None:
    line = plain_json(msgspec.json.encode(value))
    assert json.loads(line) == value
    assert line.decode().isprintable()


def test_errors_quote_others_in_plain_words() -> None:
    with pytest.raises(PayloadError) as told:
        decode_wave(json.dumps({"v": 1, EVIL: 1}).encode())
    assert_plain(str(told.value), lines=0)


def test_no_line_of_the_log_can_be_forged() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s"))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.warning("device: %s", EVIL)
    assert_plain(out.getvalue(), lines=1)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.exception("failed")
    assert_plain(out.getvalue())
    assert all(line.startswith("    ") for line in out.getvalue().splitlines()[2:])


async def test_lines_and_json_lines() -> None:
    event = Event(5, 0.1, "lead-off", EVIL, EVIL)
    out = io.StringIO()
    await LineSink(out, named=True).write(Step(EVIL, None, [event], 0.0, 0.0))
    assert_plain(out.getvalue(), lines=1)
    line = encode_line(EVIL, event)
    assert_plain(line.decode(), lines=0)
    assert json.loads(line)["lead"] == EVIL


def test_both_screens() -> None:
    chunk = Chunk(0, 250.0, (EVIL, "V5"), [[0.0, 0.0]] * 250)
    step = Step(EVIL, chunk, [Event(5, 0.1, "lead-off", EVIL)], 0.0, 0.0)
    watch, ward = Watch(Title(EVIL, EVIL)), Ward(EVIL)
    watch.take(step)
    ward.take(step)
    NewsHandler(ward).emit(logging.LogRecord("x", logging.WARNING, "", 0, EVIL, (), None))
    for screen in (Screen(watch.view()), WardScreen(ward.view(20, 80))):
        out = io.StringIO()
        Console(file=out, width=120, height=30, color_system=None, force_terminal=False).print(screen, end="")
        assert_plain(out.getvalue(), lines=29)


def test_info_and_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = EVIL.replace("\r", "").replace("\n", "").replace("\u2028", "")  # which a header cannot hold in a line
    header = f"evil 1 250 4\nevil.dat 16 200/mV 16 0 0 0 0 {name}\n# {name}\n"
    (tmp_path / "evil.hea").write_text(header, encoding="utf-8")
    (tmp_path / "evil.dat").write_bytes(bytes(8))
    for options in ((), ("--json",)):
        run(["info", str(tmp_path / "evil"), *options])
        told = capsys.readouterr()
        assert_plain(told.out + told.err)
    card = json.loads((SHIPPED / "context" / "card.json").read_bytes())
    card |= {"name": EVIL, "arch": EVIL, "normalization": EVIL, "classes": [EVIL], "versions": {EVIL: EVIL}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    for options in ((), ("--json",)):
        assert run(["models", str(tmp_path), *options]) == 0
        assert_plain(capsys.readouterr().out)


@pytest.mark.parametrize("arguments", [["info", EVIL], ["models", EVIL], ["subscribe", EVIL], ["replay", "demo", EVIL]])
def test_what_the_command_line_was_given(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert_plain(capsys.readouterr().err, lines=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["subscribe", "mqtt://me:secret@host"],
        ["subscribe", "mqtt://me:secret"],
        ["subscribe", "http://me:secret@host/x"],
        ["subscribe", "mqtt://me:sec/secret@host:1"],
        ["info", "mqtt://me:secret@host"],
        ["replay", "demo", "mqtt://me:secret@host"],
        ["fleet", "mqtt://host", "--state", "nosuch://me:secret@bucket/x"],
        ["publish", "demo", "mqtt://me:secret@host"],
    ],
)
def test_a_password_in_a_url_is_never_echoed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.err
    assert "secret" not in told.out + told.err
