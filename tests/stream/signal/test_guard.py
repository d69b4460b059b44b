"""The guard: the laws, each rule at its edges, and the continuity that spares the filters."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.errors import StreamError
from ecg_stream.stream.signal.guard import Guarded, SignalGuard
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.testing import LAWS, Subject

FS = 250.0


def make() -> SignalGuard:
    return SignalGuard(FS, ("V4", "MLIII"), start=1000)


def ecg(seconds: float, fs: float = FS, offset: float = 0.0) -> np.ndarray:
    """One lead: 1 mV beats on 5 uV steps with a little noise, at an electrode offset."""
    t = np.arange(round(seconds * fs)) / fs
    x = np.exp(-0.5 * (((t % 0.8) - 0.4) / 0.012) ** 2) + 0.1 * np.sin(2 * np.pi * 0.3 * t)
    x += np.random.default_rng(3).normal(scale=0.01, size=len(t))
    return np.round(x[:, np.newaxis] + offset, 2)


def with_everything() -> np.ndarray:
    """Two leads with every kind of fault, some at once, some that end in each other."""
    x = np.hstack([ecg(24, offset=2.0), ecg(24, offset=-1.0)])
    x[:40, 1] = np.nan  # a lead that is not there at the start
    x[500] = np.nan  # one lost sample
    x[1000:1300, 0] = np.nan
    x[1200:1900, 1] = 0.25  # flat
    x[2000:2080, 0] = 9.0  # rail
    x[2080:2200, 0] = np.inf
    x[2600:3000] = np.nan
    x[2800, 0] = 4.0  # one sample in between
    x[3300:3340, 1] = 1e300
    x[3341:3380, 1] = -np.inf
    x[4000:4300:2, 0] = np.nan
    x[5000:5400, 1] = -7.0
    return x


def kinds(out: Guarded) -> list[tuple[str, str | None, int]]:
    return [(event.kind, event.lead, event.sample) for _, event in out.events]


def one_lead() -> SignalGuard:
    return SignalGuard(FS, ("I",))


@pytest.mark.parametrize("law", LAWS)
def test_laws(law):
    law(Subject(make, (with_everything(),), decided=lambda item: item[0] - 1000))


def test_events_are_given_when_they_are_decided():
    guard, x = make(), with_everything()
    for i in range(len(x)):
        for decided, event in guard.push(x[i : i + 1]).events:
            assert decided == 1000 + i
            assert event.sample <= decided
            assert event.time == event.sample / FS


def test_whatever_comes_in_what_goes_out_is_finite():
    rng = np.random.default_rng(4)
    x = rng.choice([0.0, 1.0, 5.0, np.nan, np.inf, -np.inf, 1e300, -1e300], size=(20_000, 2))
    x[::3] = rng.normal(size=(len(x[::3]), 2))
    out = make().push(x)
    assert np.isfinite(out.samples).all()
    assert np.isfinite(HighPass(FS, 2).push(out.samples)).all()


def test_a_good_signal_passes_less_its_first_sample():
    x = ecg(60, offset=250.0)
    out = one_lead().push(x)
    np.testing.assert_array_equal(out.samples, x - x[0])
    assert out.good.all()
    assert out.events == []


def test_single_lost_samples_are_bridged_in_silence():
    x = ecg(10)
    lost = x.copy()
    lost[500:520:4] = np.nan
    out = one_lead().push(lost)
    assert out.events == []
    np.testing.assert_array_equal(np.flatnonzero(~out.good), np.arange(500, 520, 4))
    np.testing.assert_array_equal(out.samples[500:520:4], (x - x[0])[499:519:4])
    np.testing.assert_array_equal(out.samples[520:], (x - x[0])[520:])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, -1001.0])
def test_lead_off_and_on(bad):
    x = ecg(10)
    x[500:1000] = bad
    x[1000:] += 3.0  # back at another offset
    out = one_lead().push(x)
    assert kinds(out) == [("lead-off", "I", 500), ("lead-on", "I", 1124)]
    assert [decided for decided, _ in out.events] == [524, 1124]
    assert not out.good[500:1124].any()
    assert out.good[:500].all()
    assert out.good[1124:].all()
    assert np.all(out.samples[500:1000] == out.samples[499])
    np.testing.assert_allclose(out.samples[1000], out.samples[499], atol=1e-12, err_msg="back without a step")
    np.testing.assert_allclose(np.diff(out.samples[1000:], axis=0), np.diff(x[1000:], axis=0), atol=1e-12)


def test_a_lead_that_is_missing_from_the_start_comes_in_at_zero():
    x = ecg(10, offset=7.0)
    x[:300] = np.nan
    out = one_lead().push(x)
    assert kinds(out) == [("lead-off", "I", 0), ("lead-on", "I", 424)]
    assert np.all(out.samples[:301] == 0.0)
    np.testing.assert_array_equal(out.samples[300:], x[300:] - x[300])


def test_flat_line():
    x = ecg(12)
    x[1000:1249] = 0.005
    x[1500:1750] = 0.005
    x[2000:2600] = 0.005
    out = one_lead().push(x)
    assert kinds(out)[0] == ("flat", "I", 1500), "a line of less than a second is none"
    assert kinds(out)[1][:2] == ("lead-on", "I")
    assert kinds(out)[2] == ("flat", "I", 2000)
    assert kinds(out)[3:] == [("lead-on", "I", 2724)]
    assert out.good[2248, 0]
    assert not out.good[2249:2724].any()


def test_a_dead_lead_that_flickers_does_not_chatter():
    x = ecg(60)
    x[2500:] = 0.0
    x[2900::100] = 0.01
    out = one_lead().push(x)
    assert kinds(out) == [("flat", "I", 2500)]


@pytest.mark.parametrize("rail", [5.115, -5.12])
def test_saturation(rail):
    x = ecg(30)
    x[5000:5100] = rail
    x[5100:] += 2.0
    out = one_lead().push(x)
    assert kinds(out) == [("saturation", "I", 5000), ("lead-on", "I", 5224)]
    assert out.events[0][0] == 5029
    np.testing.assert_allclose(out.samples[5100], out.samples[5099], atol=1e-12)


def test_clipped_peaks_are_no_saturation():
    x = np.minimum(4.0 * ecg(60), 2.5)
    runs = np.diff(np.flatnonzero(np.diff(x[:, 0]) != 0))
    assert runs.max() >= 3, "the peaks must be clipped for this test to tell"
    assert one_lead().push(x).events == []


def test_a_quiet_baseline_on_a_coarse_converter_is_neither_flat_nor_saturated():
    x = np.round(ecg(60) / 0.04) * 0.04
    assert one_lead().push(x).events == []


def test_a_wide_plateau_below_the_extremes_is_no_saturation():
    x = ecg(30)
    x[4000:4010] = 6.0
    x[5000:5040] = 5.0
    assert one_lead().push(x).events == []


@pytest.mark.parametrize("fs", [128.0, 250.0, 360.0, 1000.0])
@pytest.mark.parametrize("fault", [np.nan, 0.0, 6.0])
def test_recovers_within_three_seconds_at_any_rate(fs, fault):
    x = ecg(30, fs)
    a, b = round(12 * fs), round(15 * fs)
    x[a:b] = fault
    out = SignalGuard(fs, ("I",)).push(x)
    assert [kind for kind, _, _ in kinds(out)][1:] == ["lead-on"]
    assert out.good[b + round(3 * fs) :].all()


def test_leads_are_guarded_each_by_itself():
    x = np.hstack([ecg(10), ecg(10)])
    x[1000:1500, 1] = np.nan
    out = make().push(x)
    assert out.good[:, 0].all()
    np.testing.assert_array_equal(out.samples[:, 0], x[:, 0] - x[0, 0])
    assert kinds(out) == [("lead-off", "MLIII", 2000), ("lead-on", "MLIII", 2624)]


def test_many_gaps_do_not_wear_the_precision():
    x = ecg(400, offset=299.0)
    back = np.zeros(len(x), dtype=bool)
    for start in range(500, len(x) - 500, 500):
        x[start : start + 30] = np.nan
        back[start : start + 31] = True
    out = one_lead().push(x)
    steps = np.diff(out.samples[:, 0])
    np.testing.assert_allclose(steps[~back[1:]], np.diff(x[:, 0])[~back[1:]], rtol=0, atol=1e-11)
    assert np.abs(out.samples).max() < 100.0


def test_refuses_another_number_of_leads():
    with pytest.raises(StreamError, match=r"takes \(n_samples, 2\)"):
        make().push(np.zeros((10, 1)))
    with pytest.raises(StreamError, match="same sampling rate and leads"):
        make().restore(one_lead().snapshot())
