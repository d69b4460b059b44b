"""`ecg-stream evaluate beat`: the live pipeline, end to end, over databases with reference annotations."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RequestError
from ..replay.labels import LabelMap
from .completion import model_names
from .evaluation_options import From, Leads, Noise, Snr, model_or_folds, names_in, stress_of, tracked
from .jobs_option import Jobs, parallel
from .model_options import BeatModel
from .training_options import OwnFolder, own_records

if TYPE_CHECKING:
    from ..offline.beat_run import Conditions, DatabaseResult


def beat(
    model: BeatModel = None,
    detector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", autocompletion=model_names, help="Detector bundle; by default the shipped one."
        ),
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Cross-validation: FOLD/beat, and FOLD/qrs or else --detector; each record is run with the models "
            "that did not see it.",
        ),
    ] = None,
    db: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="mitdb, mitdb-ds1, mitdb-ds2, mitdb-paced, svdb, edb, ltstdb-50hz or nstdb; may be repeated.",
        ),
    ] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="Only these records: bare names out of the lists, or db/name; may be repeated. With --data, a file "
            "that lists records of your own.",
        ),
    ] = None,
    data: OwnFolder = None,
    leads: Leads = "all",
    start: From = 300.0,
    label_map: Annotated[
        LabelMap, typer.Option("--map", help="Whether escape beats e j n are N, as in AAMI EC57, or S, as in bxb.")
    ] = "aami",
    noise: Noise = None,
    snr: Snr = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write report.md, report.json and pictures into this folder.")
    ] = None,
    jobs: Jobs = "1",
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object on one line.")] = False,
) -> None:
    """Run the live pipeline over databases and score its beats as `ecg-stream score` does.

    Records that are not in the data folder are named and skipped; nothing is downloaded.
    """
    from ..offline.beat_report import check_extra, figures, fill_report
    from ..offline.beat_run import Conditions, held_out_by
    from ..offline.report_folder import writing_report
    from ..offline.splits import choose
    from ..replay.catalog import data_folder
    from ..stream.pipeline import DEFAULT_DETECTOR, load_models

    # A wrong request is refused before any record is run.
    stress = stress_of(noise, snr)
    conditions = Conditions(
        model=model_or_folds(model, folds),
        detector=DEFAULT_DETECTOR if detector is None else detector,
        folds=held_out_by(folds) if folds else None,
        first_lead=leads == "first",
        start_s=start,
        label_map=label_map,
        noise=stress,
        own=data,
    )
    if folds is None:
        load_models(conditions.model, conditions.detector)
    if data is None:
        only = names_in(records)
        chosen = choose(db or [], only)
    else:
        if db or len(records or []) > 1:
            raise RequestError("with --data goes one --records LIST, the file that lists your records, and no --db")
        only = list(records or [])
        theirs = own_records(Path(only[0]) if only else None, data)
        chosen = {theirs.name: theirs.records} if theirs else {}
    if report is not None or json:
        check_extra()
    with parallel(jobs) as n_jobs, nullcontext() if report is None else writing_report(report) as folder:
        results = _run(chosen, conditions, data_folder(), n_jobs)
        if report is not None and folder is not None:
            fill_report(folder, results, conditions, _command(conditions, db or [], only, report), data_folder())
    if json:
        import msgspec

        print(msgspec.json.encode(figures(results, conditions)).decode())
    else:
        _print_table(results)
        if report is not None:
            print(f"report: {report / 'report.md'}")


def _run(chosen: Mapping[str, Sequence[str]], conditions: Conditions, folder: Path, jobs: int) -> list[DatabaseResult]:
    from ..offline.beat_run import DatabaseResult, run_records
    from ..offline.splits import missing_line, split_by_presence

    results = []
    for name, records in chosen.items():
        present, missing = (list(records), []) if conditions.own else split_by_presence(records, folder)
        if missing:
            print(f"{name}: {missing_line(missing)}", file=sys.stderr)
        if present:
            runs = tracked(run_records(present, conditions, folder, jobs), len(present), name)
            results.append(DatabaseResult(name, tuple(runs), tuple(missing)))
    if not results:
        raise RequestError(
            f"none of the records of {', '.join(chosen)} is in the data folder {folder}: fetch them with "
            "`ecg-stream download DB`, or set ECG_STREAM_DATA"
        )
    return results


def _command(conditions: Conditions, lists: Sequence[str], records: Sequence[str], report: Path) -> str:
    """Write the command line that makes the report again."""
    from ..stream.pipeline import DEFAULT_DETECTOR

    options = [("--folds" if conditions.folds else "--model", conditions.model), *(("--db", name) for name in lists)]
    if conditions.detector != DEFAULT_DETECTOR:
        options.append(("--detector", conditions.detector))
    if records:
        options.append(("--records", ",".join(records)))
    if conditions.own is not None:
        options.append(("--data", str(conditions.own)))
    options += [("--leads", "first" if conditions.first_lead else "all"), ("--from", f"{conditions.start_s:g}")]
    options += [("--map", conditions.label_map)]
    if conditions.noise is not None:
        options += [("--noise", conditions.noise.kind), ("--snr", f"{conditions.noise.snr_db:g}")]
    options += [("--report", str(report))]
    return shlex.join(["ecg-stream", "evaluate", "beat", *(word for option in options for word in option)])


def _print_table(results: Sequence[DatabaseResult]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..offline.beat_figures import delays
    from ..offline.ec57_report import HEADINGS, statistics_rows

    table = Table(
        box=None, padding=(0, 1, 0, 0), caption="gross, percent; delays in ms; rest: without supraventricular rhythms"
    )
    table.add_column("", no_wrap=True)
    for heading in (*HEADINGS[1:7], "p50", "p95", "max", "> 400"):
        table.add_column(heading, justify="right")
    for result in results:
        delay = delays(result.runs)
        gross = _gross(statistics_rows([run.score for run in result.runs]))
        times = [delay.p50, delay.p95, delay.max]
        late = "-" if delay.late_percent is None else f"{delay.late_percent:.2f} %"
        table.add_row(
            f"{result.name} ({len(result.runs)})", *gross, *("-" if t is None else f"{t:.0f}" for t in times), late
        )
        premature = [run.score for run in result.runs if not run.supraventricular]
        if premature and len(premature) < len(result.runs):
            rest = _gross(statistics_rows(premature))
            table.add_row(f"  rest ({len(premature)})", *rest)
    Console().print(table)
    for result in results:
        _print_by_patient(result)


def _print_by_patient(result: DatabaseResult) -> None:
    """Tell the mean over patients: what choices are made by, where gross counts follow those with most beats."""
    from ..offline.by_patient import patient_means

    for found in patient_means([run.score for run in result.runs]):
        if found.mean is not None:
            interval = "" if found.low is None else f" ({found.low:.1f} to {found.high:.1f})"
            print(f"{result.name}: mean F1 of {found.label} by patient {found.mean:.1f}{interval}, n = {len(found.f1)}")


def _gross(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    return rows[-2][1:7]
