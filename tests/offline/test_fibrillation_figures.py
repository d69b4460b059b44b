"""How ventricular fibrillation is scored: windows, episodes, how late, false alerts."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.offline.episodes.marks import Episodes
from ecg_stream.offline.fibrillation_figures import figures
from ecg_stream.offline.fibrillation_training import _trained_on
from ecg_stream.offline.fibrillation_windows import Windows
from ecg_stream.stream.rhythm.fibrillation import window_end
from ecg_stream.stream.rhythm.fibrillation_waves import NAMES

FS = 250.0
THRESHOLDS = {"begin": 2.0, "end": 0.0}


def windows(record: str, seconds: int, episodes: list[tuple[float, float]], tachycardia=(), noise=()) -> Windows:
    """A record with marks, s, and windows without features."""
    end = np.array([window_end(FS, turn) for turn in range(seconds - 5)])
    spans = np.array([(round(a * FS), round(b * FS)) for a, b in episodes], dtype=np.int64).reshape(-1, 2)

    def share(marks) -> np.ndarray:
        stop = end / FS
        return (
            sum((np.clip(np.minimum(stop, b) - np.maximum(stop - 4.992, a), 0.0, None) for a, b in marks), 0.0 * stop)
            / 4.992
        )

    features = np.zeros((len(end), 1, len(NAMES)), dtype=np.float32)
    return Windows(record, FS, end, features, share(episodes), share(tachycardia), share(noise), Episodes(spans))


def odds(each: Windows, told: list[tuple[float, float]]) -> list[float | None]:
    """Sure where a window ends inside of these stretches, s."""
    return [5.0 if any(a <= end / FS < b for a, b in told) else -5.0 for end in each.end.tolist()]


def test_what_is_told_at_once_is_all_found():
    each = windows("vfdb/1", 120, [(40.0, 80.0)])
    found = figures([each], {"vfdb/1": odds(each, [(43.0, 81.0)])}, THRESHOLDS)
    counts = found.windows["vfdb/1"]
    assert (counts.found, counts.missed, counts.false) == (8, 0, 0)
    assert counts.right == 15
    assert found.latency_s == [pytest.approx(5.0, abs=1.1)]
    assert found.missed == 0
    (score,) = found.episodes
    assert (score.tps, score.fn, score.tpp, score.fp) == (1, 0, 1, 0)
    assert score.overlap_s / score.reference_s > 0.9


def test_what_is_not_told_is_missed():
    each = windows("cudb/1", 120, [(40.0, 80.0)])
    found = figures([each], {"cudb/1": odds(each, [])}, THRESHOLDS)
    assert (found.windows["cudb/1"].found, found.windows["cudb/1"].missed) == (0, 8)
    assert (found.latency_s, found.missed) == ([], 1)
    assert found.as_json()["episodes_missed"] == 1


def test_tachycardia_and_noise_are_counted_by_themselves():
    each = windows("vfdb/1", 120, [], tachycardia=[(20.0, 50.0)], noise=[(60.0, 90.0)])
    counts = figures([each], {"vfdb/1": odds(each, [(0.0, 120.0)])}, THRESHOLDS).windows["vfdb/1"]
    assert counts.tachycardia == counts.tachycardia_told == 6
    assert counts.noise == counts.noise_told == 6
    assert counts.found == counts.missed == counts.right == 0
    assert counts.false == 11  # of 23 side by side


def test_alerts_of_records_without_fibrillation_are_false():
    each = windows("edb/1", 3605, [])
    found = figures([each], {"edb/1": odds(each, [(100.0, 110.0), (2000.0, 2010.0)])}, THRESHOLDS)
    assert found.false_alerts == {"edb": (2, pytest.approx(1.0))}
    assert found.windows == {}


def test_windows_near_fibrillation_and_in_tachycardia_are_not_trained_on():
    each = windows("vfdb/1", 120, [(40.0, 80.0)], tachycardia=[(95.0, 105.0)])
    keep, truth = _trained_on(each)
    end = each.end / FS
    assert truth[(end > 46.0) & (end < 80.0)].all()
    assert not truth[(end < 44.0) | (end > 82.0)].any()
    assert keep[end < 36.0].all()
    assert not keep[(end > 38.0) & (end < 44.0)].any()
    assert not keep[(end > 95.1) & (end < 109.9)].any()
