"""`ecg-stream info`: what a record holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..words import plain, plain_json
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit

if TYPE_CHECKING:
    from ..replay.annotations import Annotations
    from ..replay.record import Record


def info(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    reference: Annotated[str, typer.Option(metavar="EXT", help="Extension of the annotations to count.")] = "atr",
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    rhythms: Annotated[
        bool,
        typer.Option("--rhythms", help="List the changes of rhythm too: when, which, how long; see `replay --at`."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line instead of tables.")] = False,
) -> None:
    """Show a record's header, leads, length and annotation counts."""
    from .records import open_record

    opened = open_record(record, unit=unit, fs=fs, columns=column)
    marks = opened.annotations(reference)
    if json:
        import msgspec

        print(plain_json(msgspec.json.encode(as_json(opened, reference, marks, rhythms=rhythms))).decode())
    else:
        _print_tables(opened, reference, marks, rhythms=rhythms)


def as_json(record: Record, reference: str, marks: Annotations | None, *, rhythms: bool = False) -> dict[str, Any]:
    """Give everything that `info` knows; `annotations` is None if the record has none of this reference."""
    age, sex = age_and_sex(record.comments)
    return {
        "record": record.name,
        "path": None if record.path is None else str(record.path),
        "fs": record.fs,
        "samples": record.n_samples,
        "seconds": record.seconds,
        "began": record.began,
        "leads": record.leads,
        "signals": record.signals,
        "age": age,
        "sex": sex,
        "comments": record.comments,
        "reference": reference,
        "annotations": None
        if marks is None
        else {
            "total": len(marks),
            "beats": len(marks.beats()),
            "symbols": dict(marks.counts().most_common()),
            "classes": class_counts(marks),
            **({"rhythms": rhythm_stretches(record, marks)} if rhythms else {}),
        },
    }


def class_counts(marks: Annotations) -> dict[str, int]:
    """Count the beats of each AAMI class."""
    from ..replay.labels import AAMI_CLASS
    from ..stream.core.messages import CLASSES

    counts: dict[str, int] = dict.fromkeys(CLASSES, 0)
    for symbol, count in marks.beats().counts().items():
        counts[AAMI_CLASS[symbol]] += count
    return counts


def rhythm_stretches(record: Record, marks: Annotations) -> list[dict[str, Any]]:
    """List the marks of rhythm: name, which one of that name it is, sample, time and length in seconds."""
    from itertools import pairwise

    numbers: Counter[str] = Counter()
    stretches = []
    for (at, name), (end, _) in pairwise([*marks.rhythms(), (record.n_samples, "")]):
        numbers[name] += 1
        stretches.append(
            {
                "name": name,
                "number": numbers[name],
                "sample": at,
                "time": round(at / record.fs, 3),
                "seconds": round(max(0, end - at) / record.fs, 3),
            }
        )
    return stretches


def age_and_sex(comments: Sequence[str]) -> tuple[int | None, str | None]:
    """Read the patient's age in years and sex, ``M`` or ``F``, out of the comments, as EDB and MITDB write them."""
    for comment in comments:
        found = re.search(r"\bage:?\s*(\d+|\?).*?\bsex:?\s*([MF]|\?)", comment, re.IGNORECASE) or re.match(
            r"(-?\d+|\?)\s+([MF]|\?)(?:\s|$)", comment
        )
        if found is not None:
            age, sex = found.groups()
            return (int(age) if age.isdecimal() else None), (sex.upper() if sex != "?" else None)
    return None, None


def _print_tables(record: Record, reference: str, marks: Annotations | None, *, rhythms: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    header = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    header.add_row("record", f"[bold]{_plain(record.name)}[/]")
    header.add_row("file", "generated" if record.path is None else _plain(str(record.path)))
    header.add_row("length", f"{_clock_time(record.seconds)}, {record.n_samples} samples at {record.fs:g} Hz")
    if record.began is not None:
        header.add_row("began", _plain(record.began))
    age, sex = age_and_sex(record.comments)
    if age is not None or sex is not None:
        header.add_row("patient", ", ".join(part for part in (f"{age} years" if age else "", sex or "") if part))
    for comment in record.comments:
        header.add_row("comment", _plain(comment))

    leads = Table("lead", "units", "gain", "baseline", "bits", "rate")
    for column in leads.columns[2:]:
        column.justify = "right"
    for signal in record.signals:
        leads.add_row(
            _plain(signal.name) + ("" if signal.streamed else f" ({signal.left_out})"),
            _plain(signal.units),
            f"{signal.gain:g}",
            str(signal.baseline),
            "" if signal.adc_bits is None else str(signal.adc_bits),
            f"{signal.fs:g} Hz",
        )
    console = Console()
    console.print(header, leads)
    if marks is None:
        console.print(f"no annotations '{reference}'")
    else:
        console.print(_annotation_table(reference, marks))
        if rhythms:
            console.print(_rhythm_table(record, marks))


def _annotation_table(reference: str, marks: Annotations) -> Any:
    from rich.table import Table

    from ..replay.labels import AAMI_CLASS

    counts = marks.counts()
    per_class = class_counts(marks)
    table = Table("class", "beats", "symbols", title=f"annotations '{reference}'", title_justify="left")
    table.columns[1].justify = "right"
    for label, beats in per_class.items():
        symbols = [f"{s} {n}" for s, n in counts.most_common() if AAMI_CLASS.get(s) == label]
        table.add_row(label, str(beats), _plain(", ".join(symbols)))
    table.add_section()
    others = [f"{s} {n}" for s, n in counts.most_common() if s not in AAMI_CLASS]
    table.add_row("all", str(sum(per_class.values())), _plain("not beats: " + ", ".join(others)) if others else "")
    return table


def _rhythm_table(record: Record, marks: Annotations) -> Any:
    from rich.table import Table

    stretches = rhythm_stretches(record, marks)
    if not stretches:
        return "no changes of rhythm are marked"
    table = Table("from", "rhythm", "seconds", "replay --at", title="rhythms", title_justify="left")
    table.columns[2].justify = "right"
    for each in stretches:
        name = _plain(each["name"])
        table.add_row(_clock_time(each["time"]), name, f"{each['seconds']:.1f}", f'"{name}:{each["number"]}"')
    return table


def _clock_time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"


def _plain(text: str) -> str:
    """Show what cannot be printed, and keep Rich from taking brackets, which are annotation symbols too, for markup."""
    from rich.markup import escape

    return escape(plain(text))
