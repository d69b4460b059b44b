"""Lines that come while they are played."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.errors import RecordError
from ecg_stream.replay.as_it_comes import AsItComes
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.formats.asked import Asked
from ecg_stream.replay.formats.lines import LineRecording, open_lines
from ecg_stream.stream.core.messages import Chunk

ECG = demo_record().signal(0, 5000)
ROWS = [f"{a:.3f},{b:.3f}\n" for a, b in ECG.tolist()]


class Pieces:
    """Bytes that come in the pieces given."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def lines(text: str, **asked: object) -> LineRecording:
    return open_lines(io.BytesIO(text.encode()), Asked(**asked))  # type: ignore[arg-type]


def whole(recording: LineRecording, end: float | None = None) -> np.ndarray:
    """All samples, NaN in gaps."""
    chunks = list(recording.chunks(100, end_s=end))
    out = np.full((chunks[-1].start + len(chunks[-1].samples), len(recording.leads)), np.nan)
    for chunk in chunks:
        out[chunk.start : chunk.start + len(chunk.samples)] = chunk.samples
    return out


def test_rows_are_given_as_they_come() -> None:
    head, *rest = "".join(ROWS[:30]).encode(), *(row.encode() for row in ROWS[30:40]), ROWS[40][:7].encode()
    recording = open_lines(Pieces(b"MLII,V5\n", head, *rest, ROWS[40][7:].encode()), Asked(fs=250))
    chunks = list(recording.chunks(100))
    assert (recording.leads, recording.fs, recording.n_samples) == (("MLII", "V5"), 250, None)
    assert [len(chunk.samples) for chunk in chunks] == [19, 11, *[1] * 11]
    np.testing.assert_allclose(np.concatenate([chunk.samples for chunk in chunks]), ECG[:41], atol=1e-9)


def test_a_last_line_without_an_end_counts() -> None:
    np.testing.assert_allclose(whole(lines("".join(ROWS).rstrip("\n"), fs=250)), ECG, atol=1e-9)
    np.testing.assert_allclose(whole(lines("".join(ROWS[:5]).rstrip("\n"), fs=250)), ECG[:5], atol=1e-9)


def test_it_ends_where_it_is_asked_to() -> None:
    np.testing.assert_allclose(whole(lines("".join(ROWS), fs=250), end=10), ECG[:2500], atol=1e-9)


@pytest.mark.parametrize(("name", "factor"), [("time", 1), ("time (ms)", 1000), ("t", 1e6), ("sample", 360)])
def test_a_gap_in_time_is_a_gap(name: str, factor: float) -> None:
    kept = [*range(1000), *range(1600, 5000)]
    text = f"{name},RESP,II\n" + "".join(f"{k / 360 * factor:.6f},1,{ECG[k, 0]:.3f}\n" for k in kept)
    recording = lines(text, fs=360 if name == "sample" else None)
    assert (recording.fs, recording.leads) == (360, ("II",))
    assert recording.notes == ("record stdin: RESP (not an ECG by its name) left out; played: II",)
    samples = whole(recording)[:, 0]
    assert np.flatnonzero(np.isnan(samples)).tolist() == list(range(1000, 1600))
    np.testing.assert_allclose(samples[kept], ECG[kept, 0], atol=1e-9)


def test_the_first_lines_of_times_in_ms_do_not_tell_360_hz() -> None:
    text = "time,II\n" + "".join(f"{k / 360:.3f},{ECG[k, 0]:.3f}\n" for k in range(5000))
    with pytest.raises(RecordError, match="do not tell its sampling rate exactly"):
        lines(text)
    assert len(whole(lines(text, fs=360))) == 5000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stdin is empty"),
        ("I,II\n", "stdin has no row of numbers: a header and no sample"),
        ("I,II\n1,2\n", "stdin does not say its sampling rate: give it in hertz with --fs"),
        ("\0\1\2", "stdin is no text"),
        ("time,RESP\n" + "".join(f"{k / 100},{k % 7}\n" for k in range(99)), "record stdin has no ECG lead"),
    ],
)
def test_what_cannot_be_played_is_told(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["replay", "-"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"ecg-stream: {message}")


def test_a_cell_that_is_no_number_is_told_with_its_line() -> None:
    recording = lines("".join([*ROWS[:100], "1,abc\n", *ROWS]), fs=250)
    with pytest.raises(RecordError, match="stdin line 101: 'abc' in column 2 is no number"):
        list(recording.chunks(100))


def test_time_that_runs_backward_is_told() -> None:
    rows = [f"{k / 250:.3f},1\n" for k in range(100)]
    recording = lines("time,II\n" + "".join([*rows, *rows]), fs=250)
    with pytest.raises(RecordError, match="the time runs backward"):
        list(recording.chunks(100))


def test_other_commands_want_a_record() -> None:
    with pytest.raises(RecordError, match="standard input is played as it comes"):
        find_record("-")
    with pytest.raises(RecordError, match="from its first line on"):
        lines("".join(ROWS), fs=250).chunks(100, start_s=2)


def test_beats_come_while_lines_still_do(tmp_path: Path) -> None:
    """A beat is told before the sender has ended, and Ctrl-C ends it with the summary."""
    command = [sys.executable, "-m", "ecg_stream", "replay", "-", "--fs", "250", "--format", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("".join(ROWS).encode())
        program.stdin.flush()
        first = json.loads(program.stdout.readline())
        assert first["type"] == "beat"
        program.send_signal(signal.SIGINT)
        summary = json.loads(program.stdout.read().splitlines()[-1])
        program.stdin.close()
        assert program.wait() == 130
    assert summary["type"] == "summary"
    assert summary["samples"] == 5000


async def test_a_reader_that_waits_is_left_behind() -> None:
    entered, let_go = threading.Event(), threading.Event()
    chunk = Chunk(0, 250.0, ("II",), np.zeros((5, 1)))

    def coming():
        yield chunk
        entered.set()
        let_go.wait()
        yield chunk

    source = aiter(AsItComes(coming()))
    assert await anext(source) is chunk
    await asyncio.to_thread(entered.wait)
    await source.aclose()  # type: ignore[attr-defined]
    let_go.set()


async def test_what_reading_raises_is_raised_where_chunks_are_taken() -> None:
    def broken():
        yield Chunk(0, 250.0, ("II",), np.zeros((5, 1)))
        raise RecordError("broken")

    with pytest.raises(RecordError, match="broken"):
        _ = [chunk async for chunk in AsItComes(broken())]
