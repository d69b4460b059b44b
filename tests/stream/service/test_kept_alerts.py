"""Alerts that wait for a webhook survive the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecg_stream.errors import SnapshotError
from ecg_stream.stream.service import kept_alerts
from ecg_stream.stream.service.kept_alerts import KeptAlerts


@pytest.fixture
def open_kept() -> Iterator[Callable[[Path], KeptAlerts]]:
    """Opens a journal as a process would that is then killed: it is closed after the test."""
    opened: list[KeptAlerts] = []

    def open_one(folder: Path) -> KeptAlerts:
        opened.append(KeptAlerts(folder))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def lines(folder: Path) -> list[bytes]:
    """What another process would find: nothing was closed here."""
    kept = KeptAlerts(folder)
    found = [line for _, line in kept.read()]
    kept.close()
    return found


def test_what_was_not_taken_is_there_after_a_kill(tmp_path, open_kept) -> None:
    folder = tmp_path / "webhook"
    kept = open_kept(folder)
    assert kept.read() == []
    keys = [kept.add(b"alert %d" % number) for number in range(5)]
    kept.done(keys[0])
    kept.done(keys[3])
    assert lines(folder) == [b"alert 1", b"alert 2", b"alert 4"]
    assert lines(folder) == [b"alert 1", b"alert 2", b"alert 4"]  # and after a second one
    assert folder.stat().st_mode & 0o77 == 0


def test_it_goes_on_with_what_it_found(tmp_path, open_kept) -> None:
    first = open_kept(tmp_path / "webhook")
    first.read()
    first.add(b"a")
    second = open_kept(tmp_path / "webhook")
    ((key, line),) = second.read()
    assert line == b"a"
    second.add(b"b")
    second.done(key)
    assert lines(tmp_path / "webhook") == [b"b"]


def test_a_process_that_died_while_it_wrote_anew_doubles_nothing(tmp_path, open_kept) -> None:
    kept = open_kept(tmp_path / "webhook")
    kept.read()
    kept.add(b"a")
    kept._journal.begin_segment()
    kept._journal.append("out", content=b"a")
    assert lines(tmp_path / "webhook") == [b"a"]


def test_it_does_not_grow(tmp_path, monkeypatch, open_kept) -> None:
    monkeypatch.setattr(kept_alerts, "LONGEST_BYTES", 4096)
    kept = open_kept(tmp_path / "webhook")
    kept.read()
    stays = kept.add(b"stays")
    for number in range(1000):
        kept.done(kept.add(b"%d" % number * 20))
    assert sum(file.stat().st_size for file in (tmp_path / "webhook").iterdir()) < 3 * 4096
    assert lines(tmp_path / "webhook") == [b"stays"]
    kept.done(stays)


def test_a_folder_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match=r"cannot write .*webhook"):
        KeptAlerts(tmp_path / "file" / "webhook")
