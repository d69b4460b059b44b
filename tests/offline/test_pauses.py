"""Pauses made of a record's own beats: what is made, and that the live pipeline tells no beat in them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.made_pauses import PAUSE_S, STANDSTILL_S, MadePauses, with_pauses
from ecg_stream.offline.pauses import count
from ecg_stream.offline.training_records import TrainingRecord, read_training_records
from ecg_stream.replay.catalog import data_folder
from ecg_stream.stream.pipeline import load_models

FS = 250.0
INTERVAL_S, PR_S = 0.9, 0.17


def plain_record(p_wave_mv: float = 0.15, beats: int = 400) -> TrainingRecord:
    """A steady rhythm of beats with P wave, QRS complex and T wave, a little noisy, in one lead."""
    rng = np.random.default_rng(3)
    times = 1.0 + INTERVAL_S * np.arange(beats)
    t = np.arange(round((times[-1] + 1.0) * FS)) / FS
    signal = rng.normal(scale=0.005, size=len(t))
    phase = (t - 1.0 + 0.45) % INTERVAL_S - 0.45
    for height, at, width in ((p_wave_mv, -PR_S, 0.022), (1.2, 0.0, 0.012), (0.25, 0.26, 0.05)):
        signal += height * np.exp(-0.5 * ((phase - at) / width) ** 2)
    return TrainingRecord(
        name="made",
        patient="made",
        fs=FS,
        signal=signal[:, np.newaxis].astype(np.float32),
        beats=np.rint(times * FS).astype(np.int64),
        classes=np.zeros(beats, dtype=np.int64),
        flutter=np.zeros((0, 2), dtype=np.int64),
    )


def made_of(record: TrainingRecord, seed: int = 0, n: int = 6) -> MadePauses:
    made = with_pauses(record, np.random.default_rng(seed), n)
    assert made is not None
    return made


def test_pauses_are_as_long_as_they_say_and_end_with_a_whole_beat():
    record, n = plain_record(), 6
    made = made_of(record, n=n)
    assert len(made.pauses) == n
    lengths = np.diff(made.pauses, axis=1)[:, 0] / FS
    assert (lengths > PAUSE_S[0] - 0.01).all()
    assert (lengths < PAUSE_S[1] + 0.01).all()
    assert np.diff(made.standstill)[0] / FS == pytest.approx(STANDSTILL_S, abs=0.01)
    intervals = np.diff(made.beats) / FS
    assert np.sum(np.abs(intervals - INTERVAL_S) > 0.01) == n + 1
    around = np.arange(round(-0.22 * FS), round(0.3 * FS))
    mean = record.signal[record.beats[5:-5, None] + around, 0].mean(axis=0)
    for beat in made.beats[2:-2]:
        assert np.corrcoef(made.signal[beat + around, 0], mean)[0, 1] > 0.98


def test_quiet_is_as_noisy_as_the_diastole_and_holds_no_wave():
    made = made_of(plain_record())
    for k, (begin, end) in enumerate(made.pauses.tolist()):
        quiet = made.signal[begin + round(0.6 * FS) : end - round(0.4 * FS), 0]
        assert np.abs(quiet - np.median(quiet)).max() < 0.04
        if k % 2 == 0:  # where diastoles are added up; a stretched one is smooth
            assert 0.003 < np.diff(quiet).std() / np.sqrt(2.0) < 0.008


def test_a_standstill_has_p_waves_at_the_usual_rate_and_no_qrs_complex():
    made = made_of(plain_record())
    assert made.p_waves == pytest.approx(STANDSTILL_S / INTERVAL_S, abs=2)
    begin, end = made.standstill
    inside = made.signal[begin + round(0.5 * FS) : end - round(0.3 * FS), 0]
    assert 0.1 < np.ptp(inside) < 0.3
    smooth = np.convolve(inside, np.ones(7) / 7.0, mode="same")
    above = smooth > np.median(inside) + 0.07
    assert np.sum(np.diff(above.astype(int)) == 1) == made.p_waves


def test_the_same_seed_makes_the_same_pauses_and_another_makes_others():
    record = plain_record()
    first, again, other = made_of(record, 1), made_of(record, 1), made_of(record, 2)
    assert np.array_equal(first.signal, again.signal)
    assert not np.array_equal(first.pauses, other.pauses)


def test_where_no_p_wave_is_seen_there_are_no_pauses():
    assert with_pauses(plain_record(p_wave_mv=0.0), np.random.default_rng(0)) is None
    assert with_pauses(plain_record(beats=60), np.random.default_rng(0)) is None


@pytest.mark.parametrize("p_wave_mv", [0.1, 0.2, 0.3])
def test_no_beat_is_told_in_pauses_of_a_plain_rhythm(p_wave_mv):
    found = count(made_of(plain_record(p_wave_mv)), load_models())
    assert (found.pauses, found.false, found.missed, found.standstill_false) == (6, 0, 0, 0)


REAL = ("mitdb/122", "mitdb/230", "edb/e0104", "edb/e0603", "svdb/829", "svdb/872")
"""Records in which seven of ten pauses, and most P waves of a standstill, were beats before there were rules."""


@pytest.mark.parametrize("name", REAL)
def test_no_beat_is_told_in_pauses_of_real_records_and_hardly_one_in_a_standstill(name):
    if not (data_folder() / f"{name}.dat").is_file():
        pytest.skip(f"{name} is not at hand")
    record = next(read_training_records([name]))
    found = count(made_of(record, seed=11, n=10), load_models())
    assert found.pauses == 10
    assert (found.false, found.missed) == (0, 0)
    assert found.standstill_false <= 2


def test_the_command_tells_each_record_and_all(capsys):
    if not (data_folder() / "mitdb/122.dat").is_file():
        pytest.skip("mitdb/122 is not at hand")
    arguments = ["evaluate", "pauses", "--records", "122,101", "--count", "4"]
    assert run([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["record"] for each in answer["records"]] == ["mitdb/101", "mitdb/122"]
    assert answer["total"]["pauses"] == 8
    assert run(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[0] == "mitdb/101"
    assert lines[3].startswith("all (2)")


def test_records_that_are_not_there_are_told_in_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert run(["evaluate", "pauses", "--records", "101"]) == 2
    assert run(["evaluate", "pauses", "--db", "nowhere"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "none of the records asked for" in first
    assert "no record list 'nowhere'" in second
