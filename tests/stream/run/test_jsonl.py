import json
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Event, Rhythm
from ecg_stream.stream.run.jsonl import encode_line, encode_summary
from ecg_stream.stream.run.origin import Anchor, Origin
from ecg_stream.stream.run.summary import RunningSummary

ORIGIN = Origin("boot-7", (Anchor(0, 250.0, 1_900_065_600_000, "device"),))
BEAT = Beat(1234, 4.936, "V", (0.012345, 0.0, 0.98, 0.0076, 0.00004), 812.04, 148.0)


def test_a_beat_is_one_object_with_fixed_keys_and_rounding() -> None:
    assert encode_line("e0103", BEAT) == (
        b'{"type":"beat","record":"e0103","sample":1234,"time":4.936,"label":"V",'
        b'"probabilities":{"N":0.0123,"S":0.0,"V":0.98,"F":0.0076,"Q":0.0},"rr_ms":812.0,"delay_ms":148.0}'
    )


def test_the_first_beat_has_no_interval() -> None:
    beat = Beat(360, 1.0, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 130.5555)
    assert json.loads(encode_line("119", beat))["rr_ms"] is None
    assert b'"delay_ms":130.6' in encode_line("119", beat)


def test_a_beat_of_a_patient_who_is_new_says_so() -> None:
    assert encode_line("e0103", replace(BEAT, learning=True)) == encode_line("e0103", BEAT)[:-1] + b',"learning":true}'


def test_a_paced_beat_says_so() -> None:
    assert encode_line("e0103", replace(BEAT, paced=True)) == encode_line("e0103", BEAT)[:-1] + b',"paced":true}'


def test_an_event_tells_its_lead_and_says_more_only_where_there_is_more() -> None:
    assert encode_line("e0103", Event(5000, 20.0, "lead-off", "V4")) == (
        b'{"type":"event","record":"e0103","sample":5000,"time":20.0,"kind":"lead-off","lead":"V4"}'
    )
    assert encode_line("bed-1", Event(5000, 20.0, "gap", None, "1.2 s missing")) == (
        b'{"type":"event","record":"bed-1","sample":5000,"time":20.0,"kind":"gap","lead":null,"detail":"1.2 s missing"}'
    )


@given(st.text())
def test_whatever_the_record_is_called_a_beat_is_one_line(name: str) -> None:
    encoded = encode_line(name, BEAT)
    assert len(encoded.splitlines()) == 1
    assert json.loads(encoded)["record"] == name


BEGIN = Rhythm("bigeminy", "begin", 500, 2.0, 148.04, "V every second beat, 3 times", None, ("bigeminy",))
END = Rhythm("bigeminy", "end", 1500, 6.0, 140.0, "the pattern is broken", 4.0)


def test_a_rhythm_is_a_line_at_its_beginning_and_at_its_end() -> None:
    assert encode_line("e0103", BEGIN) == (
        b'{"type":"rhythm","record":"e0103","name":"bigeminy","state":"begin","sample":500,"time":2.0,"delay_ms":148.0,'
        b'"why":"V every second beat, 3 times","ongoing":["bigeminy"]}'
    )
    assert encode_line("e0103", END) == (
        b'{"type":"rhythm","record":"e0103","name":"bigeminy","state":"end","sample":1500,"time":6.0,"delay_ms":140.0,'
        b'"why":"the pattern is broken","length_s":4.0}'
    )


VF = "ventricular-fibrillation"
ALERT = Alert(VF, "high", "begin", 500, 2.0, 4148.04, "from the signal", 500, times=2)
REPEATED = Alert(VF, "high", "repeat", 9037, 36.148, 0.0, "from the signal", 500, 34.148)
OVER = Alert(VF, "high", "end", 9500, 38.0, 3000.0, "the signal is regular", 500, 36.0)


def test_an_alert_is_a_line_each_time_it_is_told_under_one_id() -> None:
    assert encode_line("bed-7", ALERT) == (
        b'{"type":"alert","record":"bed-7","name":"ventricular-fibrillation","priority":"high","state":"begin",'
        b'"sample":500,"time":2.0,"delay_ms":4148.0,"why":"from the signal","times":2}'
    )
    lines = [json.loads(encode_line("bed-7", each, ORIGIN)) for each in (ALERT, REPEATED, OVER)]
    assert len({line["id"] for line in lines}) == 1
    assert [line["state"] for line in lines] == ["begin", "repeat", "end"]
    assert [line.get("length_s") for line in lines] == [None, 34.148, 36.0]
    assert [line["at"] for line in lines] == [ORIGIN.at(each.sample) for each in (ALERT, REPEATED, OVER)]
    (other,) = {json.loads(encode_line("bed-8", each, ORIGIN))["id"] for each in (ALERT, OVER)}
    assert other != lines[0]["id"]


def test_the_summary_counts_what_came_and_what_was_found() -> None:
    running = RunningSummary()
    for k in range(10):
        running.add_chunk(Chunk(25 * k, 250.0, ("V4",), np.zeros((25, 1))), compute_ms=0.125, lag_ms=2.0)
    running.add_outputs([BEAT, BEAT, Event(5000, 20.0, "flat", "V4"), BEGIN, END, ALERT, REPEATED, OVER])
    assert encode_summary("e0103", running.result(0.01)) == (
        b'{"type":"summary","record":"e0103","samples":250,"beats":2,"counts":{"N":0,"S":0,"V":2,"F":0,"Q":0},'
        b'"events":{"flat":1},"rhythms":{"bigeminy":1},"alerts":{"high":1},"delay_ms":{"p50":148.0,"p95":148.0,"max":148.0},'
        b'"compute_ms":{"p50":0.125,"p99":0.125,"max":0.125},"lag_ms":{"p50":2.0,"p95":2.0,"max":2.0},'
        b'"seconds":0.01,"realtime_factor":100.0}'
    )


def test_the_summary_of_nothing_says_so() -> None:
    summary = json.loads(encode_summary("e0103", RunningSummary().result(0.0)))
    assert summary["beats"] == 0
    assert summary["delay_ms"] == {"p50": None, "p95": None, "max": None}
    assert summary["realtime_factor"] is None
