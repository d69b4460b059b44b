"""How long after each R peak its marker arrives: the demo as an LSL stream in real time, `live --lsl-markers`, an ear.

::

    python tests/marker_delay.py [SECONDS] [SAMPLES]     # 60 s in chunks of 25 samples, 100 ms, unless named

Prints the time from the R peak (the stamp of the marker) to its arrival, and how far the stamp lies from the R peak's
own sample.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

import numpy as np
import pylsl
from broker import ecg_stream

import ecg_stream as es

FS = 250.0
STARTED_S = 20.0  # the command loads its models while the stream runs; what came meanwhile is classified late


def main(seconds: float, size: int) -> None:
    record = es.read_record("demo", end=seconds)
    info = pylsl.StreamInfo("marker delay", "ECG", 2, FS, "float32", "marker-delay")
    info.set_channel_labels(list(record.leads))
    info.set_channel_units(["millivolts"] * 2)
    outlet = pylsl.StreamOutlet(info)
    command = ["live", "lsl:marker delay", "--lsl-markers", "marker delay beats", "--format", "json"]
    process = subprocess.Popen(ecg_stream(*command, "--exit-when-idle", "5"), stdout=subprocess.PIPE)
    heard: list[tuple[float, float]] = []

    def hear() -> None:
        inlet = pylsl.StreamInlet(pylsl.resolve_byprop("name", "marker delay beats", 1, 120)[0], recover=False)
        with contextlib.suppress(pylsl.util.LostError):
            while (stamp := inlet.pull_sample(30.0)[1]) is not None:
                heard.append((stamp, pylsl.local_clock()))

    ear = threading.Thread(target=hear)
    ear.start()
    outlet.wait_for_consumers(120)
    began, pause = pylsl.local_clock(), threading.Event()
    for first in range(0, len(record.samples), size):
        part = record.samples[first : first + size]
        last_s = began + (first + len(part) - 1) / FS
        pause.wait(max(0.0, last_s - pylsl.local_clock()))  # a chunk leaves when its last sample has been measured
        outlet.push_chunk(np.ascontiguousarray(part, dtype=np.float32), last_s)
    process.communicate()
    ear.join()
    stamps, arrived = np.array([each for each in heard if each[0] > began + STARTED_S]).T
    delay = 1000 * (arrived - stamps)
    off = np.abs((stamps - began) * FS - np.rint((stamps - began) * FS)).max() / FS
    p50, p95 = np.percentile(delay, (50, 95))
    print(f"{len(stamps)} markers, chunks of {1000 * size / FS:g} ms: R peak to marker, median {p50:.0f} ms, ", end="")
    print(f"95 % {p95:.0f} ms, longest {delay.max():.0f} ms; the stamp within {1e6 * off:.0f} µs of a sample's own")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, int(sys.argv[2]) if len(sys.argv) > 2 else 25)
