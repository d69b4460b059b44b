"""``ecg-stream predict``: the class of a record as a whole, ten seconds at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import RecordError
from ..words import plain
from .completion import record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .records import open_record

if TYPE_CHECKING:
    from ..replay.record import Record
    from ..stream.strip.model import RecordModel

MODELS = ("ptbxl-12-leads", "ptbxl-lead-i")
"""Tried in this order when no model is named: the first whose leads the record has."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the model says of ten seconds; `label` None if a lead had no measurement in them."""

    start_s: float
    end_s: float
    label: str | None
    probability: float | None
    bad_leads: tuple[str, ...] = ()


def predict(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Record model, by name or path; without it, the twelve-lead one if the record has the leads.",
        ),
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Call each ten-second strip of a record normal (NORM) or inferior infarction (IMI).

    A rest of less than ten seconds at the end is not classified.
    """
    opened = open_record(record, unit=unit, fs=fs, columns=column)
    chosen = _model_for(opened, model)
    windows = list(_classified(opened, chosen))
    named = [window for window in windows if window.probability is not None]
    if not named:
        leads = sorted({lead for window in windows for lead in window.bad_leads})
        raise RecordError(
            f"record {opened.name} has no ten seconds with a measurement on every lead of {chosen.card.name}: "
            f"lead {', '.join(leads)} is missing, flat or at its rail; choose another record, or a model "
            "without this lead"
        )
    if as_json:
        print(json.dumps(_object(opened, chosen, windows)))
        return
    what = f"model {chosen.card.name}, leads {', '.join(chosen.card.leads)}"
    print(plain(f"{opened.name}: {opened.seconds:g} s at {opened.fs:g} Hz, {what}"))
    print(f"{'seconds':>16}  class  probability of {chosen.card.classes[1]} (called from {chosen.threshold:.3f})")
    for window in windows:
        span = f"{window.start_s:g} to {window.end_s:g}"
        if window.label is None:
            print(f"{span:>16}  -      no measurement on {', '.join(window.bad_leads)}")
        else:
            print(f"{span:>16}  {window.label:5}  {window.probability:.3f}")


def _model_for(record: Record, name: str | None) -> RecordModel:
    """Load the model that was asked for, or the richest one whose leads the record has."""
    from ..stream.strip.input import check_rate, lead_columns
    from ..stream.strip.model import load_record_model

    what = f"record {record.name}"
    check_rate(record.fs, what=what)
    if record.seconds < 10.0:
        raise RecordError(f"{what} has {record.seconds:g} s: record models need at least 10 s")
    if name is not None:
        model = load_record_model(name)
        lead_columns(record.leads, model.card.leads, what=what)
        return model
    for shipped in MODELS:
        model = load_record_model(shipped)
        try:
            lead_columns(record.leads, model.card.leads, what=what)
        except RecordError:
            if shipped == MODELS[-1]:
                raise
        else:
            return model
    raise AssertionError  # the loop returns or raises


def _classified(record: Record, model: RecordModel) -> Iterator[Window]:
    """Run the front of the live engine over the record and the model over each ten seconds of it."""
    from ..stream.signal.guard import SignalGuard
    from ..stream.signal.highpass import HighPass
    from ..stream.strip.input import WINDOW_S, lead_columns, window_samples

    columns = lead_columns(record.leads, model.card.leads, what=f"record {record.name}")
    leads = model.card.leads
    guard, high_pass = SignalGuard(record.fs, leads), HighPass(record.fs, len(leads))
    length = window_samples(record.fs)
    for k in range(record.n_samples // length):
        guarded = guard.push(record.signal(k * length, (k + 1) * length)[:, columns])
        samples = high_pass.push(guarded.samples)
        start = k * WINDOW_S
        bad = tuple(lead for i, lead in enumerate(leads) if not guarded.good[:, i].all())
        if bad:
            yield Window(start, start + WINDOW_S, None, None, bad)
        else:
            probability = model.probability(samples, record.fs)
            yield Window(start, start + WINDOW_S, model.label(probability), probability)


def _object(record: Record, model: RecordModel, windows: list[Window]) -> dict[str, Any]:
    """Give the JSON object; its own label and probability are of the mean over all classified windows."""
    named = [window.probability for window in windows if window.probability is not None]
    mean = sum(named) / len(named)
    return {
        "record": record.name,
        "fs": record.fs,
        "model": model.card.name,
        "leads": list(model.card.leads),
        "label": model.label(mean),
        "probability": mean,
        "threshold": model.threshold,
        "windows": [
            {
                "start": window.start_s,
                "end": window.end_s,
                "label": window.label,
                "probability": window.probability,
                "no_measurement": list(window.bad_leads),
            }
            for window in windows
        ],
    }
