"""Rhythms told live, compared with two references: the annotators' marks, and the same rules on reference beats.

The marks say what a cardiologist called it; the rules on reference beats say what the stage would have told if every
beat and label were right. The first has what the rules miss, the second what detector and classifier cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..replay.annotations import Annotations
from ..replay.labels import AAMI_CLASS
from ..stream.core.messages import Beat, Output, Probabilities, Rhythm
from ..stream.core.rhythm_names import RhythmName
from ..stream.pipeline import Pipeline
from ..stream.rhythm.limits import RhythmLimits
from ..stream.rhythm.rule import RhythmBeat
from ..stream.rhythm.stage import Decided, RhythmStage
from .beat_run import CHUNK_MS, Conditions, record_under
from .episodes.comparison import EpisodeScore, compare_episodes
from .episodes.marks import VF_RHYTHMS, Episodes, fibrillation, rhythm, united
from .parallel import in_parallel
from .training_records import MATCH_S


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison.

    Attributes
    ----------
    names
        What the stage calls it; several that follow each other are one episode.
    marks
        Rhythm marks of WFDB that are the same; empty where annotators do not mark it.
    by_rule
        Whether the rules find it from beats alone, so that they can be asked of reference beats.
    """

    names: tuple[RhythmName, ...]
    marks: frozenset[str] = frozenset()
    by_rule: bool = True


COMPARED: Mapping[str, Compared] = {
    "ventricular runs": Compared(
        ("ventricular-run", "ventricular-tachycardia", "sustained-ventricular-tachycardia"), frozenset({"(VT"})
    ),
    "couplet": Compared(("couplet",)),
    "idioventricular rhythm": Compared(("idioventricular-rhythm",), frozenset({"(IVR"})),
    "bigeminy": Compared(("bigeminy",), frozenset({"(B"})),
    "trigeminy": Compared(("trigeminy",), frozenset({"(T"})),
    "frequent V": Compared(("frequent-ventricular-beats",)),
    "R on T": Compared(("r-on-t",)),
    "supraventricular tachycardia": Compared(("supraventricular-tachycardia",), frozenset({"(SVTA"})),
    "atrial fibrillation": Compared(("atrial-fibrillation",), frozenset({"(AFIB"}), by_rule=False),
    "ventricular fibrillation": Compared(("ventricular-fibrillation",), VF_RHYTHMS, by_rule=False),
    "ventricular tachycardia or fibrillation": Compared(
        (
            "ventricular-run",
            "ventricular-tachycardia",
            "sustained-ventricular-tachycardia",
            "ventricular-fibrillation",
        ),
        VF_RHYTHMS | {"(VT"},
        by_rule=False,
    ),
    "pause": Compared(("pause", "asystole")),
    "asystole": Compared(("asystole",), frozenset({"(ASYS"})),
    "bradycardia": Compared(("bradycardia",), frozenset({"(SBR"})),
    "tachycardia": Compared(("tachycardia", "supraventricular-tachycardia")),
    "noise": Compared(("noise",), frozenset({"(NOISE"}), by_rule=False),
}
"""By name. A tachycardia is one by its rate, whether it is told as supraventricular or not. No database tells a fast
ventricular tachycardia and fibrillation apart, so that both are compared together, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Episodes as they were told.

    Attributes
    ----------
    episodes
        Their spans.
    begins, told
        ``(n,)`` each: first sample of each beginning that was told, and the sample with which it was.
    """

    episodes: Episodes
    begins: NDArray[np.int64]
    told: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RhythmComparison:
    """One rhythm of one record against one reference.

    Attributes
    ----------
    score
        Episodes and durations.
    delays_s
        For each reference episode that was found, stream time from its onset to when it was told.
    """

    score: EpisodeScore
    delays_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RhythmRun:
    """One record.

    Attributes
    ----------
    record
        As ``db/name``.
    fs, n_samples
        Its sampling rate, Hz, and length.
    by_marks, by_rule
        Comparisons by the names of `COMPARED`, with the annotators' marks and with the rules on reference beats.
    told, marked
        Episodes by the same names, ``(n, 2)`` samples, for a picture.
    """

    record: str
    fs: float
    n_samples: int
    by_marks: dict[str, RhythmComparison]
    by_rule: dict[str, RhythmComparison]
    told: dict[str, NDArray[np.int64]]
    marked: dict[str, NDArray[np.int64]]


def told_episodes(rhythms: Sequence[Rhythm], names: Sequence[RhythmName], fs: float, n_samples: int) -> Told:
    """Gather the episodes of some rhythms; what touches or overlaps is one."""
    spans: list[tuple[int, int]] = []
    open_since: dict[RhythmName, int] = {}
    begins: list[tuple[int, int]] = []
    near = round(MATCH_S / 2 * fs)
    for each in rhythms:
        if each.name not in names:
            continue
        if each.state == "begin":
            open_since[each.name] = each.sample
            begins.append((each.sample, each.sample + round(each.delay_ms * fs / 1000.0)))
        elif each.name in open_since:
            begin = open_since.pop(each.name)
            takes_none = each.sample == begin  # an R on T: within the match window of beats it is the same
            spans.append((begin - near, begin + near) if takes_none else (begin, each.sample))
    spans += [(begin, n_samples) for begin in open_since.values()]
    at = np.array(begins, dtype=np.int64).reshape(-1, 2)
    return Told(united(spans), at[:, 0], at[:, 1])


