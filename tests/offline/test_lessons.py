"""The teaching notebooks run, in a short form, and show what they promise."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from synthetic_ptbxl import write_database

import ecg_stream

pytestmark = pytest.mark.filterwarnings("ignore:Even though the:UserWarning")  # that reading the data is not eager
LESSONS = Path(ecg_stream.__file__).resolve().parent / "docs/teaching"


def run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_EPOCHS", "1")
    runpy.run_path(str(LESSONS / name), run_name="__main__")


def test_beats(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], eagerly: None) -> None:
    pytest.importorskip("tensorflow", reason="training needs the extra [train]")
    run("beats.py", monkeypatch)
    told = capsys.readouterr().out
    for kind in ("dense", "LSTM", "SimpleRNN"):
        assert f"{kind}: " in told
    assert told.count("area under the ROC curve of V") == 3
    assert "QRS" in told


def test_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], eagerly: None
) -> None:
    pytest.importorskip("tensorflow", reason="training needs the extra [train]")
    write_database(tmp_path / "ptb-xl", per_fold=4)
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    run("strips.py", monkeypatch)
    told = capsys.readouterr().out
    assert "32 strips to learn from, 50% of them infarctions; 4 to choose on" in told
    assert "crnn: area under the ROC curve" in told
    assert "cnn   youden" in told


def test_a_lesson_is_a_notebook_without_results() -> None:
    for lesson in LESSONS.glob("*.py"):
        cells = lesson.read_text().split("# %%")
        assert cells[0] == "", "it begins with a cell"
        assert sum(cell.startswith(" [markdown]") for cell in cells) > 4
    assert not list(LESSONS.glob("*.ipynb"))
