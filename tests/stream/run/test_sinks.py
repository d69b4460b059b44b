import io

import numpy as np

from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Event, Output, Rhythm
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.sinks import JsonSink, LineSink, clock
from ecg_stream.stream.run.summary import RunningSummary, Summary

CHUNK = Chunk(0, 250.0, ("V4",), np.zeros((25, 1)))
OUTPUTS: list[Output] = [
    Beat(500, 2.0, "N", (0.987, 0.013, 0.0, 0.0, 0.0), None, 148.0, learning=True),
    Beat(703, 2.812, "V", (0.0, 0.0, 0.98, 0.02, 0.0), 812.0, 152.0),
    Event(5000, 20.0, "lead-off", "V4"),
    Event(5000, 20.0, "gap", None, "1.2 s missing"),
    Alert("asystole", "high", "begin", 7500, 30.0, 4000.0, "4 s without a beat", 7500),
    Alert("couplet", "low", "begin", 8000, 32.0, 900.0, "2 V in a row", 8000, times=3),
    Alert("asystole", "high", "end", 9500, 38.0, 140.0, "a beat", 7500, 8.0),
]


def summary() -> Summary:
    running = RunningSummary()
    running.add_chunk(CHUNK, compute_ms=0.1, lag_ms=0.0)
    running.add_outputs(OUTPUTS)
    return running.result(0.001)


async def test_lines_read_as_a_table() -> None:
    out = io.StringIO()
    async with LineSink(out) as sink:
        await sink.write(Step("e0103", CHUNK, OUTPUTS, 0.1, 0.0))
    assert out.getvalue().splitlines() == [
        "0:00:02.000  N  98.7%                          +148 ms  learning",
        "0:00:02.812  V  98.0%  RR   812 ms   73.9/min  +152 ms",
        "0:00:20.000  ! lead-off V4",
        "0:00:20.000  ! gap 1.2 s missing",
        "0:00:30.000  !!! asystole, high priority, begins: 4 s without a beat  +4000 ms",
        "0:00:32.000  ! couplet, low priority, begins (the 3rd time since it was told): 2 V in a row  +900 ms",
        "0:00:38.000  !!! asystole, high priority, ends after 8.0 s: a beat  +140 ms",
    ]


async def test_lines_of_many_records_begin_with_the_name() -> None:
    out = io.StringIO()
    async with LineSink(out, named=True) as sink:
        await sink.write(Step("bed-1", CHUNK, OUTPUTS[2:3], 0.1, 0.0))
        await sink.write(Step("bed-2", CHUNK, [], 0.1, 0.0))
    assert out.getvalue() == "bed-1  0:00:20.000  ! lead-off V4\n"


async def test_lines_end_with_the_summary() -> None:
    out = io.StringIO()
    async with LineSink(out) as sink:
        await sink.finish("e0103", summary())
    text = out.getvalue()
    assert "e0103: 25 samples in 0.0 s, 100.0 times real time" in text
    assert "beats    2  (N 1  S 0  V 1  F 0  Q 0)" in text
    assert "events   gap 1  lead-off 1" in text
    assert "alerts   high 1  low 1" in text
    assert "p50 148 ms  p95 152 ms  max 152 ms" in text


async def test_json_is_one_object_a_line_with_the_summary_last() -> None:
    out = io.BytesIO()
    async with JsonSink(out) as sink:
        await sink.write(Step("e0103", CHUNK, OUTPUTS, 0.1, 0.0))
        await sink.finish("e0103", summary())
    kinds = [line.split(b",")[0] for line in out.getvalue().splitlines()]
    wanted = ("beat", "beat", "event", "event", "alert", "alert", "alert", "summary")
    assert kinds == [b'{"type":"%s"' % kind.encode() for kind in wanted]


def test_the_clock_counts_hours() -> None:
    assert clock(0) == "0:00:00.000"
    assert clock(59.9996) == "0:01:00.000"
    assert clock(90_061.25) == "25:01:01.250"


async def test_a_name_in_the_plural_has_its_verb() -> None:
    out = io.StringIO()
    many = "frequent-ventricular-beats"
    told = [
        Rhythm(many, "begin", 250, 1.0, 0.0, "10 V in a minute"),
        Alert(many, "low", "end", 500, 2.0, 0.0, "fewer", 250),
    ]
    await LineSink(out).write(Step("e0103", CHUNK, told, 0.1, 0.0))
    assert [line.partition("frequent ventricular beats")[2] for line in out.getvalue().splitlines()] == [
        " begin: 10 V in a minute  +0 ms",
        ", low priority, end: fewer  +0 ms",
    ]
