"""``ecg-stream evaluate record``: a record model on a fold of PTB-XL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import RequestError

if TYPE_CHECKING:
    from ..models.bundle import Card
    from ..offline.record_evaluation import Evaluation


def record(
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Record model, by name or path; `ecg-stream models` lists them.")
    ],
    fold: Annotated[int, typer.Option(metavar="N", help="strat_fold to score; 9 and 10 were never trained on.")] = 9,
    leads: Annotated[
        str | None, typer.Option(metavar="LEADS", help="I or all; without it, those of the model.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Records at 100 or 500 Hz; without it, the model's rate.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="first|any", help="SCP code that decides: first or any.")] = "first",
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for report.md, report.json and the plots.")
    ] = None,
    into_card: Annotated[
        bool, typer.Option("--into-card", help="Write the figures into the model's card; for folds 9 and 10.")
    ] = False,
    database: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="PTB-XL's folder; without it, ptb-xl in the data folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Score a record model on one fold of PTB-XL, at the thresholds that its card carries from validation."""
    from ..models.bundle import load_bundle
    from ..stream.strip.input import PREPROCESSING

    bundle = load_bundle(model, "record", PREPROCESSING)
    card = bundle.card
    _same_leads(leads, card)
    if into_card and fold <= 8:
        raise RequestError(
            f"--into-card --fold {fold}: a card carries figures of folds that no model learns from, 9 and 10"
        )

    from ..offline.record_bundle import add_test_figures
    from ..offline.record_evaluation import bundle_probability, evaluate
    from ..offline.record_report import figures_as_json, write_report
    from .record_options import open_records

    at_rate = round(card.sampling_rate_hz or 100) if rate is None else rate
    records = open_records(database, leads=",".join(card.leads), rate=at_rate, label=label, fold=fold)
    signals, positive, patient = records.folds(fold)
    evaluation = evaluate(positive, bundle_probability(bundle, signals, at_rate), patient, card.thresholds)
    about: dict[str, Any] = {"model": card.name, "arch": card.arch, "leads": list(card.leads), "rate": at_rate}
    figures = figures_as_json(evaluation, **about, fold=fold)
    if report is not None:
        write_report(report, f"{card.name} ({card.arch}) on PTB-XL fold {fold}, {at_rate} Hz", evaluation, figures)
    if into_card:
        add_test_figures(bundle, figures)
    if as_json:
        print(json.dumps(figures))
    else:
        print(_table(card, fold, evaluation))
    if fold <= 8 and not as_json:
        print(
            f"Fold {fold} is one of the training folds: these figures do not tell how the model does on new patients."
        )


def _same_leads(leads: str | None, card: Card) -> None:
    from .record_options import lead_names

    if leads is not None and lead_names(leads) != card.leads:
        raise RequestError(
            f"--leads {leads}: the model {card.name} was trained on {', '.join(card.leads)}; leave --leads out, or "
            "choose a model of these leads"
        )


def _table(card: Card, fold: int, evaluation: Evaluation) -> str:
    low, high = evaluation.auc_interval
    n, positives = len(evaluation.positive), int(evaluation.positive.sum())
    lines = [
        f"{card.name} ({card.arch}, {', '.join(card.leads)}) on fold {fold}: {n} records, {positives} of them IMI",
        f"AUC {evaluation.auc:.4f} ({low:.4f} to {high:.4f})   average precision {evaluation.average_precision:.4f}   "
        f"loss {evaluation.loss:.4f}   Brier {evaluation.brier:.4f}",
        f"{'threshold':>20}  balanced  accuracy  sensitivity  specificity  precision     F1",
    ]
    lines += [
        f"{name:>12} {d.threshold:7.3f}  {d.balanced_accuracy:8.3f}  {d.accuracy:8.3f}  {d.sensitivity:11.3f}  "
        f"{d.specificity:11.3f}  {d.precision:9.3f}  {d.f1:5.3f}"
        for name, d in evaluation.decisions.items()
    ]
    return "\n".join(lines)
