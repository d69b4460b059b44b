"""The first start: what is compiled in another process is found on disk by this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from ecg_stream.stream import first_start
from ecg_stream.stream.beats.kernel import describe_beats
from ecg_stream.stream.core.compiled import is_cached
from ecg_stream.stream.qrs.kernel import detect

assert not is_cached(detect) and not is_cached(describe_beats)
first_start.compile_loops()
assert is_cached(detect) and is_cached(describe_beats)
first_start.compile_windows()
assert sum(describe_beats.stats.cache_hits.values()) == 1, describe_beats.stats
first_start.compile_loops()
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: nothing is compiled side by side")
def test_the_loops_are_compiled_side_by_side_and_found_afterwards(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
