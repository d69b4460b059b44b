"""Records made of segments, in fixed and variable layout: what was written is what is played, gaps as gaps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RecordError
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.wfdb_files import open_record
from ecg_stream.replay.wfdb_header import missing_files

WriteRecord = Callable[..., Path]
ECG = demo_record().signal(0, 5000)
LAYOUT = "layout 3 250 0\n~ 0 200/mV 16 0 0 0 0 II\n~ 0 200/mV 16 0 0 0 0 V\n~ 0 200/NU 16 0 0 0 0 PLETH\n"


@pytest.fixture
def variable(tmp_path: Path, write_record: WriteRecord) -> Path:
    """II and V; a gap; V alone, with another gain; only PLETH; V before II; II and V again: 1000 samples each."""
    write_record(tmp_path, "s1", p_signal=ECG[:1000].copy(), sig_name=["II", "V"])
    write_record(tmp_path, "s2", p_signal=ECG[2000:3000, 1:].copy(), sig_name=["V"], adc_gain=[400.0], baseline=[7])
    write_record(tmp_path, "s3", p_signal=ECG[3000:4000, :1].copy(), sig_name=["PLETH"], units=["NU"])
    write_record(tmp_path, "s4", p_signal=ECG[4000:5000, ::-1].copy(), sig_name=["V", "II"])
    (tmp_path / "layout.hea").write_text(LAYOUT)
    (tmp_path / "m1.hea").write_text(
        "m1/6 3 250 5000 17:27:45 15/08/1994\nlayout 0\ns1 1000\n~ 1000\ns2 1000\ns3 1000\ns4 1000\n# <age>: 60\n"
    )
    return tmp_path / "m1"


def expected() -> np.ndarray:
    whole = ECG.copy()
    whole[1000:2000] = np.nan
    whole[2000:3000, 0] = np.nan
    whole[3000:4000] = np.nan
    return whole


def test_a_variable_layout_is_one_record_with_gaps(variable: Path) -> None:
    record = open_record(variable)
    assert (record.leads, record.fs, record.n_samples, record.began) == (("II", "V"), 250, 5000, "1994-08-15 17:27:45")
    np.testing.assert_allclose(record.signal(), expected(), atol=0.006)
    np.testing.assert_allclose(record.signal(900, 4321), expected()[900:4321], atol=0.006)
    assert missing_files(variable) == []


@pytest.mark.parametrize("chunk_ms", [100, 1700, 60_000])
def test_leads_come_and_go_with_the_chunks(variable: Path, chunk_ms: float) -> None:
    chunks = list(open_record(variable).chunks(chunk_ms))
    assert [c.start for c in chunks[1:]] == [c.start + len(c.samples) for c in chunks[:-1]]
    assert chunks[-1].start + len(chunks[-1].samples) == 5000
    # A gap, and a stretch with none of the leads, goes on with the leads before it.
    where = [(0, ("II", "V")), (2000, ("V",)), (4000, ("II", "V"))]
    assert [(c.start, c.leads) for i, c in enumerate(chunks) if not i or c.leads != chunks[i - 1].leads] == where
    for chunk in chunks:
        columns = [("II", "V").index(lead) for lead in chunk.leads]
        stop = chunk.start + len(chunk.samples)
        np.testing.assert_allclose(chunk.samples, expected()[chunk.start : stop, columns], atol=0.006)


def test_the_pipeline_tells_gaps_and_changes_however_it_is_cut(variable: Path) -> None:
    from ecg_stream import Event, Pipeline

    def events(chunk_ms: float) -> list[tuple[str, int]]:
        pipeline = Pipeline()
        outputs = [o for chunk in open_record(variable).chunks(chunk_ms) for o in pipeline.push(chunk)]
        outputs += pipeline.flush()
        return [(o.kind, o.sample) for o in outputs if isinstance(o, Event)]

    told = events(10_000)
    assert [sample for kind, sample in told if kind == "leads-change"] == [2000, 4000]
    assert ("lead-off", 1000) in told
    assert events(130) == told


def test_one_lead_can_be_asked_for(variable: Path) -> None:
    record = open_record(variable, ["II"])
    np.testing.assert_allclose(record.signal(), expected()[:, :1], atol=0.006)
    assert {chunk.leads for chunk in record.chunks(100)} == {("II",)}
    pleth = open_record(variable, ["PLETH"], unit="mV")
    assert np.isnan(pleth.signal(0, 3000)).all()
    np.testing.assert_allclose(pleth.signal(3000, 4000), ECG[3000:4000, :1], atol=0.006)


def test_a_fixed_layout_is_one_record(tmp_path: Path, write_record: WriteRecord) -> None:
    write_record(tmp_path, "s1", p_signal=ECG[:2000].copy(), sig_name=["II", "RESP"])
    write_record(tmp_path, "s2", p_signal=ECG[3000:].copy(), sig_name=["II", "RESP"], adc_gain=[200.0, 200.0])
    (tmp_path / "m1.hea").write_text("m1/3 2 250 5000\ns1 2000\n~ 1000\ns2 2000\n")
    write_annotations(tmp_path, "m1", 250, [100, 4900], ["N", "V"], "atr")
    record = open_record(tmp_path / "m1")
    whole = ECG[:, :1].copy()
    whole[2000:3000] = np.nan
    assert (record.leads, record.n_samples) == (("II",), 5000)
    np.testing.assert_allclose(record.signal(), whole, atol=0.006)
    assert {chunk.leads for chunk in record.chunks(100)} == {("II",)}
    reference = record.annotations()
    assert reference is not None
    assert reference.samples.tolist() == [100, 4900]


def test_the_length_is_that_of_the_segments(variable: Path) -> None:
    header = variable.with_suffix(".hea")
    header.write_text(header.read_text().replace("250 5000 ", "250 "))
    assert (open_record(variable).n_samples, open_record(variable).notes) == (5000, ())
    header.write_text(header.read_text().replace("3 250 ", "3 250 6000 "))
    assert open_record(variable).notes == (
        "record m1: its header promises 6000 samples, and its segments have 5000; played is what they have",
    )


@pytest.mark.parametrize("suffix", [".hea", ".dat"])
def test_a_segment_that_is_not_there_can_be_played_around(variable: Path, suffix: str) -> None:
    (variable.parent / f"s2{suffix}").unlink()
    assert missing_files(variable) == [variable.parent / f"s2{suffix}"]
    record = open_record(variable)
    assert sum(len(chunk.samples) for chunk in record.chunks(100, end_s=8.0)) == 2000
    assert sum(len(chunk.samples) for chunk in record.chunks(100, start_s=12.0)) == 2000
    with pytest.raises(
        RecordError, match="its segment s2, 8 to 12 s, is not at hand: fetch it, or play a part"
    ) as told:
        record.chunks(100)
    assert told.value.about == "part of the record"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("m1/2 2 250 2000\nlayout 0\n~ 2000", "no segment with a measurement on II, V"),
        ("m1/1 2 250 2000\n~ 2000", "no segment with a measurement: all of it is a gap"),
        ("m1/2 2 250 2000\nlayout 0\nm1 2000", "no segment|not at hand"),
        ("m1/1 2 250 2000\nnowhere 2000", "cannot read .*nowhere.hea: No such file or directory: it is a segment of"),
        ("m1/3 2 250 2000\nlayout 0\ns1 1000", "promises 3 signals|promises 3 segments and describes 2"),
        ("m1/2 2 250 2000\nlayout 0\ns1 -5", "the segment 's1 -5' cannot be read"),
        ("m1/2 2 500 2000\nlayout 0\ns1 1000", "record m1 has 500 Hz, and its segment layout|segment s1 has 250 Hz"),
        ("m1/2 2 250 2000\nlayout 0\ninner 1000", "its segment inner is made of segments itself"),
        ("m1/2 2 250 9000\nlayout 0\ns1 9000", "record s1: its header promises 9000 samples.* cut short"),
    ],
)
def test_segments_that_cannot_be_are_told(variable: Path, lines: str, message: str) -> None:
    (variable.parent / "inner.hea").write_text("inner/1 2 250 1000\ns1 1000\n")
    variable.with_suffix(".hea").write_text(lines + "\n")
    with pytest.raises(RecordError, match=message) as told:
        open_record(variable).chunks(100)
    assert "\n" not in str(told.value)


def test_a_layout_alone_is_no_record(variable: Path) -> None:
    with pytest.raises(RecordError, match="record layout has no samples: its header only says how"):
        open_record(variable.parent / "layout")
