import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.cli.app import run
from ecg_stream.offline.ec57 import compare
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record

COMMAND = [sys.executable, "-c", "from ecg_stream.cli.app import main; main()"]
FAST = ["--speed", "max", "--format", "json"]


def replayed(*arguments: str) -> list[bytes]:
    """What `ecg-stream replay ... --speed max --format json` prints, line by line."""
    held, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
    try:
        assert run(["replay", *arguments, *FAST]) == 0
        sys.stdout.flush()
        return sys.stdout.buffer.getvalue().splitlines()  # type: ignore[attr-defined]
    finally:
        sys.stdout = held


def test_beats_events_and_the_summary_come_as_json_lines() -> None:
    *outputs, summary = map(json.loads, replayed("demo"))
    beats = [output for output in outputs if output["type"] == "beat"]
    events = [output for output in outputs if output["type"] == "event"]
    assert {output["record"] for output in (*outputs, summary)} == {"demo"}
    assert summary["type"] == "summary"
    assert summary["samples"] == find_record("demo").n_samples
    assert summary["beats"] == len(beats) > 600
    assert summary["counts"] == {label: sum(beat["label"] == label for beat in beats) for label in "NSVFQ"}
    assert summary["events"] == {kind: sum(event["kind"] == kind for event in events) for kind in summary["events"]}
    assert {"lead-off", "lead-on"} <= set(summary["events"])
    assert len({beat["sample"] for beat in beats}) == len(beats)
    assert all(sum(beat["probabilities"].values()) == pytest.approx(1, abs=1e-3) for beat in beats)
    assert summary["delay_ms"]["p95"] <= 300
    assert summary["lag_ms"]["max"] == 0


@settings(max_examples=25, deadline=None)
@given(st.floats(4, 60_000))
def test_however_the_stream_is_cut_the_lines_are_the_same(chunk_ms: float) -> None:
    expected = replayed("demo", "--start", "200", "--end", "245")[:-1]
    assert replayed("demo", "--start", "200", "--end", "245", "--chunk-ms", str(chunk_ms))[:-1] == expected


def test_a_part_of_a_record_keeps_its_place_in_the_record() -> None:
    beats = [json.loads(line) for line in replayed("demo", "--start", "100", "--end", "110")[:-1]]
    assert all(100 <= beat["time"] <= 110 for beat in beats)
    assert beats[0]["rr_ms"] is not None


def test_a_part_is_played_as_if_the_stream_had_begun_before_it() -> None:
    start = 300 * 250
    whole = [line for line in replayed("demo", "--end", "330")[:-1] if json.loads(line)["sample"] >= start]
    *part, summary = replayed("demo", "--start", "300", "--end", "330")
    assert part == whole
    beats = [line for line in map(json.loads, part) if line["type"] == "beat"]
    assert json.loads(summary)["beats"] == len(beats) > 30
    assert json.loads(summary)["samples"] == 30 * 250
    assert not any("learning" in beat for beat in beats)
    *cold, _ = map(json.loads, replayed("demo", "--start", "300", "--end", "330", "--preroll", "0"))
    assert [beat["sample"] >= start for beat in cold].count(True) == len(cold)
    assert cold[0]["rr_ms"] is None
    learning = [beat.get("learning", False) for beat in cold]
    assert 8 <= learning.count(True) < 16
    assert learning == sorted(learning, reverse=True)


def test_what_stands_of_a_lead_at_the_start_is_told_first() -> None:
    outputs = [json.loads(line) for line in replayed("demo")[:-1]]
    off = next(output for output in outputs if output.get("kind") == "lead-off")
    first = json.loads(replayed("demo", "--start", str(off["time"] + 2), "--end", str(off["time"] + 4))[0])
    assert first == off


def test_leads_are_chosen_by_name_or_index() -> None:
    second = find_record("demo").leads[1]
    by_name = replayed("demo", "--end", "30", "--lead", second)[:-1]
    assert by_name == replayed("demo", "--end", "30", "--lead", "1")[:-1]
    assert by_name != replayed("demo", "--end", "30", "--lead", "0")[:-1]


def test_annotations_are_the_beats(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in replayed("demo", "--annotations", str(tmp_path / "new"))]
    beats = sorted((line["sample"], line["label"]) for line in lines if line["type"] == "beat")
    written = read_annotations(tmp_path / "new" / "demo", find_record("demo").fs, "ecs")
    assert written is not None
    found = written.beats()
    assert list(zip(found.samples.tolist(), found.symbols, strict=True)) == beats
    rhythms = [line for line in lines if line["type"] == "rhythm" and line["state"] == "begin"]
    bigeminy = [line["sample"] for line in rhythms if line["name"] == "bigeminy"]
    marked = zip(written.samples.tolist(), written.notes, strict=True)
    assert [sample for sample, note in marked if note == "(B"] == bigeminy


