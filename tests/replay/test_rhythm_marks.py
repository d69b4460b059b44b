from __future__ import annotations

from pathlib import Path

import numpy as np

from ecg_stream.front.result import Result
from ecg_stream.offline.episodes.marks import fibrillation, rhythm
from ecg_stream.replay.annotation_sink import AnnotationSink
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.replay.rhythm_marks import RhythmEpisodes
from ecg_stream.stream.core.messages import Beat, Chunk, Output, Probabilities, Rhythm
from ecg_stream.stream.core.rhythm_names import RhythmName
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.summary import RunningSummary

FS = 250.0


def spans(*of: tuple[RhythmName, int, int | None]) -> list[Rhythm]:
    told = [Rhythm(name, "begin", begin, begin / FS, 0.0, "") for name, begin, _ in of]
    return told + [Rhythm(name, "end", end, end / FS, 0.0, "", 1.0) for name, _, end in of if end is not None]


def marks(*of: tuple[RhythmName, int, int | None], first: int = 0, stop: int = 10_000) -> list[tuple[int, str, str]]:
    episodes = RhythmEpisodes()
    for each in spans(*of):
        episodes.add(each)
    return [(mark.sample, mark.symbol, mark.note) for mark in episodes.marks(first, stop)]


def test_a_rhythm_is_marked_where_it_begins_and_normal_where_it_ends():
    assert marks(("bigeminy", 1000, 3000)) == [(0, "+", "(N"), (1000, "+", "(B"), (3000, "+", "(N")]
    assert marks(("bigeminy", 1000, None)) == [(0, "+", "(N"), (1000, "+", "(B")]


def test_without_a_rhythm_there_are_no_marks():
    assert marks() == []
    assert marks(("couplet", 1000, 1100), ("tachycardia", 0, 5000)) == []


def test_of_two_at_once_the_more_pressing_one_is_marked():
    assert marks(("atrial-fibrillation", 500, 6000), ("ventricular-run", 2000, 2500)) == [
        (0, "+", "(N"),
        (500, "+", "(AFIB"),
        (2000, "+", "(VT"),
        (2500, "+", "(AFIB"),
        (6000, "+", "(N"),
    ]


def test_a_tachycardia_that_becomes_sustained_is_one():
    long: list[tuple[RhythmName, int, int | None]] = [
        ("ventricular-run", 1000, 1800),
        ("ventricular-tachycardia", 1000, 8500),
        ("sustained-ventricular-tachycardia", 1000, 9000),
    ]
    assert marks(*long) == [(0, "+", "(N"), (1000, "+", "(VT"), (9000, "+", "(N")]


def test_a_part_of_a_record_has_the_marks_within_it():
    assert marks(("asystole", 1000, 3000), first=2000, stop=2500) == [(2000, "+", "(ASYS")]


def outputs() -> list[Output]:
    beats = [
        Beat(at, at / FS, "N", Probabilities(1.0, 0.0, 0.0, 0.0, 0.0), 800.0, 140.0) for at in range(100, 9000, 200)
    ]
    return [*beats, *spans(("ventricular-fibrillation", 2000, 4000), ("ventricular-tachycardia", 5000, 6100))]


async def with_sink(folder: Path) -> None:
    sink = AnnotationSink(folder)
    running = RunningSummary()
    chunk = Chunk(0, FS, ("II",), np.zeros((10_000, 1)))
    await sink.write(Step("record", chunk, outputs(), 0.0, 0.0))
    await sink.finish("record", running.result(1.0))


async def test_files_hold_beats_and_rhythms_that_the_comparison_of_episodes_reads(tmp_path):
    await with_sink(tmp_path / "sink")
    result = Result("record", FS, ("II",), 0, 10_000, tuple(outputs()), RunningSummary().result(1.0))
    result.write(tmp_path / "result")
    assert (tmp_path / "sink/record.ecs").read_bytes() == (tmp_path / "result/record.ecs").read_bytes()
    read = read_annotations(tmp_path / "sink/record", FS, "ecs")
    assert read is not None
    assert len(read.beats()) == 45
    assert fibrillation(read, 10_000).spans.tolist() == [[2000, 4000]]
    assert rhythm(read, {"(VT"}, 10_000).spans.tolist() == [[5000, 6100]]
    assert rhythm(read, {"(VFIB"}, 10_000).spans.tolist() == [[2000, 4000]]