def compare_told(
    reference: Episodes,
    told: Told,
    fs: float,
    start: int,
    end: int,
    *,
    excluded: Episodes | None = None,
    record: str = "",
) -> RhythmComparison:
    """Compare episodes that were told with those of a reference, and measure how late each was told.

    Parameters
    ----------
    reference, told
        The two sides.
    fs
        Sampling rate, Hz.
    start, end
        First sample that counts, and the first that does not.
    excluded
        Where what is told is neither right nor wrong.
    record
        Name that goes into the score.
    """
    score = compare_episodes(reference, told.episodes, fs, start, end, excluded=excluded, record=record)
    delays = []
    for begin, stop in reference.within(start, end).spans.tolist():
        inside = told.episodes.spans[(told.episodes.spans[:, 0] < stop) & (told.episodes.spans[:, 1] > begin)]
        first = [
            int(told.told[(told.begins >= low) & (told.begins < high)].min())
            for low, high in inside.tolist()
            if ((told.begins >= low) & (told.begins < high)).any()
        ]
        if first:
            delays.append(max(0, min(first) - begin) / fs)
    return RhythmComparison(score, tuple(delays))


def rules_on_reference(
    reference: Annotations, fs: float, leads: tuple[str, ...], n_samples: int, limits: RhythmLimits
) -> list[Rhythm]:
    """Ask the rules of reference beats, as if each were labelled at its mark; fibrillation between two is a gap."""
    decided: list[Decided] = []
    before: int | None = None
    nothing = Probabilities(0.0, 0.0, 0.0, 0.0, 0.0)
    in_fibrillation = False
    for sample, symbol in zip(reference.samples.tolist(), reference.symbols, strict=True):
        if symbol in "[]!":
            before, in_fibrillation = None, symbol != "]"
            continue
        label = AAMI_CLASS.get(symbol)
        if label is None or in_fibrillation:
            continue
        rr_ms = None if before is None else 1000.0 * (sample - before) / fs
        beat = Beat(sample, sample / fs, label, nothing, rr_ms, 0.0)  # type: ignore[arg-type]  # the map has labels
        decided.append((sample, RhythmBeat(beat)))
        before = sample
    stage = RhythmStage(limits, fs, leads)
    outputs: list[Output] = [*stage.push(decided, [], n_samples), *stage.finish(n_samples)]
    return [output for output in outputs if isinstance(output, Rhythm)]


def reference_marks(reference: Annotations, name: str, n_samples: int) -> Episodes:
    """Give the episodes that annotators mark as one of `COMPARED`."""
    marks = COMPARED[name].marks
    marked = rhythm(reference, marks, n_samples)
    if not marks >= VF_RHYTHMS:
        return marked
    return united([*marked.spans.tolist(), *fibrillation(reference, n_samples).spans.tolist()])


def evaluate_record(name: str, conditions: Conditions, data_folder: Path) -> RhythmRun:
    """Run the live pipeline over a record, and compare what it tells.

    Raises
    ------
    RecordError
        If the record has no reference annotations, or cannot be read.
    """
    record = record_under(conditions, name, data_folder)
    reference = record.annotations("atr")
    if reference is None:
        raise RecordError(f"record {name} has no annotations 'atr' to compare with", about="records")
    leads = record.leads[:1] if conditions.first_lead else record.leads
    pipeline = Pipeline(conditions.models(name))
    outputs: list[Output] = [o for chunk in record.chunks(CHUNK_MS, leads=leads) for o in pipeline.push(chunk)]
    outputs += pipeline.flush()
    rhythms = [output for output in outputs if isinstance(output, Rhythm)]
    return compare_record(name, rhythms, reference, record.fs, leads, record.n_samples, conditions.start_s)


def compare_record(
    name: str,
    rhythms: Sequence[Rhythm],
    reference: Annotations,
    fs: float,
    leads: tuple[str, ...],
    n_samples: int,
    start_s: float,
) -> RhythmRun:
    """Compare what was told of a record with both references, from `start_s` seconds on.

    Between ``[`` and ``]`` there are no reference beats to ask the rules of: what is told there counts on neither side.
    """
    start = int(start_s * fs + 0.5)
    has_beats = len(reference.beats()) > 0
    has_marks = any(symbol in "+[" for symbol in reference.symbols)
    by_rules = rules_on_reference(reference, fs, leads, n_samples, RhythmLimits()) if has_beats else []
    flutter, without_beats = rhythm(reference, ("(AFL",), n_samples), fibrillation(reference, n_samples)
    by_marks: dict[str, RhythmComparison] = {}
    by_rule: dict[str, RhythmComparison] = {}
    ours: dict[str, NDArray[np.int64]] = {}
    marked: dict[str, NDArray[np.int64]] = {}
    for key, compared in COMPARED.items():
        told = told_episodes(rhythms, compared.names, fs, n_samples)
        ours[key] = told.episodes.spans
        if compared.marks and has_marks:
            wanted = reference_marks(reference, key, n_samples)
            marked[key] = wanted.spans
            excluded = flutter if key == "atrial fibrillation" else None  # as `epicmp` has it
            by_marks[key] = compare_told(wanted, told, fs, start, n_samples, excluded=excluded, record=name)
        if compared.by_rule and has_beats:
            wanted = told_episodes(by_rules, compared.names, fs, n_samples).episodes
            by_rule[key] = compare_told(wanted, told, fs, start, n_samples, excluded=without_beats, record=name)
    return RhythmRun(name, fs, n_samples, by_marks, by_rule, ours, marked)


def evaluate_records(
    names: Sequence[str], conditions: Conditions, data_folder: Path, jobs: int = 1
) -> Iterator[RhythmRun]:
    """Do this for records one after another, or several at a time; nothing is downloaded."""
    yield from in_parallel(evaluate_record, ((name, conditions, data_folder) for name in names), jobs)
