"""`ecg-stream score`: compare annotation files with the reference, beat by beat or episode by episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..replay.labels import LabelMap
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .records import open_record

if TYPE_CHECKING:
    from ..offline.ec57 import RecordScore
    from ..offline.ec57_report import Interval
    from ..replay.annotations import Annotations as Marks
    from ..replay.record import Record


def score(
    records: Annotated[list[str], typer.Argument(metavar="RECORD...", help=RECORD_HELP, autocompletion=record_names)],
    reference: Annotated[
        str, typer.Option(metavar="EXT", help="Extension of the reference annotations, beside the record.")
    ] = "atr",
    test: Annotated[str, typer.Option(metavar="EXT", help="Extension of the annotations to score.")] = "ecs",
    annotations: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the annotations to score: DIR/RECORD.EXTENSION.")
    ] = Path(),
    start: Annotated[
        float, typer.Option("--from", metavar="S", min=0.0, help="Where the comparison begins, in seconds.")
    ] = 300.0,
    label_map: Annotated[
        LabelMap, typer.Option("--map", help="Whether escape beats e j n are N, as in AAMI EC57, or S, as in bxb.")
    ] = "aami",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line instead of tables.")] = False,
    episodes: Annotated[
        bool, typer.Option("--episodes", help="Compare episodes instead of beats: AF, VF, ST and every other rhythm.")
    ] = False,
    rhythm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Compare only these episodes: AF, VF, ST, ST0, pause, VT, B, ... [repeatable]"
        ),
    ] = None,
    vf_rhythms: Annotated[
        bool, typer.Option("--vf-rhythms", help="Take (VF, (VFL and (VFIB for VF, as [ and ] are: vfdb, cudb.")
    ] = False,
    pause: Annotated[
        float | None, typer.Option(metavar="S", help="Compare intervals between beats of more than S seconds, too.")
    ] = None,
    bootstrap: Annotated[
        int | None,
        typer.Option(metavar="N", min=100, help="95 % intervals of the gross figures, from N draws of records."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Random seed of --bootstrap.")] = 0,
    per_24h: Annotated[
        bool, typer.Option("--per-24h", help="False positives per 24 hours; in --json beside those per hour.")
    ] = False,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
) -> None:
    """Compare annotations with the reference, by beat or episode, as ANSI/AAMI EC57 has it.

    Beats match within 150 ms, as PhysioNet's bxb has it. Se is the sensitivity, +P the positive predictivity, FP/h the
    false positives per hour, and RR err the root mean square difference of RR intervals in ms.

    With --episodes, fibrillation, ST episodes and rhythms are compared as PhysioNet's epicmp does it. ESe and E+P count
    episodes, DSe and D+P their time.
    """
    pairs = [
        _open_pair(open_record(name, None, unit, fs, column), name, reference, test, annotations, start)
        for name in records
    ]
    if episodes:
        from .score_episodes import print_episodes

        print_episodes(pairs, start, rhythm or (), vf_rhythms, pause, bootstrap, seed, json)
        return
    _only_of_episodes({"--rhythm": rhythm, "--vf-rhythms": vf_rhythms, "--pause": pause})
    from ..offline.ec57_statistics import gross_interval

    scores = [_score_record(pair, start, label_map) for pair in pairs]
    interval = None if bootstrap is None else gross_interval(scores, bootstrap, seed)
    if json:
        import msgspec

        from ..offline.ec57_report import as_json

        conditions = {"label_map": label_map, "window_ms": 150, "from_s": start}
        drawn = {} if bootstrap is None else {"draws": bootstrap, "seed": seed}
        figures = as_json(scores, per_24h=per_24h, interval=interval)
        print(msgspec.json.encode({**conditions, **drawn, **figures}).decode())
    else:
        caption = f"from {start:g} s, window 150 ms, label map {label_map}"
        _print_tables(scores, caption, per_24h, interval)


def _only_of_episodes(options: Mapping[str, object]) -> None:
    from ..errors import RequestError

    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise RequestError(f"{given[0]} is of episodes, and beats are compared: give --episodes, too")


def _score_record(pair: tuple[Record, Marks, Marks], start_s: float, label_map: LabelMap) -> RecordScore:
    from ..offline.ec57 import compare

    record, truth, found = pair
    return compare(
        truth, found, record.fs, start_s=start_s, end_s=record.seconds, label_map=label_map, record=record.name
    )


def _open_pair(
    record: Record, name: str, reference: str, test: str, folder: Path, start_s: float
) -> tuple[Record, Marks, Marks]:
    """Give a record with both of its annotation files."""
    from ..errors import RecordError, RequestError
    from ..replay.annotations import read_annotations

    truth = record.annotations(reference)
    if truth is None:
        raise RecordError(f"record {record.name} has no annotations '{reference}' to score against: see --reference")
    found = read_annotations(folder / record.name, record.fs, test, record.n_samples, frame_hz=record.frame_hz)
    if found is None:
        raise RequestError(
            f"no annotations {folder / record.name}.{test} to score: name their folder with --annotations"
            + (f"; `ecg-stream replay {name} --speed max --annotations DIR` writes them" if test == "ecs" else "")
        )
    if start_s >= record.seconds:
        raise RequestError(
            f"record {record.name} ends at {record.seconds:g} s, before the comparison begins at {start_s:g} s: "
            "give a smaller --from"
        )
    return record, truth, found


def _print_tables(scores: Sequence[RecordScore], caption: str, per_24h: bool, interval: Interval | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..offline.ec57 import COLUMNS
    from ..offline.ec57_report import HEADINGS, HEADINGS_24H, statistics_rows, table_rows
    from ..offline.ec57_statistics import total

    console = Console()
    rates = Table(box=None, padding=(0, 1, 0, 0), caption=caption)  # narrow: eleven columns fit into 80 characters
    first, *others = HEADINGS_24H if per_24h else HEADINGS
    rates.add_column(first, no_wrap=True)
    for heading in others:
        rates.add_column(heading, justify="right", min_width=5)
    rows = statistics_rows(scores, per_24h=per_24h, interval=interval)
    for row in rows[: len(scores)]:
        rates.add_row(*row)
    rates.add_section()
    for row in rows[len(scores) :]:
        rates.add_row(*row)
    full = Table("", *COLUMNS, title="reference by test, all records")
    for column in full.columns[1:]:
        column.justify = "right"
    for row in table_rows(total(scores)):
        full.add_row(*row)
    console.print(rates, full)
