"""Live sources, each with a real one or its simulator: the beats of the demo, gaps, and a clean end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broker import ecg_stream, free_port, start_broker
from live_sources import ECG, FS, LEADS, LINES, FakeBluetooth, Pty, UdpSender, frames, in_background, numbered
from mqtt_ear import Ear

import ecg_stream as es
from ecg_stream.cli.app import run
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.sources.waiting import Waiting

Capture = pytest.CaptureFixture[bytes]
Beats = list[tuple[int, str]]
UNTIL_THE_END = ("--end", "60", "--exit-when-idle", "20")


@pytest.fixture(scope="module")
def expected() -> Beats:
    """What `replay` gives: the reference of every way in."""
    return [(beat.sample, beat.label) for beat in es.classify(ECG, fs=FS, leads=LEADS).beats]


@pytest.fixture
def live(capfdbinary: Capture) -> Callable[..., tuple[Beats, list[dict[str, Any]], str]]:
    """Plays a source to its end; gives beats, all lines, and what stands on standard error."""

    def played(*arguments: str) -> tuple[Beats, list[dict[str, Any]], str]:
        status = run(["live", *arguments, "--format", "json"])
        out, err = capfdbinary.readouterr()
        assert status == 0, err.decode()
        lines = [json.loads(line) for line in out.splitlines()]
        return [(line["sample"], line["label"]) for line in lines if line["type"] == "beat"], lines, err.decode()

    return played


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the playing begins."""
    event = threading.Event()
    begin = Waiting.begin

    def beginning(waiting: Waiting) -> None:
        begin(waiting)
        event.set()

    monkeypatch.setattr(Waiting, "begin", beginning)
    return event


Live = Callable[..., tuple[Beats, list[dict[str, Any]], str]]


def kinds(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(line["kind"], line.get("detail", "")) for line in lines if line["type"] == "event"]


def test_lines_over_udp(live: Live, expected: Beats, begun: threading.Event) -> None:
    port = free_port()
    datagrams = (b"".join(LINES[k : k + 25]) for k in range(0, len(LINES), 25))
    with in_background(lambda: UdpSender(port, begun).send(datagrams)):
        beats, lines, _ = live(f"udp://:{port}?leads=MLII,V5", *UNTIL_THE_END)
    assert beats == expected
    assert lines[-1]["record"] == f"udp-{port}"


def test_lost_and_late_lines_over_udp(live: Live, expected: Beats, begun: threading.Event) -> None:
    port = free_port()
    parts = [b"".join(LINES[k : k + 25]) for k in range(0, len(LINES), 25)]
    del parts[200:204]  # 5000 to 5100, 0.4 s
    parts[300], parts[301] = parts[301], parts[300]  # one overtakes the other: it is lost
    parts[400] = parts[400][:100] + b"\xff\xfe,,\x1b[2J\n" + parts[400][150:]
    with in_background(lambda: UdpSender(port, begun).send(parts)):
        beats, lines, said = live(f"udp://:{port}", *UNTIL_THE_END)
    gaps = [line["sample"] for line in lines if line.get("kind") == "gap"]
    assert gaps[0] == 5000
    assert "lines could not be read" in said
    late = [beat for beat in expected if beat[0] > 12_000]
    assert [beat for beat in beats if beat[0] > 12_000] == late  # each sample stands where it was measured


@pytest.mark.parametrize("unit", ["1000/mV", "uV"])
def test_samples_over_udp(unit: str, live: Live, expected: Beats, begun: threading.Event) -> None:
    port = free_port()
    with in_background(lambda: UdpSender(port, begun).send(numbered(frames()))):
        beats, _, _ = live(f"udp://:{port}?fs=250&format=int16&leads=MLII,V5&number=sample&unit={unit}", *UNTIL_THE_END)
    assert beats == expected


def test_the_device_of_the_page_is_heard_by_the_command_beside_it(
    live: Live, expected: Beats, begun: threading.Event
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text().partition("## A device over UDP")[2]
    port = free_port()
    (address,) = re.findall(r'^    \$ ecg-stream live "(udp:[^"]+)"$', page, flags=re.MULTILINE)
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)

    def device() -> None:
        assert begun.wait(60)
        exec(program.replace("5005", str(port)), {"print": lambda *_: None})  # lines of ours are on standard output

    with in_background(device):
        beats, _, said = live(address.replace("5005", str(port)), "--end", "10", "--exit-when-idle", "20")
    assert len(beats) > 8
    assert "called mV" not in said
    assert beats == [beat for beat in expected if beat[0] <= beats[-1][0]]