def test_lines_are_for_people_and_stand_in_for_the_monitor_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for form in ([], ["--format", "monitor"], ["--format", "lines"]):
        assert run(["replay", "demo", "--speed", "max", "--end", "20", *form]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        shown[tuple(form)] = out.split("demo: ")[0]
        assert "5,000 samples" in out
    assert len(set(shown.values())) == 1
    first = shown[()].splitlines()[0].split()
    assert first[0].startswith("0:00:0")
    assert first[1] in "NSVFQ"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "no record 'nonsense'"),
        (["demo", "--lead", "aVR"], "no lead 'aVR': valid are "),
        (["demo", "--speed", "fast"], "no speed 'fast': valid for --speed are numbers above 0, and max"),
        (["demo", "--speed", "0"], "no speed '0'"),
        (["demo", "--speed", "inf"], "no speed 'inf'"),
        (["demo", "--speed", "nan"], "no speed 'nan'"),
        (["demo", "--chunk-ms", "0"], "--chunk-ms"),
        (["demo", "--chunk-ms", "-4"], "--chunk-ms"),
        (["demo", "--start", "601"], "valid is 0 <= start < end <= 600: set it with --start and --end"),
        (["demo", "--start", "20", "--end", "10"], "valid is 0 <= start < end <= 600: set it with --start and --end"),
        (["demo", "--start", "20", "--preroll", "-1"], "a preroll of -1 s cannot be run"),
        (["demo", "--start", "20", "--preroll", "nan"], "valid are numbers from 0 on"),
        (["demo", "--model", "nonsense"], "no model 'nonsense': valid are "),
        (["demo", "--format", "xml"], "'monitor', 'lines', 'json'"),
        (["demo", "--annotations", "/proc/nowhere"], "cannot write to /proc/nowhere"),
    ],
)
def test_a_wrong_request_gets_one_line_and_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_a_wrong_model_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("nonsense", ""):
        assert run(["replay", "demo", "--model", model, "--annotations", str(tmp_path / "new")]) == 2
        assert f"no model '{model}'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(["replay", "demo", *FAST, "--annotations", str(tmp_path / "file" / "folder")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(": name a folder that can be written with --annotations\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_annotations_and_the_summary(number: signal.Signals, code: int, tmp_path: Path) -> None:
    arguments = ["replay", "demo", "--speed", "2", "--format", "json", "--annotations", str(tmp_path)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert err == b""
    assert process.returncode == code
    *beats, summary = [*seen, *map(json.loads, out.splitlines())]
    assert summary["type"] == "summary"
    assert summary["beats"] == len(beats)
    written = read_annotations(tmp_path / "demo", 250, "ecs")
    assert written is not None
    assert written.samples.tolist() == [beat["sample"] for beat in beats]


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen(
        [*COMMAND, "replay", "demo", *FAST], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_on_a_terminal_there_is_the_monitor_and_the_terminal_is_given_back() -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    terminal = pyte.Screen(80, 24)
    stream = pyte.ByteStream(terminal)
    environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    written = b""
    with subprocess.Popen(
        [*COMMAND, "replay", "demo", "--speed", "4"], stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        while " N 00:0" not in "\n".join(terminal.display):  # until a beat stands in the list
            piece = os.read(leader, 65536)
            written += piece
            stream.feed(piece)
        screen = terminal.display
        process.send_signal(signal.SIGINT)
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other end has closed
                break
            written += piece
        process.wait(30)
    os.close(leader)
    assert screen[0].startswith(" demo ")
    assert "×4" in screen[0]
    assert any("╵00:0" in line for line in screen)
    assert "Ctrl-C ends" in screen[-1]
    assert process.returncode == 130
    assert written.count(b"\x1b[?1049h") == written.count(b"\x1b[?1049l") == 1
    after = written.rpartition(b"\x1b[?1049l")[2]
    assert b"times real time" in after
    assert b"\x1b[?25h" in written.rpartition(b"\x1b[?25l")[2]


def test_tensorflow_is_never_imported() -> None:
    code = f"import sys; from ecg_stream.cli.app import run; run(['replay', 'demo', '--end', '20', *{FAST!r}])"
    code += "; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in done.stderr.split()} & {"tensorflow", "keras", "sklearn", "matplotlib"}


@pytest.mark.parametrize("name", ["e0103", "119", "800"])
def test_real_records(name: str, real_record: Callable[[str], Record], tmp_path: Path) -> None:
    record = real_record(name)
    *outputs, summary = map(json.loads, replayed(name, "--annotations", str(tmp_path)))
    samples = [output["sample"] for output in outputs if output["type"] == "beat"]
    assert len(set(samples)) == len(samples) == summary["beats"]
    assert summary["delay_ms"]["p95"] <= 300
    truth, found = record.annotations(), read_annotations(tmp_path / record.name, record.fs, "ecs")
    assert truth is not None
    assert found is not None
    counts = compare(truth, found, record.fs).counts
    matched = int(counts[:5, :5].sum())
    assert matched / counts[:5].sum() >= 0.998
    assert matched / counts[:, :5].sum() >= 0.998


def test_at_begins_before_the_annotation_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    reference = demo_record().annotations()
    assert reference is not None
    second = [at for at, symbol in zip(reference.samples.tolist(), reference.symbols, strict=True) if symbol == "V"][1]
    end = str(second / 250 + 2)
    asked = ["replay", "demo", "--at", "V:2", "--preroll", "20", "--end", end, "--speed", "max", "--format", "json"]
    assert run(asked) == 0
    beats = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if line["type"] == "beat"]
    assert second - 5 * 250 <= beats[0]["sample"] < second
    assert any(abs(beat["sample"] - second) < 0.15 * 250 for beat in beats)
    assert run(["replay", "demo", "--at", "(VT"]) == 2
    assert "no '(VT' in the record: valid are N (" in capsys.readouterr().err
    assert run(["replay", "demo", "--at", "V", "--start", "9"]) == 2
