import json
import shutil
from pathlib import Path

import pytest

from ecg_stream.cli.app import run
from ecg_stream.models.bundle import SHIPPED, shipped_names


def test_every_shipped_bundle_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "task", "architecture", "classes", "leads"]
    assert [row.split()[0] for row in rows] == shipped_names()


@pytest.mark.parametrize("named", ["dense", str(SHIPPED / "dense")])
def test_a_bundle_that_is_named_is_shown_in_full(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", named]) == 0
    fields = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert fields["task"] == "beat"
    assert len(fields["sha256"]) == 64


def test_cards_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    cards = json.loads(out)
    assert sorted(cards) == shipped_names()
    # A field that came after a card was written has its default.
    assert cards["dense"] == {"kind_memory": 0.0} | json.loads((SHIPPED / "dense" / "card.json").read_text())


def test_copies_of_a_bundle_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = str(shutil.copytree(SHIPPED / "dense", tmp_path / "copy"))
    assert run(["models", "dense", copy, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["dense", copy]


def test_what_is_no_bundle_gets_one_line_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", str(tmp_path)]) == 2
    assert "a bundle is a folder with weights and card.json" in capsys.readouterr().err
