"""The Python that README and docs show is run as it stands."""

from __future__ import annotations

import importlib.util
import re
import runpy
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import ecg_stream
from ecg_stream.models.bundle import Card
from ecg_stream.stream.core.messages import EventKind

ROOT = Path(ecg_stream.__file__).resolve().parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = {"mqtt.md"}  # its device needs a broker: tests/cli/test_mqtt_docs.py
EXTRAS = ("onnx", "pandas")  # an example may need what an extra brings


def examples() -> list[object]:
    found: list[object] = []
    for page in PAGES:
        if page.name not in ELSEWHERE:
            blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
            found += [pytest.param(block, id=f"{page.name}-{k}") for k, block in enumerate(blocks)]
    return found


def test_there_are_examples():
    assert len(examples()) > 5


@pytest.mark.parametrize("code", examples())
def test_an_example_runs_by_itself(code, tmp_path, monkeypatch, capsys):
    for library in EXTRAS:
        if f"import {library}" in code and importlib.util.find_spec(library) is None:
            pytest.skip(f"needs {library}")
    script = tmp_path / "example.py"
    script.write_text(code)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out, "an example shows something"


def test_the_page_of_python_names_every_kind_of_event():
    told = (ROOT / "docs/api.md").read_text()
    assert [kind for kind in get_args(EventKind) if f"`{kind}`" not in told] == []


def test_the_page_of_bundles_names_every_field_of_a_card():
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/bundles.md").read_text(), flags=re.MULTILINE)
    assert told == [field.name for field in msgspec.structs.fields(Card)]
