"""Pacing spikes put into records: what is made, and what the live pipeline tells of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.made_spikes import AMPLITUDE_MV, TAIL_SHARE, WIDTH_S, Spike, add, drawn
from ecg_stream.offline.pacing import COUNTS, PacingCount, Unaltered, resampled, unaltered, with_spikes
from ecg_stream.offline.pauses import outputs_of
from ecg_stream.offline.training_records import TrainingRecord, read_training_records
from ecg_stream.replay.catalog import data_folder, find_record
from ecg_stream.stream.core.messages import Beat
from ecg_stream.stream.pipeline import load_models

from .test_pauses import plain_record


def real(name: str) -> TrainingRecord:
    if not (data_folder() / f"{name}.dat").is_file():
        pytest.skip(f"{name} is not at hand")
    return next(read_training_records([name]))


def test_a_sampled_spike_has_the_area_of_its_pulse_at_any_phase():
    for fs in (250.0, 2000.0):
        for phase in np.linspace(0.0, 1.0, 7):
            x = np.zeros((round(fs), 2))
            add(x, fs, Spike((4.0, -2.0), 0.001), 0.5 + phase / fs)
            assert x.sum(axis=0) / fs == pytest.approx([4.0e-3, -2.0e-3], rel=0.2)
            first = int(np.flatnonzero(np.abs(x[:, 0]) > 0.01)[0])
            assert 0.5 <= first / fs <= 0.5 + 3.0 / fs
            assert np.ptp(np.flatnonzero(np.abs(x[:, 0]) > 0.1)) / fs < 0.013


def test_an_overshoot_is_on_the_other_side_and_falls():
    x = np.zeros((1000, 1))
    add(x, 1000.0, Spike((10.0,), 0.001, 0.1, 0.02), 0.5)
    assert x[510:600].max() < 0.0
    assert x[526, 0] / x[506, 0] == pytest.approx(np.exp(-1.0), rel=0.02)


def test_spikes_are_drawn_within_their_limits_and_the_same_for_a_seed():
    rng = np.random.default_rng(1)
    found = [drawn(rng, 2, tail=bool(k % 2)) for k in range(200)]
    amplitudes = np.array([each.amplitudes_mv for each in found])
    assert (np.abs(amplitudes[:, 0]) >= AMPLITUDE_MV[0]).all()
    assert (np.abs(amplitudes[:, 0]) <= AMPLITUDE_MV[1]).all()
    assert (np.abs(amplitudes[:, 1]) <= np.abs(amplitudes[:, 0])).all()
    assert {WIDTH_S[0] <= each.width_s <= WIDTH_S[1] for each in found} == {True}
    assert {each.tail_share for each in found[::2]} == {0.0}
    assert {TAIL_SHARE[0] <= each.tail_share <= TAIL_SHARE[1] for each in found[1::2]} == {True}
    again = np.random.default_rng(1)
    assert [drawn(again, 2, tail=bool(k % 2)) for k in range(200)] == found


def test_another_rate_keeps_length_and_shape():
    t = np.arange(3600)[:, np.newaxis] / 360.0
    x = resampled(np.sin(2.0 * np.pi * 5.0 * t).astype(np.float32), 360.0, 250.0)
    assert len(x) == 2500
    np.testing.assert_allclose(x[50:-50, 0], np.sin(2.0 * np.pi * 5.0 * np.arange(2500) / 250.0)[50:-50], atol=0.01)


@pytest.mark.parametrize("rate_hz", [250.0, 1000.0])
def test_bare_spikes_hide_no_asystole_and_an_atrial_spike_changes_no_label(rate_hz):
    found = with_spikes(plain_record(), rate_hz, load_models(), seed=2)
    assert found.still > 10
    assert (found.still_false, found.still_before) == (0, 0)
    assert (found.asystole, found.asystole_before) == (1, 1)
    assert found.between > 100
    assert found.between_false == 0
    assert found.atrial > 100
    assert (found.atrial_changed, found.atrial_paced) == (0, 0)


def test_beats_after_a_spike_are_paced_and_q_at_any_phase():
    found = with_spikes(real("mitdb/119"), 1000.0, load_models())
    assert found.amplitude_mv > 1.0
    assert found.ventricular > 15
    assert (found.paced, found.q, found.same) == (found.ventricular,) * 3


def test_no_beat_of_a_heart_that_paces_itself_is_paced():
    record = real("mitdb/208")
    found = unaltered(replace(record, signal=record.signal[: 600 * 360]), load_models())
    assert found.beats > 900
    assert found.paced == 0


def test_real_spikes_are_told():
    """The patient of record cu32 has a pacemaker: 0.8 mV at 250 Hz, 80 ms before the R peak."""
    if not (data_folder() / "cudb/cu32.dat").is_file():
        pytest.skip("cudb/cu32 is not at hand")
    record = find_record("cudb/cu32")
    beats = [each for each in outputs_of(record.signal(), record.fs, load_models()) if isinstance(each, Beat)]
    paced = [beat for beat in beats if beat.paced]
    assert len(paced) > 0.75 * len(beats)
    assert {beat.label for beat in paced} == {"Q"}


def test_the_command_tells_rates_and_records_as_they_are(capsys, monkeypatch):
    real("mitdb/119")
    arguments = ["evaluate", "pacing", "--records", "mitdb/119", "--rate", "250"]
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (row,) = told["rates"]
    assert row == {"rate_hz": 250.0, **{name: told["records"][0][name] for name in COUNTS}}
    assert row["ventricular"] > 15
    assert told["without_pacemaker"]["paced"] == 0
    again = [(Unaltered(**told["unaltered"][0]), [PacingCount(**told["records"][0])])]
    monkeypatch.setattr("ecg_stream.offline.pacing.run_records", lambda *_: iter(again))
    assert run(arguments) == 0
    table = capsys.readouterr().out
    assert f" {row['between']} " in table
    assert "0 of 1988 beats told to be paced" in table
