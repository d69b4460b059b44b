"""The compiled loops give the same as the Python that they are written in: they can be stepped through, and covered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

RUN = """
import json, sys
import numpy as np
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.cascade import Cascade
from ecg_stream.stream.core.compiled import Loop
from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.core.snapshots import from_bytes, to_bytes
from ecg_stream.stream.first_start import compile_loops, is_ready
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.qrs.detector import load_network
from ecg_stream.stream.qrs.kernel import detect

compile_loops()
record = demo_record(seconds=90.0)
fs, features, beats = record.fs, [], []
for begin, end, lost in ((0.0, 24.0, [1]), (60.0, 75.0, [0, 1])):
    samples = record.signal(round(begin * fs), round(end * fs)).copy()
    samples[round(12 * fs) : round(13 * fs), lost] = np.nan
    pipeline, cascade = Pipeline(), Cascade(fs, record.leads, load_network(), n_logged=20)
    outputs = []
    for start in range(0, len(samples), 1000):
        chunk = samples[start : start + 1000]
        if start == 2000:  # in another process, as it were
            state, pipeline = pipeline.snapshot(), Pipeline()
            pipeline.restore(from_bytes(to_bytes(state)))
        outputs += pipeline.push(Chunk(start=start, fs=fs, leads=record.leads, samples=chunk))
        features.append(cascade.push(chunk).beats.features)
    outputs += pipeline.flush()
    features.append(cascade.flush().beats.features)
    beats += [[output.sample, output.label] for output in outputs if isinstance(output, Beat)]
np.save(sys.argv[1], np.concatenate(features))
print(json.dumps({"beats": beats, "compiled": isinstance(detect, Loop), "ready": is_ready()}))
"""


def run(folder: Path, jit: bool) -> tuple[dict[str, Any], np.ndarray]:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0" if jit else "1"}
    features = folder / f"features-{jit}.npy"
    command = [sys.executable, "-W", "error", "-c", RUN, str(features)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), np.load(features)


def test_beats_are_the_same_with_and_without_machine_code(tmp_path: Path) -> None:
    compiled, features = run(tmp_path, jit=True)
    plain, plain_features = run(tmp_path, jit=False)
    assert compiled["compiled"]
    assert not plain["compiled"]
    assert plain["ready"]  # there is nothing to wait for
    assert len(plain["beats"]) > 20
    assert plain["beats"] == compiled["beats"]
    np.testing.assert_allclose(plain_features, features, rtol=1e-5, atol=1e-6)
