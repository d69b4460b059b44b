"""Which WFDB symbols are beats, and of which class."""

from __future__ import annotations

import pytest

from ecg_stream.replay.labels import AAMI_CLASS, BEAT_SYMBOLS, BXB_CLASS, LABEL_MAPS
from ecg_stream.stream.core.messages import CLASSES


def test_every_class_has_its_own_symbol() -> None:
    """So that a file of N S V F Q can be scored as it stands."""
    assert all(AAMI_CLASS[label] == BXB_CLASS[label] == label for label in CLASSES)


def test_the_maps_differ_in_the_escape_beats_and_nowhere_else() -> None:
    assert AAMI_CLASS.keys() == BXB_CLASS.keys() == BEAT_SYMBOLS
    differing = {symbol for symbol in AAMI_CLASS if AAMI_CLASS[symbol] != BXB_CLASS[symbol]}
    assert differing == {"e", "j", "n"}
    assert {AAMI_CLASS[symbol] for symbol in differing} == {"N"}
    assert {BXB_CLASS[symbol] for symbol in differing} == {"S"}


@pytest.mark.parametrize("symbol", list("!x|~+[]\"^`'sT*D=p@()tu "))
def test_what_is_no_beat_is_in_no_map(symbol: str) -> None:
    assert symbol not in BEAT_SYMBOLS


def test_every_symbol_of_wfdb_is_a_beat_or_known_not_to_be_one() -> None:
    from wfdb.io.annotation import ann_labels

    others = {label.symbol for label in ann_labels} - BEAT_SYMBOLS
    assert others == set('!x|~+[]"^sT*D=p@()tu ')


def test_a_map_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LABEL_MAPS["aami"]["N"] = "V"  # type: ignore[index]
