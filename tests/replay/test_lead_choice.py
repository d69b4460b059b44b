"""Which signals of a record are played, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RecordError
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.scale import ScaleWatch, scale_hint
from ecg_stream.replay.wfdb_files import open_record
from ecg_stream.stream.core.messages import Chunk

WriteRecord = Callable[..., Path]
ECG = demo_record().signal(0, 5000)


def beside(*others: str, units: str = "mV") -> dict[str, object]:
    """A second of the demo's leads and, before and behind them, other signals."""
    columns = [ECG[:, 1] if name == "V5" else ECG[:, 0] for name in others]
    return {
        "p_signal": np.stack(columns, axis=1),
        "sig_name": list(others),
        "units": ["mV" if name in ("MLII", "V5") else units for name in others],
        "adc_gain": [100.0] * len(others),
        "baseline": [0] * len(others),
    }


@pytest.mark.parametrize("units", ["mV", "uV", "mmHg", "NU"])
@pytest.mark.parametrize("other", ["PLETH", "RESP", "ABP", "EEG (C4-A1)", "foot GSR", "SCG", "EMG"])
def test_what_is_no_ecg_by_its_name_is_left_out_whatever_its_unit(
    tmp_path: Path, write_record: WriteRecord, other: str, units: str
) -> None:
    record = open_record(write_record(tmp_path, **beside(other, "MLII", "V5", units=units)))
    assert record.leads == ("MLII", "V5")
    np.testing.assert_allclose(record.signal(), ECG, atol=0.006)
    first = record.signals[0]
    assert (first.name, first.streamed, first.left_out) == (other, False, "not an ECG by its name")
    volts = units in ("mV", "uV")
    told = (f"record r1: {other} (not an ECG by its name) left out; played: MLII, V5",) if volts else ()
    assert record.notes == told


def test_any_signal_can_be_asked_for_by_name(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path, **beside("RESP", "MLII", "V5"))
    record = open_record(path, ["resp", "V5"])
    assert (record.leads, record.notes) == (("RESP", "V5"), ())
    np.testing.assert_allclose(record.signal(), ECG, atol=0.006)
    assert open_record(path, ["1", "0"]).leads == ("V5", "MLII")  # indices count what is played unasked
    with pytest.raises(RecordError, match="has no lead 'II': valid are RESP, MLII, V5, or 0 to 1"):
        open_record(path, ["II"])
    with pytest.raises(RecordError, match="no lead of record r1 is named: valid are RESP, MLII, V5"):
        open_record(path, [])


def test_a_record_without_an_ecg_is_refused_and_says_what_it_has(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path, **beside("PLETH", "RESP"))
    with pytest.raises(RecordError, match="has no ECG lead: its signals are PLETH in mV, RESP in mV") as told:
        open_record(path)
    assert told.value.about == "lead"
    assert open_record(path, ["PLETH"]).leads == ("PLETH",)


def test_an_ecg_in_no_voltage_needs_a_unit(tmp_path: Path, write_record: WriteRecord) -> None:
    path = write_record(tmp_path, **beside("ECG", "RESP", units="adu"))
    for leads in (None, ["ECG"]):
        with pytest.raises(RecordError, match="ECG in adu") as told:
            open_record(path, leads)
        assert told.value.about == "unit"
    record = open_record(path, unit="50/mV")
    assert record.leads == ("ECG",)
    np.testing.assert_allclose(record.signal()[:, 0], ECG[:, 0] / 50, atol=0.006)


@pytest.mark.parametrize("unit", ["", "mmHg", "0/mV", "-5/mV", "x/mV", "nan/mV", "200/", "inf/mV"])
def test_a_unit_that_is_no_voltage_is_told(tmp_path: Path, write_record: WriteRecord, unit: str) -> None:
    with pytest.raises(RecordError, match=r"no unit '.*': valid are V, mV, uV, nV, and steps .* 200/mV"):
        open_record(write_record(tmp_path), unit=unit)


