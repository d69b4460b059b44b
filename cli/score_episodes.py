"""What `ecg-stream score --episodes` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from ..offline.episodes.comparison import EpisodeScore
    from ..offline.episodes.report import Interval
    from ..replay.annotations import Annotations
    from ..replay.record import Record

TITLES = {
    "AF": "AF detection",
    "VF": "VF detection",
    "ST": "Ischemic ST detection, all signals",
    "pause": "Pauses",
}


def print_episodes(
    records: Iterable[tuple[Record, Annotations, Annotations]],
    start_s: float,
    chosen: Sequence[str],
    vf_rhythms: bool,
    pause_s: float | None,
    draws: int | None,
    seed: int,
    json: bool,
) -> None:
    """Compare the episodes of records, each with its reference and its test, and print tables or JSON."""
    from ..errors import RequestError
    from ..offline.episodes.kinds import Pair, compare_kind, kinds_of
    from ..offline.episodes.statistics import gross_interval

    pairs = [Pair(record.name, record.fs, record.n_samples, truth, found) for record, truth, found in records]
    names = [pair.record for pair in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise RequestError(f"record {twice[0]} is there twice: give each once")
    kinds = kinds_of(pairs, chosen=chosen, vf_rhythms=vf_rhythms, pause_s=pause_s)
    scores = {kind.name: [compare_kind(kind, pair, start_s) for pair in pairs] for kind in kinds}
    intervals = {} if draws is None else {kind: gross_interval(each, draws, seed) for kind, each in scores.items()}
    if json:
        import msgspec

        from ..offline.episodes.report import as_json

        conditions = {"from_s": start_s} if draws is None else {"from_s": start_s, "draws": draws, "seed": seed}
        print(msgspec.json.encode({"episodes": as_json(scores, intervals), **conditions}).decode())
    else:
        _print_tables(scores, intervals, start_s)


def _print_tables(
    scores: Mapping[str, Sequence[EpisodeScore]], intervals: Mapping[str, Interval], start_s: float
) -> None:
    """Print a table for each kind that has an episode in any file."""
    from rich.console import Console

    console = Console()
    with_episodes = {kind: each for kind, each in scores.items() if any(one.reference_s or one.test_s for one in each)}
    without = [kind for kind in scores if kind not in with_episodes]
    for kind, each in with_episodes.items():
        console.print(_table(kind, each, intervals.get(kind)))
    if without:
        console.print(f"no episode in either file: {', '.join(without)}")
    console.print(f"from {start_s:g} s", highlight=False)


def _table(kind: str, scores: Sequence[EpisodeScore], interval: Interval | None) -> Table:
    from rich.table import Table

    from ..offline.episodes.kinds import of_epicmp
    from ..offline.episodes.report import HEADINGS, rows

    default = f"Rhythm {kind}" if kind.startswith("(") else f"Ischemic ST detection, signal {kind[2:]}"
    table = Table(box=None, padding=(0, 1, 0, 0), title=TITLES.get(kind, default), title_justify="left")
    table.add_column(HEADINGS[0], no_wrap=True)
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    found = rows(scores, as_sumstats=of_epicmp(kind), interval=interval)
    for row in found[: len(scores)]:
        table.add_row(*row)
    table.add_section()
    for row in found[len(scores) :]:
        table.add_row(*row)
    return table
