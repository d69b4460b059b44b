"""Figures of an evaluation of rhythms: tables, JSON, and timelines of the worst records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from .episodes.report import as_json
from .episodes.statistics import EpisodeRates, average, gross_interval, rates, total
from .markdown_table import markdown_table
from .report_folder import FIGURES
from .rhythm_evaluation import COMPARED, RhythmComparison, RhythmRun

Against: TypeAlias = Literal["marks", "rule"]
AGAINST: tuple[tuple[Against, str], ...] = (
    ("marks", "against the annotators' marks"),
    ("rule", "against the same rules on reference beats"),
)

HEADINGS = (
    "rhythm",
    "episodes",
    "found",
    "told",
    "right",
    "ESe",
    "E+P",
    "DSe",
    "D+P",
    "mean ESe",
    "mean E+P",
    "false/24 h",
    "p50 s",
    "p95 s",
    "max s",
)
"""Columns of a table: reference episodes, those found, episodes told, those right; gross and mean percentages; false
episodes in a day; stream time from onset to when an episode that was found was told."""

DRAWS = 1000
WORST = 4


@dataclass(frozen=True, slots=True)
class RhythmFigures:
    """One rhythm over records, against one reference.

    Attributes
    ----------
    rhythm
        Of `COMPARED`.
    comparisons
        One a record.
    interval
        95 % interval of the gross rates; None of fewer than two records.
    """

    rhythm: str
    comparisons: tuple[RhythmComparison, ...]
    interval: tuple[EpisodeRates, EpisodeRates] | None

    def row(self) -> tuple[str, ...]:
        """Give the cells of `HEADINGS`."""
        scores = [each.score for each in self.comparisons]
        everything = total(scores)
        gross, mean = rates(everything), average(scores)
        counts = (everything.tps + everything.fn, everything.tps, everything.tpp + everything.fp, everything.tpp)
        shown = (
            gross.episode_sensitivity,
            gross.episode_positive_predictivity,
            gross.duration_sensitivity,
            gross.duration_positive_predictivity,
            mean.episode_sensitivity,
            mean.episode_positive_predictivity,
            gross.false_positives_per_24h,
        )
        return (self.rhythm, *map(str, counts), *map(_text, shown), *map(_text, self.delays_s().values()))

    def delays_s(self) -> dict[str, float | None]:
        """Give median, 95th percentile and maximum of the time from onset to when it was told, s."""
        delays = [delay for each in self.comparisons for delay in each.delays_s]
        if not delays:
            return {"p50": None, "p95": None, "max": None}
        p50, p95, longest = np.percentile(delays, (50, 95, 100)).tolist()
        return {"p50": p50, "p95": p95, "max": longest}


def figures(runs: Sequence[RhythmRun], draws: int = DRAWS) -> dict[Against, list[RhythmFigures]]:
    """Put records together; of a rhythm that no record has on either side, nothing is given."""
    found: dict[Against, list[RhythmFigures]] = {}
    for against, _ in AGAINST:
        found[against] = []
        for name in COMPARED:
            of_records = [run.by_marks if against == "marks" else run.by_rule for run in runs]
            comparisons = tuple(each[name] for each in of_records if name in each)
            scores = [each.score for each in comparisons]
            if any(one.tps + one.fn + one.tpp + one.fp for one in scores):
                interval = gross_interval(scores, draws) if len(scores) > 1 else None
                found[against].append(RhythmFigures(name, comparisons, interval))
    return found


def content_of(found: Mapping[Against, Sequence[RhythmFigures]]) -> dict[str, Any]:
    """Give the figures ready for JSON."""
    return {
        against: {
            each.rhythm: {
                **as_json(
                    {each.rhythm: [one.score for one in each.comparisons]},
                    {} if each.interval is None else {each.rhythm: each.interval},
                )[each.rhythm],
                "onset_to_told_s": each.delays_s(),
            }
            for each in rows
        }
        for against, rows in found.items()
    }


def fill_report(folder: Path, runs: Sequence[RhythmRun], head: Mapping[str, Any], command: str) -> None:
    """Write ``report.md``, ``report.json`` and the pictures into a folder.

    Parameters
    ----------
    folder
        Empty.
    runs
        The records.
    head
        What was run: model, leads, where scoring begins, what was missing.
    command
        The command line that makes the report again.
    """
    found = figures(runs)
    content = {**head, "records": [run.record for run in runs], **content_of(found)}
    (folder / FIGURES).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
    pictures = _timelines(folder, runs)
    (folder / "report.md").write_text(_markdown(found, head, runs, pictures, command), encoding="utf-8")


def _markdown(
    found: Mapping[Against, Sequence[RhythmFigures]],
    head: Mapping[str, Any],
    runs: Sequence[RhythmRun],
    pictures: Sequence[str],
    command: str,
) -> str:
    hours = sum(run.n_samples / run.fs for run in runs) / 3600.0
    lines = [
        f"# Rhythms told by `{head['model']}`, {head['leads']} lead{'s' * (head['leads'] == 'all')}",
        "",
        f"The live pipeline was run end to end over {len(runs)} records, {hours:.1f} hours. What it told was compared "
        f"episode by episode, as ANSI/AAMI EC57 has it, from {head['from_s']:g} s{_noise(head)}. ESe and E+P count "
        "episodes, DSe and D+P their time, in percent: gross, and as the mean over the records in which they are "
        "defined. `false/24 h` counts false episodes. The last columns say how long after its onset an episode was "
        "told, in signal time.",
        "",
        f"Made by `{command}`. `report.json` has all figures, by record too.",
        "",
    ]
    for against, title in AGAINST:
        lines += [
            f"## {title[0].upper()}{title[1:]}",
            "",
            *markdown_table(HEADINGS, [each.row() for each in found[against]]),
            "",
        ]
        intervals = [(each.rhythm, *_ends(each.interval)) for each in found[against] if each.interval is not None]
        if intervals:
            lines += ["95 % intervals of the gross figures, by a bootstrap over records:", ""]
            lines += [*markdown_table(("rhythm", "ESe", "E+P", "DSe", "D+P"), intervals), ""]
    if pictures:
        lines += ["## The worst records", "", "Above what was told, below what annotators marked.", ""]
        lines += [f"![timeline]({picture})" for picture in pictures]
    if missing := head.get("missing"):
        lines += ["", f"Not at hand, and left out: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _noise(head: Mapping[str, Any]) -> str:
    if "noise" not in head:
        return ""
    return f", with noise `{head['noise']}` at {head['snr_db']:g} dB in two minutes of four from minute 5 on"


def _ends(interval: tuple[EpisodeRates, EpisodeRates] | None) -> list[str]:
    if interval is None:
        return []
    low, high = (asdict(each) for each in interval)
    return [f"{_text(low[rate])} to {_text(high[rate])}" for rate in list(low)[:4]]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def wrong_s(run: RhythmRun) -> float:
    """Time of a record for which what was told and what is marked differ, s, all rhythms together."""
    scores = [each.score for each in run.by_marks.values()]
    return sum(score.reference_s + score.test_s - 2.0 * score.overlap_s for score in scores)


def _timelines(folder: Path, runs: Sequence[RhythmRun]) -> list[str]:
    """Draw the records in which marks and what was told differ most."""
    from matplotlib.figure import Figure

    worst = sorted((run for run in runs if wrong_s(run) > 0.0), key=wrong_s, reverse=True)[:WORST]
    names = []
    for run in worst:
        shown = [key for key in COMPARED if len(run.told.get(key, ())) or len(run.marked.get(key, ()))]
        figure = Figure(figsize=(10.0, 1.0 + 0.35 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for row, key in enumerate(shown):
            for spans, low, colour in ((run.told.get(key), 0.05, "C0"), (run.marked.get(key), -0.4, "C1")):
                if spans is not None and len(spans):
                    minutes = spans / run.fs / 60.0
                    bars = [(begin, max(end - begin, 0.01)) for begin, end in minutes.tolist()]
                    axes.broken_barh(bars, (row + low, 0.35), color=colour)
        axes.set(yticks=range(len(shown)), yticklabels=shown, xlim=(0.0, run.n_samples / run.fs / 60.0))
        axes.set(xlabel="minutes", title=f"{run.record}: told (above), marked (below)")
        axes.invert_yaxis()
        file = f"{run.record.replace('/', '-')}.png"
        figure.savefig(folder / file, dpi=120)
        names.append(file)
    return names
