"""Compiled loops: machine code on disk is that of the sources, also of those of the parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = """
from ecg_stream.stream.compiled import compiled
from part import FACTOR, part

@compiled
def loop(n):
    return FACTOR * part(n)

print(loop(3), sum(loop.stats.cache_hits.values()))
"""
PART = """
from ecg_stream.stream.compiled import compiled_part

FACTOR = {factor}
OFFSET = {offset}

@compiled_part
def part(n):
    # {comment}
    return n + OFFSET
"""


@pytest.mark.parametrize(("factor", "offset", "printed"), [(2, 1, "8 0"), (3, 0, "9 0"), (2, 0, "6 1")])
def test_a_loop_is_compiled_anew_when_a_part_of_another_file_or_a_constant_has_changed(
    tmp_path: Path, factor: int, offset: int, printed: str
) -> None:
    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-B", str(tmp_path / "loop.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "part.py").write_text(PART.format(factor=2, offset=0, comment="as it was"))
    assert run() == "6 0"
    (tmp_path / "part.py").write_text(PART.format(factor=factor, offset=offset, comment="changed in words"))
    assert run() == printed
