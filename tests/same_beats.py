"""The same ten minutes of a record as a file of each kind, and live from each source: the same beats.

::

    python tests/same_beats.py [RECORD [WAY...]]     # 119 unless named; a few minutes

Prints the command of each, how many beats it gives, and how far its R peaks lie from those of the WFDB record. Exit
code 1 where a label differs or a peak lies more than a sample away. Needs the extras [files] and [lsl], and Mosquitto.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import edfio
import numpy as np
import pylsl
from broker import Mosquitto, ecg_stream, free_port
from live_sources import UdpSender
from mqtt_ear import Ear

import ecg_stream as es

END_S = 600
REAL_TIME_S, SPEED = 20.0, 8.0
"""A live source is fed in real time while the command starts, then faster; still faster, and the buffers of LSL and
UDP, which are made for real time, run over."""
Beats = list[tuple[int, str]]
LIVE = ("--end", str(END_S), "--exit-when-idle", "30", "--format", "json")


def beats(out: bytes) -> Beats:
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        if line["type"] == "event" and line["kind"] in ("gap", "overlap"):
            print(f"           {line['kind']} at {line['time']} s: {line.get('detail', '')}")
    return [(line["sample"], line["label"]) for line in lines if line["type"] == "beat"]


class Ways:
    """Ways in, each a command and what feeds it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        record = es.read_record(name, end=END_S)
        self.fs, self.leads, self.samples = record.fs, record.leads, record.samples
        self.rows = np.column_stack([np.arange(len(self.samples)) / self.fs, self.samples])
        self.lines = [
            (",".join([f"{row[0]:.6f}", *(f"{x:.3f}" for x in row[1:])]) + "\n").encode() for row in self.rows.tolist()
        ]

    def played(self, *arguments: str, fed: bytes | None = None) -> tuple[str, Beats]:
        command = ["replay", *arguments, "--speed", "max", "--format", "json"]
        done = subprocess.run(ecg_stream(*command), input=fed, stdout=subprocess.PIPE, cwd=self.folder, check=True)
        return " ".join(command), beats(done.stdout)

    def live(self, source: str, feed: Callable[[], None]) -> tuple[str, Beats]:
        command = ["live", source, *LIVE]
        feeding = threading.Thread(target=feed)
        with subprocess.Popen(ecg_stream(*command), stdout=subprocess.PIPE, cwd=self.folder) as process:
            feeding.start()
            out, _ = process.communicate()
        feeding.join()
        assert process.returncode == 0
        return " ".join(command), beats(out)

    def paced(self, size: int) -> Iterator[slice]:
        """Give pieces of the record when they are due."""
        began, pause = time.monotonic(), threading.Event()
        for first in range(0, len(self.samples), size):
            second = first / self.fs
            due = min(second, REAL_TIME_S) + max(0.0, second - REAL_TIME_S) / SPEED
            pause.wait(max(0.0, began + due - time.monotonic()))
            yield slice(first, first + size)

    def wfdb(self) -> tuple[str, Beats]:
        return self.played(self.name, "--end", str(END_S))

    def csv(self) -> tuple[str, Beats]:
        header = ",".join(["time (s)", *(f"{lead} (mV)" for lead in self.leads)]) + "\n"
        (self.folder / "119.csv").write_bytes(header.encode() + b"".join(self.lines))
        return self.played("119.csv")

    def edf(self) -> tuple[str, Beats]:
        limits = {"physical_dimension": "mV", "physical_range": (-10.24, 10.235), "digital_range": (-2048, 2047)}
        signals = [
            edfio.EdfSignal(x, self.fs, label=lead, **limits)
            for lead, x in zip(self.leads, self.samples.T, strict=True)
        ]
        edfio.Edf(signals).write(self.folder / "119.edf")
        return self.played("119.edf")

    def npy(self) -> tuple[str, Beats]:
        np.save(self.folder / "119.npy", self.samples)
        return self.played("119.npy", "--fs", f"{self.fs:g}")

    def stdin(self) -> tuple[str, Beats]:
        header = ",".join(["time (s)", *(f"{lead} (mV)" for lead in self.leads)]) + "\n"
        return self.played("-", fed=header.encode() + b"".join(self.lines))

    def mqtt(self) -> tuple[str, Beats]:
        broker = Mosquitto(self.folder)
        broker.start()
        command = ["subscribe", broker.url, "--format", "json", "--exit-when-idle", "5"]
        try:
            with subprocess.Popen(ecg_stream(*command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                with Ear(broker.port, "ecg-stream/+/status") as ear:
                    ear.wait(lambda: ear.count("/status") > 0, 120)
                publish = ["publish", self.name, broker.url, "--speed", "max", "--end", str(END_S)]
                subprocess.run(ecg_stream(*publish), check=True, stderr=subprocess.DEVNULL)
                out, _ = process.communicate()
        finally:
            broker.stop()
        return f"{' '.join(publish)}; {' '.join(command)}", beats(out)

    def lsl(self) -> tuple[str, Beats]:
        name = f"{self.name} {os.getpid()}"
        info = pylsl.StreamInfo(name, "ECG", len(self.leads), self.fs, "double64", "same-beats")
        info.set_channel_labels(list(self.leads))
        info.set_channel_units(["millivolts"] * len(self.leads))
        outlet = pylsl.StreamOutlet(info, max_buffered=2 * END_S)

        def feed() -> None:
            assert outlet.wait_for_consumers(120)
            began = pylsl.local_clock()
            for piece in self.paced(36):
                part = self.samples[piece]
                outlet.push_chunk(np.ascontiguousarray(part), began + (piece.start + len(part) - 1) / self.fs)

        return self.live(f"lsl:{name}", feed)

    def udp_lines(self) -> tuple[str, Beats]:
        port = free_port()
        parts = (b"".join(self.lines[piece]) for piece in self.paced(36))
        return self.live(f"udp://:{port}?leads={','.join(self.leads)}", lambda: UdpSender(port).send(parts))

    def udp_int16(self) -> tuple[str, Beats]:
        port = free_port()
        counts = np.rint(self.samples * 200).astype("<i2")

        def datagrams() -> Iterator[bytes]:
            for piece in self.paced(36):
                yield np.uint32(piece.start).tobytes() + counts[piece].tobytes()

        options = f"fs={self.fs:g}&format=int16&number=sample&unit=200/mV&leads={','.join(self.leads)}"
        return self.live(f"udp://:{port}?{options}", lambda: UdpSender(port).send(datagrams()))


WAYS = ("wfdb", "csv", "edf", "npy", "stdin", "mqtt", "lsl", "udp_lines", "udp_int16")


def main(name: str, asked: tuple[str, ...]) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(BrokenPipeError):
        ways = Ways(name, Path(folder))
        expected = ways.wfdb()[1]
        for way in asked or WAYS:
            command, found = getattr(ways, way)()
            same = [label for _, label in found] == [label for _, label in expected]
            apart = max((abs(a - b) for (a, _), (b, _) in zip(found, expected, strict=False)), default=0)
            wrong += not same or apart > 1
            print(f"{way:10} {len(found):5} beats  labels {'same' if same else 'DIFFER'}  R within {apart} samples")
            print(f"           ecg-stream {command}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "119", tuple(sys.argv[2:])))
