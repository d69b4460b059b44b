"""The report of a beat evaluation as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .beat_run import DatabaseResult
from .ec57 import COLUMNS
from .ec57_report import HEADINGS, statistics_rows, table_rows
from .ec57_statistics import total
from .markdown_table import markdown_table

SUBSETS: Mapping[str, str] = {
    "without_paced": "without records with paced beats, which EC57 leaves out",
    "without_supraventricular_rhythm": "without records whose rhythm is supraventricular",
}
"""Keys of the figures of parts of a database, and what each leaves out."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """File names of the pictures of one database: plots of its figures, and stretches of records."""

    plots: Sequence[str]
    stretches: Sequence[str]


def report_text(
    results: Sequence[DatabaseResult], content: Mapping[str, Any], pictures: Sequence[Pictures], command: str
) -> str:
    """Give the report.

    Parameters
    ----------
    results
        The records that were run, by database.
    content
        What `beat_report.figures` made of them.
    pictures
        What was drawn for each database, in the folder of its name.
    command
        The command line that makes the report again.
    """
    parts = zip(results, content["databases"], pictures, strict=True)
    return "\n".join([*_head(content, command), *(_section(*part) for part in parts)])


def _head(content: Mapping[str, Any], command: str) -> list[str]:
    return [
        f"# Beat evaluation of `{content['model']}`, {content['leads']} lead{'s' * (content['leads'] == 'all')}",
        "",
        "The live pipeline was run end to end over each record, and its beats were compared with the reference `atr` "
        f"beat by beat, as ANSI/AAMI EC57 has it: window 150 ms, from {content['from_s']:g} s, label map "
        f"`{content['label_map']}`. Rates are in percent; Se is the sensitivity, +P the positive predictivity, FP/h "
        "the false positives per hour, RR err the root mean square difference of RR intervals in ms. `report.json` "
        "has all figures.",
        "",
        f"Made by `{command}`.",
        "",
        content["supraventricular_rhythm"],
        "",
    ]


def _section(result: DatabaseResult, answer: Mapping[str, Any], pictures: Pictures) -> str:
    scores = [run.score for run in result.runs]
    rows = statistics_rows(scores)
    for subset, text in SUBSETS.items():
        names = answer[subset]["left_out"]
        rest = [run.score for run in result.runs if run.name not in names]
        if names and rest:
            gross, average = statistics_rows(rest)[-2:]
            rows += [(f"gross, {text}", *gross[1:]), (f"average, {text}", *average[1:])]
    lines = [
        f"## {result.name}",
        "",
        f"{len(result.runs)} record{'s' * (len(result.runs) != 1)}"
        + (f"; not at hand, and skipped: {' '.join(result.missing)}" if result.missing else "")
        + ".",
        "",
        *markdown_table(HEADINGS, rows),
        "",
        *(
            f"Left out {text.removeprefix('without ')}: {' '.join(answer[subset]['left_out'])}.\n"
            for subset, text in SUBSETS.items()
            if answer[subset]["left_out"]
        ),
        "### All beats: reference by pipeline",
        "",
        *markdown_table(("", *COLUMNS), table_rows(total(scores))),
        "",
        *_matched(answer),
        *_timing(answer),
        " ".join(f"![{plot.removesuffix('.png')}]({result.name}/{plot})" for plot in pictures.plots),
        "",
    ]
    if pictures.stretches:
        lines += ["### The worst stretches of the worst records", ""]
        lines += [f"![{stretch.removesuffix('.png')}]({result.name}/{stretch})\n" for stretch in pictures.stretches]
    return "\n".join(lines)


def _matched(answer: Mapping[str, Any]) -> list[str]:
    found = answer["classification"]
    headings = ("Class", "Beats", "Sensitivity", "Specificity", "+P", "AUC", "Average precision")
    rows = [
        (
            one["label"],
            str(one["beats"]),
            *(_text(one[key], 2) for key in ("sensitivity", "specificity", "positive_predictivity")),
            *(_text(one[key], 4) for key in ("auc", "average_precision")),
        )
        for one in found["classes"]
    ]
    return [
        "### Matched beats: each class against the rest",
        "",
        *markdown_table(headings, rows),
        "",
        *(
            ["Without records with paced beats, here and in what follows on matched beats.", ""]
            if answer["without_paced"]["left_out"]
            else []
        ),
        f"{found['beats']} matched beats: accuracy {_text(found['accuracy'], 2)}, balanced accuracy "
        f"{_text(found['balanced_accuracy'], 2)}, Brier score {_text(found['brier'], 4)}, expected calibration error "
        f"{_text(found['calibration_error'], 2)}.",
        "",
    ]


def _timing(answer: Mapping[str, Any]) -> list[str]:
    delay = answer["delay_ms"]
    offset = answer["offset_ms"]
    rows = [
        (name, str(one["beats"]), *(_text(one[key], 0) for key in ("median", "p5", "p25", "p75", "p95")))
        for name, one in (("all", offset["all"]), *offset["by_class"].items())
        if one["beats"]
    ]
    return [
        "### Delay, and where beats are marked",
        "",
        f"From R peak to label, in stream time: p50 {_text(delay['p50'], 0)} ms, p95 {_text(delay['p95'], 0)} ms, "
        f"max {_text(delay['max'], 0)} ms; {_text(delay['late_percent'], 2)} % of {delay['beats']} beats later than "
        "400 ms.",
        "",
        "From the reference mark to the R peak given, ms:",
        "",
        *markdown_table(("Class", "Beats", "Median", "p5", "p25", "p75", "p95"), rows),
        "",
    ]


def _text(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
