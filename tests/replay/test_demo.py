"""The demo record: the same on every machine, its beats where they are marked, everything in it that it promises."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from ecg_stream.replay.demo import GAIN, LEADS, demo_record
from ecg_stream.replay.labels import AAMI_CLASS
from ecg_stream.replay.record import Record
from ecg_stream.stream.core.messages import CLASSES


def beats(record: Record) -> tuple[np.ndarray, np.ndarray]:
    reference = record.annotations()
    assert reference is not None
    return reference.samples, np.array(reference.symbols)


def test_it_is_the_same_everywhere() -> None:
    """If this fails after a change of the generator, put in the new sum; without one, the machine matters."""
    steps = np.nan_to_num(np.round(demo_record().signal() * GAIN), nan=-2048).astype("<i2")
    samples, symbols = beats(demo_record())
    found = hashlib.sha256(steps.tobytes() + samples.astype("<i8").tobytes() + "".join(symbols).encode()).hexdigest()
    assert found == "cb18ce1220772aec20f0bcb477230cb531b1438de4b852ee1f4372ca091b5e5e"


def test_ten_minutes_of_two_leads_with_every_class() -> None:
    record = demo_record()
    assert (record.name, record.path, record.fs, record.leads, record.seconds) == ("demo", None, 250.0, LEADS, 600.0)
    _, symbols = beats(record)
    counts = {label: sum(AAMI_CLASS[symbol] == label for symbol in symbols) for label in CLASSES}
    assert 550 < counts["N"] < 750
    assert counts["V"] >= 30
    assert counts["S"] >= 20
    assert counts["F"] >= 5
    assert counts["Q"] >= 1


def test_beats_are_marked_at_their_peak() -> None:
    record = demo_record()
    mlii = record.signal()[:, 0]
    samples, symbols = beats(record)
    for symbol in "NAVFQ":
        offsets = [int(np.argmax(mlii[at - 12 : at + 13])) - 12 for at in samples[symbols == symbol]]
        assert np.median(offsets) == 0
        assert np.abs(offsets).max() <= 2, f"more than the noise moves the peak of {symbol}"


def test_early_beats_are_early_and_only_ventricular_ones_are_followed_by_a_full_pause() -> None:
    samples, symbols = beats(demo_record())
    rr = np.diff(samples) / 250
    around = {
        symbol: [
            (rr[k - 1] / rr[k - 2], (rr[k - 1] + rr[k]) / (2 * rr[k - 2]))
            for k in range(2, len(rr))
            if symbols[k] == symbol and set(symbols[[k - 2, k - 1, k + 1]]) == {"N"}
        ]
        for symbol in "VA"
    }
    for early_ratios in around.values():
        assert max(early for early, _ in early_ratios) < 0.85
    assert np.median([pause for _, pause in around["V"]]) == pytest.approx(1.0, abs=0.05)
    assert np.median([pause for _, pause in around["A"]]) < 0.95


def test_the_rate_varies_with_respiration() -> None:
    samples, symbols = beats(demo_record())
    rr = np.diff(samples) / 250
    sinus = (symbols[1:] == "N") & (symbols[:-1] == "N")
    at = np.arange(5, 595, 0.25)
    even = np.interp(at, samples[1:][sinus] / 250, rr[sinus])
    spectrum = np.abs(np.fft.rfft((even - even.mean()) * np.hanning(len(at)))) ** 2
    hertz = np.fft.rfftfreq(len(at), 0.25)
    respiratory = spectrum[(hertz > 0.2) & (hertz < 0.3)].sum()
    assert respiratory > 5 * spectrum[(hertz > 0.3) & (hertz < 0.4)].sum()
    assert 0.7 < np.median(rr) < 1.0


def test_twenty_seconds_of_one_lead_are_missing() -> None:
    missing = np.isnan(demo_record().signal())
    assert not missing[:, 0].any()
    (places,) = np.nonzero(missing[:, 1])
    assert places[0] == 420 * 250
    assert len(places) == 20 * 250 == places[-1] - places[0] + 1


def test_beats_stand_out_of_the_noise() -> None:
    record = demo_record()
    samples, symbols = beats(record)
    mlii = record.signal()[:, 0]
    peaks = mlii[samples[symbols == "N"]]
    assert 0.8 < np.median(peaks) < 1.4
    assert 0.05 < np.std(peaks) < 0.5


@pytest.mark.parametrize("fs", [128.0, 360.0, 500.0])
def test_another_rate_is_the_same_heart(fs: float) -> None:
    samples, symbols = beats(demo_record(fs=fs))
    reference, reference_symbols = beats(demo_record())
    assert symbols.tolist() == reference_symbols.tolist()
    np.testing.assert_allclose(samples / fs, reference / 250, atol=0.5 / fs + 0.5 / 250)
    assert demo_record(fs=fs).signal().shape == (round(600 * fs), 2)


def test_another_seed_is_another_patient() -> None:
    one, other = demo_record(seconds=30), demo_record(seconds=30, seed=7)
    assert one.n_samples == other.n_samples == 7500
    assert beats(one)[0].tolist() != beats(other)[0].tolist()


def test_nobody_can_write_into_it() -> None:
    with pytest.raises(ValueError, match="read-only"):
        demo_record().signal()[0, 0] = 1.0
    assert demo_record().annotations("ecs") is None
