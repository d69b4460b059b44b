"""The labels of the demo are those that they were, beat by beat; see `golden`, which also makes the files anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.golden import ARGUMENTS, Row, differences, read, replayed, report, write

from ecg_stream.replay.annotations import read_annotations


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_beat_and_event_is_as_it_was(name: str) -> None:
    found = [Row.of(line) for line in replayed(ARGUMENTS[name])]
    told = report(name, read(name), found)
    assert not told, told


def test_annotations_are_as_they_were(tmp_path: Path) -> None:
    replayed(["demo", "--annotations", str(tmp_path)])
    written = read_annotations(tmp_path / "demo", 250, "ecs")
    assert written is not None
    golden = [row.exact[1:3] for row in read("demo.txt") if row.probability is not None]
    marked = zip(written.samples.tolist(), written.symbols, strict=True)
    assert [(str(at), symbol) for at, symbol in marked if symbol != "+"] == golden


# ---- the comparison itself


def beat(sample: int, label: str = "N", probability: float = 0.9, rr: str = "800") -> Row:
    return Row(("beat", str(sample), label, rr, "140"), probability)


ROWS = [beat(100), beat(300), Row(("event", "400", "lead-off", "V5")), beat(500), beat(700)]


def test_what_is_alike_does_not_differ() -> None:
    assert differences(ROWS, ROWS) == []
    assert report("demo.txt", ROWS, ROWS) == ""


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (beat(300, "V"), "was beat     300 N 0.90  800  140   is beat     300 V 0.90  800  140"),
        (beat(300, rr="804"), "was beat     300 N 0.90  800  140   is beat     300 N 0.90  804  140"),
        (beat(300, probability=0.92), "was beat     300 N 0.90  800  140   is beat     300 N 0.92  800  140"),
    ],
)
def test_a_beat_that_is_otherwise_is_told_as_it_was_and_as_it_is(changed: Row, told: str) -> None:
    assert differences(ROWS, [ROWS[0], changed, *ROWS[2:]]) == [told]


def test_the_rounding_of_another_processor_is_no_difference() -> None:
    assert differences(ROWS, [ROWS[0], beat(300, probability=0.909), *ROWS[2:]]) == []


def test_one_beat_missed_or_moved_is_told_and_those_after_it_are_not() -> None:
    assert differences(ROWS, [ROWS[0], *ROWS[2:]]) == ["was beat     300 N 0.90  800  140   is not there"]
    assert differences(ROWS, [ROWS[0], beat(305), *ROWS[2:]]) == [
        "was beat     300 N 0.90  800  140   is not there",
        "was not there   is beat     305 N 0.90  800  140",
    ]
    assert differences(ROWS, [*ROWS[:2], *ROWS[3:]]) == ["was event    400 lead-off V5   is not there"]


def test_of_many_differences_the_first_are_shown_and_all_are_counted() -> None:
    many = [beat(100 * k) for k in range(50)]
    told = report("demo.txt", many, [beat(100 * k, "S") for k in range(50)])
    assert told.startswith("demo.txt: 50 of 50 rows differ")
    assert told.endswith("... and 40 more")


def test_a_file_holds_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labels.golden.HERE", tmp_path)
    first = beat(50, rr="-")
    write("demo.txt", [first, *ROWS])
    assert read("demo.txt") == [first, *ROWS]