def test_leads_of_several_rates_are_played_at_one(tmp_path: Path) -> None:
    import wfdb

    fast, slow = demo_record(fs=500.0).signal(0, 10_000), demo_record(fs=250.0).signal(0, 5000)
    wfdb.wrsamp(
        "r1",
        fs=125,
        e_p_signal=[slow[:, 0].copy(), fast[:, 0].copy(), fast[:, 1].copy(), np.linspace(0, 1, 2500)],
        samps_per_frame=[2, 4, 4, 1],
        units=["mV"] * 4,
        sig_name=["I", "II", "V5", "RESP"],
        fmt=["16"] * 4,
        adc_gain=[200.0] * 4,
        baseline=[0] * 4,
        write_dir=str(tmp_path),
    )
    record = open_record(tmp_path / "r1")
    assert (record.leads, record.fs, record.n_samples) == (("II", "V5"), 500.0, 10_000)
    assert record.notes == ("record r1: I (250 Hz), RESP (not an ECG by its name) left out; played: II, V5",)
    np.testing.assert_allclose(record.signal(4999, 7003), fast[4999:7003], atol=0.003)
    first = open_record(tmp_path / "r1", ["I", "II"])
    assert (first.leads, first.fs, first.n_samples) == (("I",), 250.0, 5000)
    assert first.notes == ("record r1: II (500 Hz) left out; played: I",)
    np.testing.assert_allclose(first.signal()[:, 0], slow[:, 0], atol=0.003)
    assert open_record(tmp_path / "r1", ["RESP"]).fs == 125.0


@pytest.mark.parametrize(
    ("factor", "hint"), [(1.0, None), (1000.0, "as microvolts"), (200.0, "steps of a converter"), (0.001, "as volts")]
)
def test_values_of_another_unit_are_told(
    tmp_path: Path, write_record: WriteRecord, factor: float, hint: str | None
) -> None:
    path = write_record(tmp_path, p_signal=ECG * factor, adc_gain=[100.0 / factor] * 2, fmt="32")
    told = scale_hint(open_record(path))
    assert (told is None) if hint is None else (told is not None and hint in told)
    stated = {1000.0: "uV", 200.0: "200/mV", 0.001: "V", 1.0: "mV"}[factor]
    assert scale_hint(open_record(path, unit=stated)) is None
    np.testing.assert_allclose(open_record(path, unit=stated).signal(), ECG, atol=0.011)


@pytest.mark.parametrize("wave", [np.zeros(2500), np.full(2500, np.nan), np.where(np.arange(2500) % 700, 0.0, 500.0)])
def test_flat_lines_gaps_and_spikes_tell_nothing_of_the_unit(
    tmp_path: Path, write_record: WriteRecord, wave: np.ndarray
) -> None:
    path = write_record(tmp_path, p_signal=np.stack([wave, ECG[:2500, 0]], axis=1), adc_gain=[10.0, 100.0])
    assert scale_hint(open_record(path)) is None


def test_less_than_a_second_tells_nothing_of_the_unit(tmp_path: Path, write_record: WriteRecord) -> None:
    assert scale_hint(open_record(write_record(tmp_path, p_signal=ECG[:99] * 1000, adc_gain=[0.1] * 2))) is None


@pytest.mark.parametrize(("seconds", "chunk_ms"), [(30, 100), (30, 7000), (3, 100)])
def test_a_stream_of_another_unit_is_told_once(seconds: int, chunk_ms: float) -> None:
    for factor, n_told in ((1.0, 0), (1000.0, 1)):
        chunks = [
            Chunk(chunk.start, chunk.fs, chunk.leads, chunk.samples * factor)
            for chunk in demo_record(seconds=seconds).chunks(chunk_ms)
        ]
        told: list[str] = []
        assert list(ScaleWatch("stdin", told.append).over(iter(chunks))) == chunks
        assert len(told) == n_told
        assert all(line.startswith("record stdin: lead MLII spans") and "microvolts" in line for line in told)
