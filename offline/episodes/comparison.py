"""Two annotation files compared, episode by episode.

Source: ANSI/AAMI EC57; G. B. Moody, `epicmp(1)`, WFDB Applications Guide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .marks import Episodes


@dataclass(frozen=True, slots=True)
class EpisodeScore:
    """The comparison of one kind of episodes in one record, or the sum of several.

    Attributes
    ----------
    record
        Name of the record.
    tps, fn
        Reference episodes that were found, and that were missed.
    tpp, fp
        Test episodes that are right, and that are false.
    reference_s, test_s
        How long the episodes of each file last together, s.
    overlap_s
        For how long both files have one, s.
    hours
        Length of what was compared.
    """

    record: str
    tps: int
    fn: int
    tpp: int
    fp: int
    reference_s: float
    test_s: float
    overlap_s: float
    hours: float


def compare_episodes(
    reference: Episodes,
    test: Episodes,
    fs: float,
    start: int,
    end: int,
    *,
    share: float = 0.0,
    excluded: Episodes | None = None,
    record: str = "",
) -> EpisodeScore:
    """Compare episodes of one kind.

    A reference episode is found, and a test episode is right, if one episode of the other file overlaps it. Where
    `share` is given, it must cover that share of it, or the overlap must hold an extremum that its own file marks.

    Parameters
    ----------
    reference, test
        The episodes of both files.
    fs
        Sampling rate, Hz.
    start, end
        First sample that counts, and the first that does not. Of an episode that reaches out, what lies within counts.
    share
        How much of an episode must be covered: 0 for any overlap, 0.5 for ST.
    excluded
        Where the test file is neither right nor wrong: such time is not counted as its, and an episode that lies
        wholly inside is not there.
    record
        Name that goes into the score.
    """
    ref, tst = reference.within(start, end), test.within(start, end)
    overlap = _overlaps(ref.spans, tst.spans)
    found = _matched(ref, tst, overlap, share)
    right = _matched(tst, ref, overlap.T, share)
    lengths = tst.spans[:, 1] - tst.spans[:, 0]
    if excluded is not None:
        lengths = lengths - _overlaps(tst.spans, excluded.within(start, end).spans).sum(axis=1)
    counted = lengths > 0
    return EpisodeScore(
        record=record,
        tps=int(found.sum()),
        fn=int((~found).sum()),
        tpp=int((right & counted).sum()),
        fp=int((~right & counted).sum()),
        reference_s=ref.samples() / fs,
        test_s=int(lengths.sum()) / fs,
        overlap_s=int(overlap.sum()) / fs,
        hours=(end - start) / fs / 3600.0,
    )


def _overlaps(these: NDArray[np.int64], those: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(n, m)``: how many samples the episodes of two ``(n, 2)`` and ``(m, 2)`` lists have in common."""
    begin = np.maximum(these[:, None, 0], those[None, :, 0])
    end = np.minimum(these[:, None, 1], those[None, :, 1])
    return np.asarray(np.maximum(end - begin, 0))


def _matched(these: Episodes, those: Episodes, overlap: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Whether each of these episodes is answered by one of those; `overlap` is ``(these, those)``."""
    lengths = these.spans[:, 1] - these.spans[:, 0]
    enough = (overlap > 0) & (overlap >= share * lengths[:, None])
    if share > 0.0 and len(these.extrema):
        begin = np.maximum(these.spans[:, None, 0], those.spans[None, :, 0])
        end = np.minimum(these.spans[:, None, 1], those.spans[None, :, 1])
        # The last sample of an episode is its end mark: an extremum may stand on it.
        held = np.searchsorted(these.extrema, end, "right") > np.searchsorted(these.extrema, begin, "left")
        enough |= (overlap > 0) & held
    return np.asarray(enough.any(axis=1))
