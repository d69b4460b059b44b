"""``import ecg_stream``: what it gives, that it costs nothing, and that it is typed."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ecg_stream as es

ROOT = Path(es.__file__).resolve().parent

PUBLIC = [
    "Alert",
    "Annotations",
    "Beat",
    "Chunk",
    "Event",
    "FEATURES",
    "Intervals",
    "Pipeline",
    "Probabilities",
    "Recording",
    "Result",
    "Rhythm",
    "Score",
    "Signal",
    "St",
    "Summary",
    "__version__",
    "classify",
    "errors",
    "read_record",
    "score",
    "stream",
    "testing",
]


def python(code: str, *options: str) -> str:
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these():
    assert sorted(es.__all__) == PUBLIC
    assert dir(es) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(es, name) is not None


def test_what_type_checkers_see_is_what_is_there():
    (checked,) = (
        node for node in ast.parse(Path(es.__file__).read_text()).body if isinstance(node, ast.If) and node.orelse
    )
    seen = [alias.asname or alias.name for node in checked.body for alias in node.names]
    assert sorted([*seen, "__version__"]) == PUBLIC
    for node in checked.body:
        for alias in node.names:
            if node.module is not None and alias.name != "stream":
                module = importlib.import_module(f"ecg_stream.{node.module}")
                assert getattr(es, alias.asname or alias.name) is getattr(module, alias.name)


def test_public_names_are_documented():
    for name in PUBLIC:
        if not name.startswith("__"):
            assert inspect.getdoc(getattr(es, name)), f"{name} has no docstring"
    told = (ROOT / "docs/api.md").read_text()
    for name in PUBLIC:
        assert f"`{name}" in told, f"docs/api.md says nothing of {name}"


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'ecg_stream' has no attribute 'clasify'"):
        es.clasify  # noqa: B018
    with pytest.raises(ImportError, match="clasify"):
        from ecg_stream import clasify  # noqa: F401


def test_importing_the_package_imports_no_library():
    loaded = python("import sys, ecg_stream; dir(ecg_stream); print(*sys.modules)").split()
    assert not {"numpy", "numba", "onnxruntime", "wfdb", "scipy", "pandas", "msgspec", "typer"} & set(loaded)


def test_a_chunk_needs_no_model():
    loaded = python("import sys, ecg_stream; ecg_stream.Chunk(0, 250, ['II'], [0.1]); print(*sys.modules)").split()
    assert not {"numba", "onnxruntime", "wfdb", "scipy"} & set(loaded)


def test_stream_is_a_function_and_a_room_at_once():
    code = """
import ecg_stream as es
import ecg_stream.stream.pipeline as pipeline
from ecg_stream import stream
assert es.stream is stream and callable(stream)
assert es.stream.pipeline is pipeline and es.Pipeline is pipeline.Pipeline
try:
    es.stream([])
except es.errors.RequestError as error:
    print(error)
"""
    assert "got a list to stream from" in python(code)


def test_a_star_import_gives_the_public_names():
    given = python("from ecg_stream import *; print(*sorted(n for n in dir() if not n.startswith('__')))").split()
    assert given == [name for name in PUBLIC if not name.startswith("__")]


def test_python_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "ecg_stream", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ecg-stream {es.__version__}\n"
    done = subprocess.run(
        [sys.executable, "-m", "ecg_stream", "info", "nobody"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ecg-stream: no record 'nobody'")


def test_a_users_program_is_typed():
    """With the settings and the cache of ``mypy -p ecg_stream``, which are strict: after that, it takes a second."""
    pytest.importorskip("mypy")
    place = Path(os.environ.get("MYPYPATH", "-"))
    if not (place / "ecg_stream").exists():  # the checkout is the package: mypy sees it under its name
        place = ROOT / ".mypy_cache" / "packages"
        place.mkdir(parents=True, exist_ok=True)
        if not (place / "ecg_stream").is_symlink():
            (place / "ecg_stream").symlink_to(ROOT)
    command = [sys.executable, "-m", "mypy", "tests/typed_user.py"]
    environment = os.environ | {"MYPYPATH": str(place)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
