"""The records that the wfdb package tests its own reader with, where they are laid out: played, or refused rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecg_stream.errors import RecordError
from ecg_stream.replay.catalog import find_record

REFUSED = {
    "3269321_0001": "has no ECG lead: its signals are PLETH in NU",
    "3269321_layout": "its header only says how the signals of other records are laid out",
    "3975656_layout": "its header only says how the signals of other records are laid out",
    "3248903_layout": "its header only says how the signals of other records are laid out",
    "3975656_0009": "No such file",
    "3975656_0010": "No such file",
    "3975656_0011": "No such file",
    "s00001-2896-10-09-01-56": "has no segment with a measurement on",  # it is made of a layout alone
    "s00001-2896-10-09-01-56n": "has no ECG lead: its signals are HR in bpm",
    "s00001-2896-10-10-00-31n": "has no ECG lead: its signals are HR in bpm",
}
"""What has no ECG lead, no samples, or no signal file; all others have a lead, and play."""

END_S = 20.0


def test_each_is_played_or_refused_for_a_true_reason(data_folder: Path) -> None:
    headers = sorted((data_folder / "wfdb-samples").rglob("*.hea"))
    if not headers:
        pytest.skip("wfdb-samples is not laid out")
    for header in headers:
        if header.stem in REFUSED:
            with pytest.raises(RecordError, match=REFUSED[header.stem]):
                list(find_record(str(header.with_suffix(""))).chunks(1000, end_s=END_S))
            continue
        record = find_record(str(header.with_suffix("")))
        chunks = list(record.chunks(1000, end_s=END_S))
        stop = min(round(END_S * record.fs), record.n_samples)
        assert sum(len(chunk.samples) for chunk in chunks) == stop
        assert chunks[-1].start + len(chunks[-1].samples) == stop


def test_an_end_beyond_the_end_is_the_end(data_folder: Path) -> None:
    path = data_folder / "wfdb-samples/v102s"
    if not path.with_suffix(".hea").is_file():
        pytest.skip("wfdb-samples is not laid out")
    record = find_record(str(path))
    assert sum(len(chunk.samples) for chunk in record.chunks(10_000, end_s=1e6)) == record.n_samples
