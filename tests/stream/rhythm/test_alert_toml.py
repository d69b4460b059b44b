"""The table of alerts as TOML: what is written is read again, and what is none is refused in one line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.errors import RequestError
from ecg_stream.stream.rhythm.alert_table import AlertRow, AlertTable, RateRow
from ecg_stream.stream.rhythm.alert_toml import LONGEST, from_toml, to_toml
from ecg_stream.stream.rhythm.rules import FOUND

priorities = st.sampled_from(("high", "medium", "low"))
repeats = st.sampled_from((0.0, 30.0, 45.5, 3600.0))
qualities = st.sampled_from((0.0, 0.25, 1.0))
rows = st.builds(AlertRow, priorities, repeats, qualities)
slow = st.builds(RateRow, priorities, repeats, qualities, below=st.just(40.0), until=st.sampled_from((40.0, 47.5)))
fast = st.builds(
    RateRow,
    priorities,
    repeats,
    qualities,
    above=st.just(150.0),
    until=st.sampled_from((140.0, 150.0)),
    lasts_s=st.sampled_from((0.0, 4.5)),
)
rhythm_names = st.sampled_from(sorted(FOUND - {"noise"}))


@given(st.dictionaries(rhythm_names, rows), st.dictionaries(st.sampled_from(("a", "slow-at-night")), slow | fast))
def test_what_is_written_is_read_again(rhythms, rates) -> None:
    table = AlertTable(rhythms, rates)
    assert from_toml(to_toml(table).encode(), "alerts.toml") == table


def test_the_built_in_table_is_read_again() -> None:
    assert from_toml(to_toml(AlertTable()).encode(), "alerts.toml") == AlertTable()


def test_what_is_missing_is_as_the_priority_has_it() -> None:
    table = from_toml(b'[rhythm.couplet]\npriority="medium"\n[rate.slow]\npriority="high"\nbelow=45\n', "f")
    assert table.rhythms == {"couplet": AlertRow("medium", 60.0, 0.5)}
    assert table.rates == {"slow": RateRow("high", 30.0, 0.5, below=45.0, until=45.0)}
    assert from_toml(b'[rhythm.noise]\npriority="low"\n', "f").rhythms == {"noise": AlertRow("low", 0.0, 0.0)}
    assert from_toml(b"", "f") == AlertTable({}, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rhythm.asystole\n", "f.toml is no TOML: Expected ']' at the end of a table declaration (at line 1"),
        ("\xff", "f.toml is no text in UTF-8"),
        ("a = " + "[" * 5000, "f.toml is no TOML"),
        ("a = " + "1" * 5000, "f.toml is no TOML"),
        ("# " + "x" * LONGEST, "valid are 65536 and fewer"),
        ("[alerts]\n", "f.toml: there is no alerts: valid are rhythm, rate"),
        ("rhythm = 3\n", "f.toml: rhythm is 3: valid are sections such as [rhythm.NAME]"),
        ("rhythm.asystole = 3\n", "f.toml: rhythm.asystole is 3: valid is a section [rhythm.asystole]"),
        ("[rhythm.asystole]\n", "f.toml: rhythm.asystole.priority is missing: valid are high, medium, low"),
        ('[rhythm.asystole]\npriority = "urgent"\n', "f.toml: rhythm.asystole.priority is 'urgent': valid are high"),
        ("[rhythm.asystole]\npriority = ['high']\n", "f.toml: rhythm.asystole.priority is ['high']: valid are high"),
        ('[rhythm.asystole]\npriority = "high"\nrepeats = 30\n', "f.toml: there is no rhythm.asystole.repeats:"),
        ('[rhythm.asystole]\npriority = "high"\nrepeat_s = 10\n', "rhythm.asystole.repeat_s is 10: valid are 30"),
        ('[rhythm.asystole]\npriority = "high"\nrepeat_s = nan\n', "rhythm.asystole.repeat_s is nan: valid are 30"),
        ('[rhythm.asystole]\npriority = "high"\nrepeat_s = true\n', "rhythm.asystole.repeat_s is True: valid is a"),
        ('[rhythm.asystole]\npriority = "high"\nrepeat_s = ' + "1" * 400, "repeat_s is too large: valid is a number"),
        ('[rhythm.asystole]\npriority = "high"\nbelow = 40\n', "f.toml: there is no rhythm.asystole.below: valid are"),
        ('[rhythm.VF]\npriority = "high"\n', "f.toml: rhythm.VF: valid are asystole, atrial-fibrillation"),
        ('[rhythm."\\u001b[2J"]\npriority = "high"\n', "f.toml: rhythm.\\x1b[2J: valid are"),
        ('[rate.slow]\npriority = "high"\n', "f.toml: rate.slow.below is missing, or both are given: valid is one of"),
        ('[rate.slow]\npriority = "high"\nbelow = 40\nabove = 50\n', "rate.slow.below is 40: valid is one of below"),
        ('[rate.slow]\npriority = "high"\nbelow = 40\nuntil = 30\n', "f.toml: rate.slow.until is 30: valid are 40"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(text: str, says: str) -> None:
    content = text.encode("latin-1") if text == "\xff" else text.encode()
    with pytest.raises(RequestError) as refused:
        from_toml(content, "f.toml")
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
    assert refused.value.about == "alerts"


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_a_table_or_refused(content: bytes) -> None:
    with suppress(RequestError):
        from_toml(content, "f.toml")
