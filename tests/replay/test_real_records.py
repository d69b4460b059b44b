"""The real records, where they are laid out: opened by bare name, read in blocks, with their reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.replay import catalog
from ecg_stream.replay.annotations import read_annotations, write_annotations
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.record import Record

RealRecord = Callable[[str], Record]


@pytest.mark.parametrize(
    ("name", "fs", "leads", "n_samples", "beats"),
    [
        ("e0103", 250, ("V4", "MLIII"), 900_000, 3663),
        ("119", 360, ("MLII", "V1"), 650_000, 1987),
        ("800", 128, ("ECG1", "ECG2"), 230_400, 1883),
        ("118e12", 360, ("MLII", "V1"), 650_000, 2278),
    ],
)
def test_bare_names(
    real_record: RealRecord, name: str, fs: float, leads: tuple[str, ...], n_samples: int, beats: int
) -> None:
    record = real_record(name)
    assert (record.fs, record.leads, record.n_samples) == (fs, leads, n_samples)
    reference = record.annotations()
    assert reference is not None
    assert len(reference.beats()) == beats


def test_chunks_are_what_wfdb_reads_at_once(real_record: RealRecord) -> None:
    import wfdb

    record = real_record("e0103")
    whole = wfdb.rdrecord(str(record.path)).p_signal
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in record.chunks(100)]), whole)


def test_reference_notes_are_kept(real_record: RealRecord) -> None:
    reference = real_record("203").annotations()
    assert reference is not None
    assert (reference.symbols[0], reference.notes[0]) == ("+", "(AFIB")


def test_twelve_leads(real_record: RealRecord, data_folder: Path) -> None:
    folder = data_folder / "ptb-xl/records100"
    header = next(folder.rglob("*_lr.hea"), None) if folder.is_dir() else None
    if header is None:
        pytest.skip("no PTB-XL record is laid out")
    record = real_record(header.stem)
    assert (record.fs, record.n_samples, len(record.leads)) == (100, 1000, 12)
    assert record.signal().shape == (1000, 12)
    assert record.annotations() is None


@pytest.mark.parametrize("slug", ["edb", "mitdb", "svdb", "nstdb"])
def test_every_record_at_hand_opens_and_its_reference_survives_writing(
    data_folder: Path, tmp_path: Path, slug: str
) -> None:
    names = sorted(header.stem for header in (data_folder / slug).glob("*.hea"))
    if not names:
        pytest.skip(f"no record of {slug} is laid out")
    assert {database.slug for database in catalog.DATABASES for name in names if database.has(name)} == {slug}
    for name in names:
        record = find_record(f"{slug}/{name}", data_folder=data_folder, download=False)
        assert np.isfinite(record.signal(0, 1000)).all()
        reference = record.annotations()
        if reference is not None:
            write_annotations(tmp_path, name, record.fs, reference.samples, reference.symbols)
            read = read_annotations(tmp_path / name, record.fs, "ecs")
            assert read is not None
            assert read.samples.tolist() == reference.samples.tolist()
            assert read.symbols == reference.symbols
