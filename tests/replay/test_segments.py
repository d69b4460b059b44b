from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RequestError
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.segments import SEGMENT_S, SegmentRecorder
from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import Session
from ecg_stream.stream.run.origin import Anchor, Origin

SECONDS = 130.0


def headers_in(folder: Path, patient: str) -> list[Path]:
    return sorted(folder.glob(f"{patient}/*/*.hea"))


async def record(
    folder: Path,
    patient: str = "bed.7",
    skip: slice = slice(0, 0),
    origin: Origin | None = None,
    played: str = "demo",
) -> tuple[list[Path], list[Beat]]:
    """Record a record; give the segments' headers in order, and all beats."""
    session = Session(patient, Pipeline(), origin=origin)
    beats: list[Beat] = []
    chunks = list(find_record(played).chunks(480, 0, SECONDS))
    del chunks[skip]
    async with SegmentRecorder(folder) as recorder:
        for chunk in chunks:
            step = session.push(chunk)
            await recorder.write(step)
            beats += [output for output in step.outputs if isinstance(output, Beat)]
        step = session.flush()
        await recorder.write(step)
        beats += [output for output in step.outputs if isinstance(output, Beat)]
        await recorder.finish(patient, session.summary())
    return headers_in(folder, patient), beats


def start_of(header: Path) -> int:
    return int(header.stem[1:])


async def test_segments_are_the_stream_and_its_beats(tmp_path) -> None:
    headers, beats = await record(tmp_path)
    assert [start_of(header) for header in headers] == [0, 12_500, 25_000]
    segments = [find_record(str(header.with_suffix(""))) for header in headers]
    signal = np.concatenate([segment.signal() for segment in segments])
    np.testing.assert_array_equal(signal, demo_record().signal(0, round(SECONDS * 250)))
    marks = [segment.annotations("ecs") for segment in segments]
    recorded = [
        (start_of(header) + sample, symbol)
        for header, of_segment in zip(headers, marks, strict=True)
        if of_segment is not None
        for sample, symbol in zip(of_segment.samples.tolist(), of_segment.symbols, strict=True)
    ]
    assert recorded == sorted((beat.sample, beat.label) for beat in beats)


async def test_rhythms_are_marked_in_each_segment_that_they_go_on_in(tmp_path) -> None:
    headers, _ = await record(tmp_path, played="demo-rhythms")
    marks = [find_record(str(header.with_suffix(""))).annotations("ecs") for header in headers]
    found = [[] if each is None else each.rhythms() for each in marks]
    assert [[name for _, name in each] for each in found] == [["(N", "(B"], ["(B", "(N", "(T", "(N"], ["(N", "(SBR"]]
    first, second, third = ([at / 250 for at, _ in each] for each in found)
    assert first == pytest.approx([0.0, 40.8], abs=0.1)
    assert second == pytest.approx([0.0, 3.6, 20.5, 36.2], abs=0.1)
    assert third == pytest.approx([0.0, 28.7], abs=0.5)


async def test_wfdb_agrees_on_checksum_and_leads(tmp_path) -> None:
    import wfdb

    headers, _ = await record(tmp_path, "p")
    for header in headers:
        read = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
        assert read.calc_checksum() == [checksum % 65_536 for checksum in read.checksum]
        assert read.sig_name == ["MLII", "V5"]
        assert (read.fs, read.units) == (250, ["mV", "mV"])


async def test_headers_have_date_and_time(tmp_path) -> None:
    import wfdb

    origin = Origin("s", (Anchor(0, 250.0, 1_900_065_600_250, "device"),))
    headers, _ = await record(tmp_path, "p", origin=origin)
    read = [wfdb.rdheader(str(header.with_suffix(""))) for header in headers]
    assert [each.base_datetime.isoformat(" ") for each in read] == [
        "2030-03-18 12:00:00.250000",
        "2030-03-18 12:00:50.250000",
        "2030-03-18 12:01:40.250000",
    ]
    assert find_record(str(headers[1].with_suffix(""))).began == "2030-03-18 12:00:50.25"


async def test_a_gap_begins_another_segment(tmp_path) -> None:
    headers, _ = await record(tmp_path, skip=slice(10, 20))
    assert [start_of(header) for header in headers] == [0, 2400, 2400 + 12_500, 2400 + 25_000]


async def test_a_crash_loses_less_than_a_minute(tmp_path) -> None:
    session = Session("a", Pipeline())
    recorder = SegmentRecorder(tmp_path)
    for chunk in demo_record().chunks(500, 0, SECONDS):
        await recorder.write(session.push(chunk))
    headers = headers_in(tmp_path, "a")
    last = find_record(str(headers[-1].with_suffix("")))
    assert start_of(headers[-1]) / 250 + last.seconds > SECONDS - 60
    assert last.seconds == SEGMENT_S


async def test_another_recording_of_the_same_patient_takes_another_folder(tmp_path) -> None:
    for _ in range(3):
        await record(tmp_path, "a", slice(20, None))
    assert len(list((tmp_path / "a").iterdir())) == 3


async def test_missing_samples_and_large_values_survive(tmp_path) -> None:
    samples = np.array([[np.nan, 120.0], [0.5, -120.0]] * 300)
    session = Session("a", Pipeline())
    async with SegmentRecorder(tmp_path) as recorder:
        await recorder.write(session.push(Chunk(0, 250.0, ("I", "II"), samples)))
    (header,) = headers_in(tmp_path, "a")
    np.testing.assert_allclose(find_record(str(header.with_suffix(""))).signal(), samples, atol=0.005)


def test_a_folder_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot record to") as told:
        SegmentRecorder(tmp_path / "file")
    assert told.value.about == "recording"


async def test_a_place_that_can_no_longer_be_written_is_that_of_the_recording(tmp_path) -> None:
    session = Session("a", Pipeline())
    recorder = SegmentRecorder(tmp_path)
    await recorder.write(session.push(Chunk(0, 250.0, ("I", "II"), np.zeros((600, 2)))))
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").touch()
    with pytest.raises(RequestError, match="cannot record to") as told:
        async with recorder:
            pass
    assert told.value.about == "recording"
