"""Compiled loops: machine code on disk is that of the sources, also of those of the parts; and what runs without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = """
import sys
from pathlib import Path

import numpy as np

from ecg_stream.stream.core import machine_code
from ecg_stream.stream.core.compiled import Loop, compiled
from part import part
from record import RECORD

@compiled
def loop(x):
    return part(x[0])

x = np.zeros(1, dtype=RECORD)
x["a"], x["b"] = 3, 5
found = loop.is_ready
Loop.making = None if found else machine_code.writable_folder()
print(loop(x), "found" if found else "made")
if found:
    assert "numba" not in sys.modules
else:
    from ecg_stream.stream.core.machine_code_writer import write
    write(loop, machine_code.writable_folder(), machine_code.target())
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
        ("part.py", "min(", "max(", "10 made"),
        ("part.py", "record.a, record.b", "record.b, record.b", "10 made"),
        ("part.py", "more=0", "more=1", "7 made"),
        ("constant.py", "2", "3", "9 made"),
        ("record.py", '"b", np.int64)]', '"b", np.float64)]', "6.0 made"),
        ("loop.py", "print", "print", "6 found"),
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
    assert run() == "6 made"
    source = (tmp_path / file).read_text()
    assert before in source
    (tmp_path / file).write_text(source.replace(before, after))
    assert run() == printed
