"""The first start: beats come before the machine code, and are the same; what is made beside is found afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_stream.stream.core.machine_code import writable_folder

CODE = """
import sys
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream import first_start
from ecg_stream.stream.core import machine_code
from ecg_stream.stream.core.compiled import loops
from ecg_stream.stream.pipeline import Pipeline

def beats():
    return [repr(each) for chunk in demo_record(seconds=12.0).chunks(500.0) for each in pipeline.push(chunk)]

pipeline = Pipeline()
if sys.argv[1] == "first":
    assert not first_start.is_ready()
    assert first_start.interpret_meanwhile()
    first = beats()
    assert not first_start.is_ready(), "machine code was made in no time"
    first_start.compile_loops()
    assert first_start.is_ready()
else:
    assert first_start.is_ready() and not first_start.interpret_meanwhile()
    first = beats()
    assert all(machine_code.load(loop.name, loop.digest) is not None for loop in loops)
assert "numba" not in sys.modules
print(*first, sep="\\n")
"""


@pytest.mark.skipif(writable_folder() is None, reason="no machine code on this platform")
def test_first_beats_do_not_wait_and_are_those_of_the_machine_code_made_meanwhile(tmp_path: Path) -> None:
    def run(which: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", CODE, which], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first = run("first")
    assert len(first) > 8
    assert run("later") == first