def test_a_device_of_another_unit_than_it_says_is_told(live: Live, begun: threading.Event) -> None:
    port = free_port()
    with in_background(lambda: UdpSender(port, begun).send(numbered(frames()))):  # microvolts
        _, _, said = live(f"udp://:{port}?fs=250&format=int16&leads=MLII,V5&number=sample&unit=mV", *UNTIL_THE_END)
    assert said.count("microvolts, or steps of a converter, called mV would: give --unit uV") == 1


def test_a_person_is_told_what_is_waited_for(capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(["live", "udp://:0", "--exit-when-idle", "0.3"]) == 2
    assert re.search(rb"ecg-stream: listening on UDP 127.0.0.1 port \d+; Ctrl-C ends it", capfdbinary.readouterr().err)


def test_lost_and_late_samples_over_udp(live: Live, expected: Beats, begun: threading.Event) -> None:
    port = free_port()
    parts = list(frames())
    del parts[100:102]  # 5000 to 5100
    parts[150], parts[151] = parts[151], parts[150]
    parts.insert(160, parts[159])  # twice
    datagrams = [*numbered(parts[:170]), b"\1\2\3", *numbered(parts[170:])]
    with in_background(lambda: UdpSender(port, begun).send(datagrams)):
        beats, lines, said = live(
            f"udp://:{port}?fs=250&format=int16&leads=MLII,V5&number=sample&unit=uV", *UNTIL_THE_END
        )
    events = [(line["kind"], line["sample"]) for line in lines if line["type"] == "event"]
    assert ("gap", 5000) in events
    assert sum(kind == "overlap" for kind, _ in events) == 2
    assert "1 datagrams held no whole frame" in said
    assert [beat for beat in beats if beat[0] > 12_000] == [beat for beat in expected if beat[0] > 12_000]


def test_a_serial_port(live: Live, expected: Beats, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("serial")
    with Pty(monkeypatch) as pty:

        def send() -> None:
            # The rest of a line that had begun before, and one that noise has spoiled.
            pty.write([b"63,0.1\n", *LINES[:9000], b"\0\xff~\n", *LINES[9000:]])

        with in_background(send):
            beats, lines, said = live(f"serial:{pty.path}?leads=MLII,V5", *UNTIL_THE_END)
    assert beats == expected
    assert lines[-1]["record"] == Path(pty.path).name
    assert "1 lines could not be read" in said


def test_a_serial_port_without_times_needs_a_rate(
    live: Live, expected: Beats, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("serial")
    bare = [b"\n", *(line.partition(b",")[2] for line in LINES)]
    with Pty(monkeypatch) as pty:
        with in_background(lambda: pty.write(bare[:100])):
            assert run(["live", f"serial:{pty.path}"]) == 2
        assert b"--fs" in capfdbinary.readouterr().err
    with Pty(monkeypatch) as pty, in_background(lambda: pty.write(bare)):
        beats, _, _ = live(f"serial:{pty.path}?fs=250", *UNTIL_THE_END)
    assert beats == expected


class Outlet:
    """A real LSL outlet with the demo, and an ear for markers."""

    def __init__(self, name: str, source_id: str = "", **fields: Any) -> None:
        self.pylsl = pytest.importorskip("pylsl")
        info = self.pylsl.StreamInfo(name, "ECG", 2, fields.get("fs", FS), "float32", source_id)
        info.set_channel_labels(list(LEADS))
        info.set_channel_units(["microvolts"] * 2)
        self._outlet = self.pylsl.StreamOutlet(info)

    def send(self, kept: np.ndarray, began: float, size: int = 25) -> None:
        assert self._outlet.wait_for_consumers(30)
        for k in range(0, len(kept), size):
            part = kept[k : k + size]
            stamps = (began + part / FS).tolist()
            for sample, stamp in zip((1000 * ECG[part]).astype(np.float32), stamps, strict=True):
                self._outlet.push_sample(sample, stamp)


@pytest.fixture
def markers() -> Iterator[Callable[[str], list[tuple[str, float]]]]:
    """Hears the markers of a stream from when it appears; gives label and stamp of each so far."""
    pylsl = pytest.importorskip("pylsl")
    heard: list[tuple[str, float]] = []
    with contextlib.ExitStack() as stack:

        def listen(name: str) -> list[tuple[str, float]]:
            def ear() -> None:
                found = pylsl.resolve_byprop("name", name, 1, 30)
                inlet = pylsl.StreamInlet(found[0], recover=False)
                with contextlib.suppress(pylsl.util.LostError):
                    while (sample := inlet.pull_sample(10))[0] is not None:
                        heard.append((sample[0][0], sample[1]))

            stack.enter_context(in_background(ear))
            return heard

        yield listen


def test_an_lsl_stream_and_markers_at_the_r_peaks(
    live: Live, expected: Beats, markers: Callable[[str], list[tuple[str, float]]], tmp_path: Path
) -> None:
    name = f"ecg {os.getpid()} a"
    outlet = Outlet(name)
    began = outlet.pylsl.local_clock()
    heard = markers(f"{name} beats")
    kept = np.r_[0:5000, 5001:8000, 8100 : len(ECG)]  # one sample, and 0.4 s
    with in_background(lambda: outlet.send(kept, began)):
        beats, lines, _ = live(
            f"lsl:{name}", *UNTIL_THE_END, "--lsl-markers", f"{name} beats", "--annotations", str(tmp_path)
        )
    gaps = [line["sample"] for line in lines if line.get("kind") == "gap"]
    assert 8000 in gaps
    tail = [beat for beat in expected if beat[0] > 11_000]
    assert [beat for beat in beats if beat[0] > 11_000] == tail
    assert heard
    assert [label for label, _ in heard] == [label for _, label in beats[-len(heard) :]]
    stamps = np.array([stamp for _, stamp in heard])
    peaks = began + np.array([sample for sample, _ in beats[-len(heard) :]]) / FS
    assert np.abs(stamps - peaks).max() < 0.5 / FS  # of the R peak's own sample
    assert [path.name for path in tmp_path.iterdir()] == [f"ecg-{os.getpid()}-a.ecs"]


def test_an_lsl_stream_gives_the_beats_of_the_demo(live: Live, expected: Beats) -> None:
    name = f"ecg {os.getpid()} b"
    outlet = Outlet(name)
    with in_background(lambda: outlet.send(np.arange(len(ECG)), outlet.pylsl.local_clock())):
        beats, lines, _ = live(f"lsl:{name}", *UNTIL_THE_END)
    assert beats == expected
    assert kinds(lines) == kinds([line for line in lines if line["type"] == "event" and line["kind"] != "gap"])


def strap_packets(ecg: np.ndarray, size: int = 73) -> list[tuple[float, np.ndarray]]:
    """The demo's first lead as an H10 sends it: 73 samples a packet, the time of the last one on its own clock."""
    microvolts = np.round(1000 * np.nan_to_num(ecg))
    starts = range(0, len(microvolts), size)
    return [((min(k + size, len(microvolts)) - 1) / 130 + 5e8, microvolts[k : k + size]) for k in starts]


def test_a_strap(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polar_python")
    record = demo_record(fs=130)
    ecg = record.signal(0, 60 * 130)[:, 0]
    strap = FakeBluetooth(strap_packets(ecg))
    strap.install(monkeypatch)
    beats, lines, _ = live("polar:1234abcd", *UNTIL_THE_END)
    samples = np.round(1000 * np.nan_to_num(ecg)) / 1000
    assert beats == [(beat.sample, beat.label) for beat in es.classify(samples, fs=130, leads=["ECG"]).beats]
    assert lines[-1]["record"] == "Polar-H10-1234ABCD"
    assert strap.connected == 0


def test_lost_packets_of_a_strap_are_gaps_and_it_is_taken_back(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polar_python")
    from ecg_stream.stream.sources import polar

    monkeypatch.setattr(polar, "LOST_S", 0.5)
    ecg = demo_record(fs=130).signal(0, 60 * 130)[:, 0]
    packets = strap_packets(ecg)
    del packets[20]
    strap = FakeBluetooth(packets)
    strap.stop_after = 60
    strap.install(monkeypatch)
    _, lines, _ = live("polar:", *UNTIL_THE_END)
    gaps = [line["sample"] for line in lines if line.get("kind") == "gap"]
    assert gaps == [20 * 73, 60 * 73]
    assert lines[-1]["samples"] == len(ecg) - 2 * 73
    assert strap.connected == 0


def test_beats_are_published(live: Live, expected: Beats, tmp_path: Path, begun: threading.Event) -> None:
    broker = start_broker(tmp_path)
    try:
        port = free_port()
        with Ear(broker.port, "ecg/#", "ecg-stream/#") as ear:
            with in_background(lambda: UdpSender(port, begun).send(numbered(frames()))):
                live(
                    f"udp://:{port}?fs=250&format=int16&leads=MLII,V5&number=sample&unit=uV",
                    *(*UNTIL_THE_END, "--publish", broker.url, "--name", "bed-7"),
                )
            ear.wait(lambda: ear.count("/beats") == len(expected))
            sent = [json.loads(line) for line in ear.lines("ecg/bed-7/beats")]
            assert [(line["sample"], line["label"]) for line in sent] == expected
            ear.wait(lambda: ear.lines("ecg-stream/ecg-live-bed-7/status") == [b'{"online":true}', b""])
    finally:
        broker.stop()


def test_ctrl_c_ends_it_with_the_summary() -> None:
    port = free_port()
    process = subprocess.Popen(
        ecg_stream("live", f"udp://:{port}?fs=250&format=int16&leads=MLII,V5&unit=uV", "--format", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    with in_background(lambda: UdpSender(port).send(part for _, part in frames())):
        first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert first["type"] in ("beat", "event")
    assert json.loads(out.splitlines()[-1])["type"] == "summary"
    assert not err, err
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["119"], "no live source '119'"),
        (["serial:/dev/ttyNONE?fs=250"], "cannot open the serial port /dev/ttyNONE"),
        (["udp://192.0.2.1:5005?fs=250"], "cannot listen on UDP 192.0.2.1"),
        (["udp://example.org:5005?fs=250"], "no address to listen on"),
        (["udp://:0?format=int16&unit=uV"], "--fs"),
        (["udp://:0?format=int16&fs=250"], "--unit"),
        (["udp://:0?format=int16&fs=20&unit=uV"], "20 Hz"),
        (["udp://:0", "--exit-when-idle", "0.3"], "sent nothing"),
        (["udp://:0?fs=250", "--fs", "500"], "give one"),
        (["udp://:0", "--end", "-1"], "--end -1"),
        (["udp://:0", "--name", "a/b"], "no patient id"),
        (["lsl:none such"], "no LSL stream 'none such'"),
        (["lsl:x", "--fs", "250"], "leave --fs"),
    ],
)
def test_a_bad_source_is_one_line(
    arguments: list[str], words: str, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0].startswith("lsl:"):
        pytest.importorskip("pylsl")
        from ecg_stream.stream.sources import lsl

        monkeypatch.setattr(lsl.LslStream.__init__, "__defaults__", (0.2,))
    assert run(["live", *arguments]) == 2
    err = capfdbinary.readouterr().err.decode()
    assert words in err
    assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize("fault", ["no bluetooth", "no strap", "no answer"])
def test_a_strap_that_is_not_there_is_one_line(
    fault: str, capfdbinary: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("polar_python")
    from ecg_stream.stream.sources import polar

    monkeypatch.setattr(polar, "CONNECT_S", 0.2)
    strap = FakeBluetooth([], name="Polar Sense 99" if fault == "no strap" else "Polar H10 1234ABCD")
    strap.answers = False
    if fault != "no bluetooth":
        strap.install(monkeypatch)
    words = {"no bluetooth": "no Bluetooth", "no strap": "seen are Polar Sense 99", "no answer": "no answer"}[fault]
    assert run(["live", "polar:"]) == 2
    err = capfdbinary.readouterr().err.decode()
    assert words in err
    assert len(err.splitlines()) == 1, err
    assert strap.connected == 0
