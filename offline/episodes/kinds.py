"""The comparisons by name: ``AF``, ``VF`` and ``ST`` as `epicmp` has them, rhythms as WFDB names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ...errors import RequestError
from ...replay.annotations import Annotations
from ..ec57 import LEARNING_PERIOD_S
from .comparison import EpisodeScore, compare_episodes
from .marks import ST_MARK, Episodes, fibrillation, pauses, rhythm, rhythm_names, st_change

RHYTHMS = frozenset(
    f"({name}"
    for names in (
        ("N", "SBR", "SVTA", "P", "PM", "PREX", "NOD", "AB", "AFIB", "AFL"),
        ("B", "T", "BI", "BII", "IVR", "VER", "HGEA", "VT", "VF", "VFIB", "VFL", "ASYS", "NOISE"),
    )
    for name in names
)
"""Rhythms that WFDB databases mark; any other is taken as well where a file marks it."""

HALF = 0.5
"""EC57: an ST episode is found if half of it is covered (or its extremum)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """The two annotation files of one record.

    Attributes
    ----------
    record
        Name of the record.
    fs, n_samples
        Its sampling rate in Hz, and its length.
    reference, test
        The annotations.
    """

    record: str
    fs: float
    n_samples: int
    reference: Annotations
    test: Annotations


@dataclass(frozen=True, slots=True)
class Kind:
    """One comparison.

    Attributes
    ----------
    name
        ``AF``, ``(VT``, ``pause``.
    read
        Gives the episodes of a file; takes its annotations, sampling rate and length of the record in samples.
    share
        How much of an episode must be covered; 0 for any overlap.
    excluded
        A rhythm of the reference in which the test is neither right nor wrong.
    """

    name: str
    read: Callable[[Annotations, float, int], Episodes]
    share: float = 0.0
    excluded: str | None = None


def kinds_of(
    pairs: Sequence[Pair], *, chosen: Iterable[str] = (), vf_rhythms: bool = False, pause_s: float | None = None
) -> list[Kind]:
    """Give the comparisons that are asked for.

    Parameters
    ----------
    pairs
        What will be compared: the rhythms, and the leads of ST episodes, that stand in any of the files.
    chosen
        Names, with or without the bracket of a rhythm; empty for all: those of `epicmp`, with or without an episode,
        every other rhythm that stands in a file, and pauses.
    vf_rhythms
        Whether ``(VF``, ``(VFL`` and ``(VFIB`` are VF as ``[ ]`` are.
    pause_s
        Intervals longer than this, in s, are compared as well; None for none.

    Raises
    ------
    RequestError
        If a name is none of these, or the limit of a pause is not positive.
    """
    if pause_s is not None and not pause_s > 0:
        raise RequestError(f"a pause cannot be longer than {pause_s:g} s: give a limit above 0")
    files = [file for pair in pairs for file in (pair.reference, pair.test)]
    standing = sorted(set[str]().union(*map(rhythm_names, files)))
    leads = sorted({int(found["lead"]) for file in files for found in map(ST_MARK.match, file.notes) if found} | {0, 1})
    kinds = {
        "AF": Kind("AF", _rhythm("(AFIB"), excluded="(AFL"),
        "VF": Kind("VF", lambda file, _, end: fibrillation(file, end, rhythms=vf_rhythms)),
        **{f"ST{lead}": Kind(f"ST{lead}", _st_change(lead), HALF) for lead in leads},
        "ST": Kind("ST", _st_change(None), HALF),
        **{name: Kind(name, _rhythm(name)) for name in standing if name != "(AFIB"},
    }
    if pause_s is not None:
        kinds["pause"] = Kind("pause", lambda file, fs, _: pauses(file, int(pause_s * fs + 0.5)))
    wanted = [_kind(name, kinds) for name in chosen] or kinds.values()
    return list({kind.name: kind for kind in wanted}.values())


def of_epicmp(name: str) -> bool:
    """Whether `epicmp` makes such a comparison."""
    return name in ("AF", "VF") or name.startswith("ST")


def compare_kind(kind: Kind, pair: Pair, start_s: float = LEARNING_PERIOD_S) -> EpisodeScore:
    """Compare the two files of one record, from `start_s` seconds to its end."""
    return compare_episodes(
        kind.read(pair.reference, pair.fs, pair.n_samples),
        kind.read(pair.test, pair.fs, pair.n_samples),
        pair.fs,
        int(start_s * pair.fs + 0.5),
        pair.n_samples,
        share=kind.share,
        excluded=None if kind.excluded is None else rhythm(pair.reference, (kind.excluded,), pair.n_samples),
        record=pair.record,
    )


def _kind(name: str, kinds: dict[str, Kind]) -> Kind:
    for spelt in (name, f"({name}"):
        if spelt in kinds:
            return kinds[spelt]
        if spelt in RHYTHMS:
            return Kind(spelt, _rhythm(spelt))
    raise RequestError(f"no rhythm '{name}' stands in these files: valid are {', '.join(kinds)}")


def _rhythm(name: str) -> Callable[[Annotations, float, int], Episodes]:
    return lambda file, _, end: rhythm(file, (name,), end)


def _st_change(lead: int | None) -> Callable[[Annotations, float, int], Episodes]:
    return lambda file, _, end: st_change(file, end, lead)
