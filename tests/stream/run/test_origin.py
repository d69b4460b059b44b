"""Names and times of streams: what `at` and `id` of a beat are made of."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record
from ecg_stream.replay.record_origin import record_origin
from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.run.beat_rows import HEADER, csv_row
from ecg_stream.stream.run.engine import Session
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.origin import MOST_ANCHORS, TOLERANCE_MS, Anchor, Origin

NOON_MS = 1_900_065_600_000  # 2030-03-18 12:00 UTC
BEAT = Beat(500, 2.0, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 148.0)


def of_device(*waves: tuple[int, float, int | None]) -> Origin:
    origin = Origin("boot-7")
    for wave in waves:
        origin = origin.hearing(*wave)
    return origin


def test_a_line_says_which_stream_and_when() -> None:
    line = json.loads(encode_line("bed-7", BEAT, of_device((250, 250.0, NOON_MS))))
    assert list(line)[:6] == ["type", "record", "stream", "id", "at", "clock"]
    assert (line["stream"], line["at"], line["clock"]) == ("boot-7", "2030-03-18T12:00:01.000Z", "device")
    assert line["id"] == "{}".format(Origin("boot-7").beat_id("bed-7", 500))


@pytest.mark.parametrize("other", [("bed-8", "boot-7", 500), ("bed-7", "boot-8", 500), ("bed-7", "boot-7", 501)])
def test_no_two_beats_have_one_id(other: tuple[str, str, int]) -> None:
    patient, stream, sample = other
    assert Origin(stream).beat_id(patient, sample) != Origin("boot-7").beat_id("bed-7", 500)


def test_the_id_of_a_beat_never_changes() -> None:
    assert Origin("boot-7").beat_id("bed-7", 500) == "a438436d-91f2-57f4-9d26-0f3a9f37d171"


def test_a_stream_without_a_clock_counts_from_the_arrival_of_its_first_chunk() -> None:
    origin = Origin.arriving(None, Chunk(1000, 250.0, ("II",), np.zeros((125, 1))), NOON_MS)
    assert origin.stream == "20300318T120000.000Z"
    assert origin.at(1125) == "2030-03-18T12:00:00.000Z"
    assert origin.at(1000) == "2030-03-18T11:59:59.500Z"
    assert origin.clock(1000) == "arrival"


def test_times_do_not_tremble_with_the_clock_that_is_read_once_a_chunk() -> None:
    chance = random.Random(1)
    waves = [(125 * k, 250.0, NOON_MS + 500 * k + chance.randint(-9, 9)) for k in range(200)]
    origin = of_device(*waves)
    assert len(origin.anchors) == 1
    assert {origin.at(sample)[-4:] for sample in range(0, 25_000, 250)} == {origin.at(0)[-4:]}


def test_a_sampling_clock_that_drifts_is_followed() -> None:
    """Half a minute in a day, as cheap crystals do."""
    waves = [(250 * k, 250.0, NOON_MS + round(1000 * k * 1.00035)) for k in range(86_400 // 10)]
    origin = Origin("s")
    for start, fs, ms in waves:
        origin = origin.hearing(start, fs, ms)
        assert abs(origin.anchor(start).ms_of(start) - ms) <= TOLERANCE_MS
    assert 1 < len(origin.anchors) <= MOST_ANCHORS


def test_a_clock_that_is_set_while_the_stream_runs_counts_from_then_on() -> None:
    origin = of_device((0, 250.0, NOON_MS), (250, 250.0, NOON_MS + 1000), (500, 250.0, NOON_MS + 3_602_000))
    assert origin.at(499) == "2030-03-18T12:00:01.996Z"
    assert origin.at(500) == "2030-03-18T13:00:02.000Z"


@pytest.mark.parametrize("first", [0, 1])
def test_a_wave_that_overtakes_another_changes_nothing(first: int) -> None:
    waves = [(0, 250.0, NOON_MS), (250, 250.0, NOON_MS + 1000), (500, 250.0, NOON_MS + 61_000)]
    in_order = of_device(*waves)
    waves[first], waves[first + 1] = waves[first + 1], waves[first]
    other = of_device(*waves)
    assert [other.at(sample) for sample in range(0, 750, 50)] == [in_order.at(sample) for sample in range(0, 750, 50)]


def test_time_goes_on_over_a_change_of_the_rate() -> None:
    origin = of_device((0, 250.0, NOON_MS), (1000, 500.0, None))
    assert (origin.at(1000), origin.at(1500)) == ("2030-03-18T12:00:04.000Z", "2030-03-18T12:00:05.000Z")


def test_an_index_beyond_all_time_has_none() -> None:
    assert of_device((0, 50.0, NOON_MS)).at(2**53) is None


def test_a_snapshot_goes_on() -> None:
    origin = of_device((0, 250.0, NOON_MS), (1000, 500.0, None))
    assert Origin.restored(json.loads(json.dumps(origin.snapshot()))) == origin


@pytest.mark.parametrize("chunk_ms", [40.0, 3000.0])
def test_a_record_has_one_stream_however_it_is_cut(chunk_ms: float) -> None:
    record = replace(demo_record(), began="1994-08-15 17:27:45.5")
    session = Session(record.name, _Every(), origin=record_origin(record))
    lines = [
        encode_line("demo", output, step.origin)
        for chunk in record.chunks(chunk_ms, 0, 9)
        for step in [session.push(chunk)]
        for output in step.outputs
    ]
    assert [json.loads(line)["at"] for line in lines][:2] == ["1994-08-15T17:27:45.500", "1994-08-15T17:27:46.500"]
    assert {json.loads(line)["clock"] for line in lines} == {"record"}
    assert [json.loads(line)["id"] for line in lines] == [
        record_origin(record).beat_id("demo", sample) for sample in range(0, 2250, 250)
    ]


@pytest.mark.parametrize("began", [None, "1994-08-15", "17:27:45", "1994 17:27:45"])
def test_a_record_without_date_and_time_has_no_times(began: str | None) -> None:
    origin = record_origin(replace(demo_record(), began=began))
    assert origin is not None
    assert origin.at(0) is None
    assert b'"at"' not in encode_line("demo", BEAT, origin)


def test_records_of_one_name_have_other_streams() -> None:
    demo: Record = demo_record()
    origins = [record_origin(each) for each in (demo, replace(demo, n_samples=7), demo.choose(["0"]))]
    assert len({origin.stream for origin in origins if origin is not None}) == 3


def test_a_row_has_the_same() -> None:
    origin = Origin('a "b", c', (Anchor(0, 250.0, NOON_MS, "device"),))
    names, row = HEADER.split(","), csv_row("bed-7", BEAT, origin)
    assert names[-6:] == ["stream", "id", "at", "learning", "quality", "paced"]
    assert row.endswith(f',"a ""b"", c",{origin.beat_id("bed-7", 500)},2030-03-18T12:00:02.000Z,false,,false')


class _Every:
    """A beat at every 250th sample."""

    def push(self, chunk: Chunk) -> list[Beat]:
        samples = range(-(-chunk.start // 250) * 250, chunk.start + len(chunk.samples), 250)
        return [replace(BEAT, sample=sample, time=sample / 250) for sample in samples]

    def flush(self) -> list[Beat]:
        return []
