"""Machines where nothing can be kept: what is said, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROBE = """
from ecg_stream.cli.starting import tell_uncached
from ecg_stream.stream.core import machine_code
if {locked}:
    machine_code._own_folders = lambda: []
tell_uncached()
"""


def told(tmp_path: Path, *, locked: bool, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(locked=locked)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


def test_without_a_folder_for_compiled_code_one_line_says_so(tmp_path: Path) -> None:
    assert told(tmp_path, locked=False) == ""
    line = told(tmp_path, locked=True)
    assert line.count("\n") == 1
    assert "set NUMBA_CACHE_DIR to one that can" in line
    assert told(tmp_path, locked=True, NUMBA_DISABLE_JIT="1") == ""
