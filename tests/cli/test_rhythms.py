"""`ecg-stream rhythms`: the table, and tables of alerts of one's own."""

from __future__ import annotations

import json

import pytest

from ecg_stream.cli.app import run
from ecg_stream.stream.rhythm.alert_table import AlertTable
from ecg_stream.stream.rhythm.rules import FOUND


def test_the_table_has_rhythms_rates_and_priorities(capsys) -> None:
    assert run(["rhythms"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("high, 30 s") == 6
    assert "median rate of 8" in shown
    assert run(["rhythms", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in table["rhythms"]} == FOUND
    assert set(table["alerts"]["rhythm"]) == set(AlertTable().rhythms)
    assert table["alerts"]["rate"]["extreme-bradycardia"]["below"] == 40


def test_a_table_of_ones_own_begins_with_the_built_in_one(capsys, tmp_path) -> None:
    file = tmp_path / "alerts.toml"
    assert run(["rhythms", "--toml"]) == 0
    built_in = capsys.readouterr().out
    file.write_text(built_in)
    assert run(["rhythms", "--toml", "--alerts", str(file)]) == 0
    assert capsys.readouterr().out == built_in
    file.write_text('[rhythm.couplet]\npriority = "high"\n')
    assert run(["rhythms", "--json", "--alerts", str(file)]) == 0
    wanted = {"rhythm": {"couplet": {"priority": "high", "repeat_s": 30.0, "quality": 0.5}}, "rate": {}}
    assert json.loads(capsys.readouterr().out)["alerts"] == wanted


@pytest.mark.parametrize(
    "command", [["rhythms"], ["replay", "demo"], ["subscribe", "mqtt://localhost:1"], ["live", "-"]]
)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[rhythm.asystole]\npriority = "urgent"\n',
            "rhythm.asystole.priority is 'urgent': valid are high, medium, low",
        ),
        (None, "is no file: valid is a table of alerts, TOML"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(capsys, tmp_path, command, text, says) -> None:
    file = tmp_path / "alerts.toml"
    if text is not None:
        file.write_text(text)
    assert run([*command, "--alerts", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert str(file) in line
    assert says in line
    assert "`ecg-stream rhythms --toml`" in line


def test_json_and_toml_are_not_both(capsys) -> None:
    assert run(["rhythms", "--json", "--toml"]) == 2
    assert "valid is one of them" in capsys.readouterr().err
