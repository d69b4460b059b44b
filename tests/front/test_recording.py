"""Records read into memory."""

from __future__ import annotations

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.replay.demo import demo_record


def test_a_record_is_read_whole_with_its_reference():
    recording = es.read_record("demo")
    demo = demo_record()
    assert (recording.name, recording.fs, recording.leads, recording.seconds) == ("demo", 250.0, ("MLII", "V5"), 600.0)
    np.testing.assert_array_equal(recording.samples, demo.signal())
    assert recording.reference is not None
    assert len(recording.reference) == 722
    assert repr(recording) == "<Recording demo: 2 leads (MLII, V5), 600 s at 250 Hz, 722 reference beats>"


def test_a_part_counts_from_its_own_start():
    whole, part = es.read_record("demo"), es.read_record("demo", start=100, end=110, leads="V5")
    np.testing.assert_array_equal(part.samples, whole.samples[25_000:27_500, 1:])
    assert whole.reference is not None
    assert part.reference is not None
    inside = [sample for sample in whole.reference.samples.tolist() if 25_000 <= sample < 27_500]
    assert (part.reference.samples + 25_000).tolist() == inside
    assert repr(part).startswith("<Recording demo: 1 lead (V5), 10 s")


def test_samples_belong_to_the_caller():
    recording = es.read_record("demo", end=2)
    recording.samples[:] = 0
    assert es.read_record("demo", end=2).samples.any()


def test_a_path_is_taken_as_a_string_or_a_path(tmp_path, write_record):
    path = write_record(tmp_path)
    np.testing.assert_array_equal(es.read_record(path).samples, es.read_record(str(path)).samples)
    assert es.read_record(path.with_suffix(".hea")).name == "r1"
    assert es.read_record(path, annotator="qrs").reference is None
    assert "no reference" in repr(es.read_record(path, annotator="qrs"))


@pytest.mark.parametrize(
    ("options", "message"), [({"leads": ["aVF"]}, "no lead 'aVF'"), ({"start": 5, "end": 4}, "from 5 to 4 s")]
)
def test_what_is_not_there_is_told(options, message):
    with pytest.raises(es.errors.RecordError, match=message):
        es.read_record("demo", **options)


def test_a_file_without_a_rate_is_told_with_the_parameter_that_gives_it(tmp_path):
    np.savetxt(tmp_path / "ride.csv", np.zeros(500))
    for ask in (es.read_record, es.classify):
        with pytest.raises(es.errors.RecordError, match=r"^ride.csv does not say its sampling rate: .* fs=250$"):
            ask(tmp_path / "ride.csv")


def test_values_of_another_unit_are_warned_of_at_the_line_that_asked(tmp_path):
    microvolts = 1000 * demo_record().signal(0, 1000)[:, 0]
    np.savetxt(tmp_path / "ride.csv", microvolts)
    for ask in (
        lambda: es.read_record(tmp_path / "ride.csv", fs=250),
        lambda: es.classify(tmp_path / "ride.csv", fs=250),
        lambda: es.classify(microvolts, fs=250),
        lambda: es.stream(tmp_path / "ride.csv", fs=250),
    ):
        with pytest.warns(es.errors.RecordWarning, match=r'called mV would: .* unit="uV"') as told:
            ask()
        assert [warning.filename for warning in told] == [__file__]
    es.classify(microvolts, fs=250, unit="uV")  # warnings are errors here


def test_signals_that_are_left_out_are_warned_of(tmp_path):
    rows = np.column_stack([demo_record().signal(0, 1000)[:, 0], np.ones(1000)])
    np.savetxt(tmp_path / "ride.csv", rows, delimiter=",", header="II,RESP", comments="")
    with pytest.warns(es.errors.RecordWarning, match="RESP"):
        recording = es.read_record(tmp_path / "ride.csv", fs=250)
    with pytest.warns(es.errors.RecordWarning, match="RESP"):
        assert es.classify(tmp_path / "ride.csv", fs=250).leads == recording.leads == ("II",)
