"""Compiled loops: machine code on disk is that of the sources, also of those of the parts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = """
import numpy as np

from ecg_stream.stream.core.compiled import compiled
from part import part
from record import RECORD

@compiled
def loop(x):
    return part(x[0])

x = np.zeros(1, dtype=RECORD)
x["a"], x["b"] = 3, 5
print(loop(x), sum(loop.stats.cache_hits.values()))
"""
PART = """
from ecg_stream.stream.core.compiled import compiled_part
from constant import FACTOR

@compiled_part
def part(record, more=0):
    return FACTOR * min(record.a, record.b) + more
"""
CONSTANT = "FACTOR = 2\n"
RECORD = """
import numpy as np

RECORD = np.dtype([("a", np.int64), ("b", np.int64)])
"""


@pytest.mark.parametrize(
    ("file", "before", "after", "printed"),
    [
        ("part.py", "min(", "max(", "10 0"),
        ("part.py", "record.a, record.b", "record.b, record.b", "10 0"),
        ("part.py", "more=0", "more=1", "7 0"),
        ("constant.py", "2", "3", "9 0"),
        ("record.py", "np.int64)]", "np.float32)]", "6.0 0"),
        ("loop.py", "print", "print", "6 1"),
    ],
)
def test_a_loop_is_compiled_anew_when_a_part_of_another_file_has_changed(
    tmp_path: Path, file: str, before: str, after: str, printed: str
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
    for name, text in (("loop", LOOP), ("part", PART), ("constant", CONSTANT), ("record", RECORD)):
        (tmp_path / f"{name}.py").write_text(text)
    assert run() == "6 0"
    source = (tmp_path / file).read_text()
    assert before in source
    (tmp_path / file).write_text(source.replace(before, after))
    assert run() == printed
