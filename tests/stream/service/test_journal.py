from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.errors import SnapshotError
from ecg_stream.stream.service.journal import Entry, Journal
from ecg_stream.stream.service.state_folder import ServiceCard, StateFolder


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path)
    yield journal
    journal.close()


def test_what_was_appended_is_read_again(journal, tmp_path) -> None:
    assert journal.append("wave", "bed-1", b"\x00payload") == 1
    assert journal.append("out", "bed-1", b"line", refers=1) == 2
    journal.begin_segment()
    assert journal.append("confirmed", refers=2) == 3
    assert [entry.number for entry in Journal(tmp_path).read()] == [1, 2]
    journal.keep()
    again = Journal(tmp_path)
    assert list(again.read()) == [
        Entry(1, "wave", "bed-1", b"\x00payload"),
        Entry(2, "out", "bed-1", b"line", 1),
        Entry(3, "confirmed", refers=2),
    ]
    assert again.append("end", "bed-1") == 4
    again.close()
    assert [entry.number for entry in Journal(tmp_path).read()] == [1, 2, 3, 4]


@given(st.integers(0, 400))
def test_a_torn_end_costs_only_itself(tmp_path_factory, cut) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    sizes = []
    for k in range(5):
        journal.append("wave", "a", bytes([k]) * 40)
        journal.keep()
        sizes.append(next(folder.glob("*.log")).stat().st_size)
    journal.close()
    file = next(folder.glob("*.log"))
    file.write_bytes(file.read_bytes()[:cut])
    again = Journal(folder)
    assert len(list(again.read())) == sum(size <= cut for size in sizes)
    number = again.append("wave", "a", b"new")
    again.close()
    assert [entry.content for entry in Journal(folder).read()][-1] == b"new"
    assert number == 1 + sum(size <= cut for size in sizes)


def test_segments_are_forgotten_when_nothing_in_them_is_needed(journal, tmp_path) -> None:
    for _ in range(3):
        journal.append("wave", "a", b"")
        journal.append("wave", "a", b"")
        journal.begin_segment()
    journal.forget(before=4)
    assert [entry.number for entry in Journal(tmp_path).read()] == [3, 4, 5, 6]
    journal.forget(before=100)
    journal.append("wave", "a", b"")
    journal.keep()
    assert [entry.number for entry in Journal(tmp_path).read()] == [7]


def test_numbers_go_on_when_nothing_was_left_to_be_needed(tmp_path) -> None:
    first = Journal(tmp_path)
    for _ in range(5):
        first.append("wave", "a", b"")
    first.begin_segment()
    first.forget(before=6)
    first.close()
    second = Journal(tmp_path)
    assert list(second.read()) == []
    assert second.append("wave", "a", b"") == 6
    second.close()


def test_one_folder_one_process(tmp_path) -> None:
    folder = StateFolder(tmp_path / "state")
    with pytest.raises(SnapshotError, match="in use by another"):
        StateFolder(tmp_path / "state")
    folder.close()
    StateFolder(tmp_path / "state").close()


def test_patients_and_card(tmp_path) -> None:
    folder = StateFolder(tmp_path)
    assert folder.card() is None
    folder.write_card(ServiceCard("ecg-stream-1", "ecg/+/wave"))
    folder.write_patients({"a.b": folder.encode({"x": 1}), "gone": folder.encode({})})
    folder.remove_patient("gone")
    (tmp_path / "patients" / "torn.state").write_bytes(b"ECGS")
    folder.close()
    again = StateFolder(tmp_path)
    assert again.card() == ServiceCard("ecg-stream-1", "ecg/+/wave")
    found = dict(again.patients())
    assert found.keys() == {"a.b", "torn"}
    assert found["a.b"] == {"x": 1}
    assert "too few" in str(found["torn"])
    again.close()


def test_a_place_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SnapshotError, match="cannot use") as told:
        StateFolder(tmp_path / "file")
    assert told.value.about == "state"
