"""A report folder on one record model: ``report.md``, ``report.json`` and the plots."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RecordError
from .markdown_table import markdown_table
from .ptbxl import CLASSES
from .record_evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THRESHOLD_NAMES = {
    "youden": "Youden's J, sensitivity + specificity - 1",
    "max_correct": "TP + TN - FP - FN",
}
"""What each threshold maximizes."""


def figures_as_json(evaluation: Evaluation, *, threshold: str = "youden", **about: Any) -> dict[str, Any]:
    """All figures as one flat object, those of the chosen threshold first, and each threshold's under ``thresholds``.

    Parameters
    ----------
    evaluation
        The figures.
    threshold
        Name of the threshold that ``predict`` uses.
    about
        What was scored, put first.
    """
    low, high = evaluation.auc_interval
    return {
        **about,
        "records": len(evaluation.positive),
        "positives": int(evaluation.positive.sum()),
        "loss": evaluation.loss,
        "auc": evaluation.auc,
        "auc_95": [low, high],
        "average_precision": evaluation.average_precision,
        "brier": evaluation.brier,
        **evaluation.decisions[threshold].as_json(),
        "thresholds": {name: decision.as_json() for name, decision in evaluation.decisions.items()},
    }


def write_report(folder: Path, title: str, evaluation: Evaluation, figures: dict[str, Any]) -> None:
    """Write text, figures and plots.

    Parameters
    ----------
    folder
        Where to; made if it is not there.
    title
        Headline: which model on which records.
    evaluation, figures
        From `evaluate` and `figures_as_json`.

    Raises
    ------
    RecordError
        If the folder cannot be written.
    """
    plots: dict[str, Callable[[Axes, Evaluation], None]] = {
        "roc": _roc,
        "precision_recall": _precision_recall,
        "confusion": _confusion,
        "calibration": _calibration,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in plots.items():
            _save(folder / f"{name}.png", draw, evaluation)
        _write(folder / "report.json", json.dumps(figures, indent=2) + "\n")
        _write(folder / "report.md", report_text(title, evaluation, figures))
    except OSError as error:
        raise RecordError(f"cannot write the report into {folder}: {error.strerror}", about="report") from error


def report_text(title: str, evaluation: Evaluation, figures: dict[str, Any]) -> str:
    """Give the report in Markdown."""
    names = list(evaluation.decisions)
    rows = [
        (label, *(f"{getattr(evaluation.decisions[name], key):.3f}" for name in names))
        for label, key in (
            ("threshold, from validation", "threshold"),
            ("accuracy", "accuracy"),
            ("balanced accuracy", "balanced_accuracy"),
            ("sensitivity", "sensitivity"),
            ("specificity", "specificity"),
            ("precision", "precision"),
            ("F1", "f1"),
        )
    ]
    counts = [
        (label, *(str(getattr(evaluation.decisions[name], key)) for name in names))
        for label, key in (
            ("IMI found (TP)", "tp"),
            ("IMI missed (FN)", "fn"),
            ("NORM as IMI (FP)", "fp"),
            ("NORM as NORM (TN)", "tn"),
        )
    ]
    headings = ("threshold that maximizes", *(THRESHOLD_NAMES.get(name, name) for name in names))
    low, high = evaluation.auc_interval
    lines = [
        f"# {title}",
        "",
        f"{figures['records']} records, {figures['positives']} of them IMI.",
        "",
        f"- AUC {evaluation.auc:.4f}, 95 % interval {low:.4f} to {high:.4f} (bootstrap over patients)",
        f"- average precision {evaluation.average_precision:.4f}",
        f"- loss {evaluation.loss:.4f} nats, Brier score {evaluation.brier:.4f}",
        "",
        *markdown_table(headings, (*rows, *counts)),
        "",
        "![ROC](roc.png)",
        "![Precision and recall](precision_recall.png)",
        "![Confusion matrix](confusion.png)",
        "![Calibration](calibration.png)",
        "",
    ]
    return "\n".join(lines)


def _roc(axes: Axes, evaluation: Evaluation) -> None:
    from sklearn.metrics import RocCurveDisplay

    RocCurveDisplay.from_predictions(
        evaluation.positive, evaluation.probability, ax=axes, plot_chance_level=True, name="model"
    )
    for number, (name, decision) in enumerate(evaluation.decisions.items()):
        label = f"{name}: {decision.sensitivity:.3f} at {1 - decision.specificity:.3f}"
        axes.plot(1 - decision.specificity, decision.sensitivity, "os"[number % 2], color=f"C{number + 1}", label=label)
    axes.set(title="ROC", xlabel="1 - specificity", ylabel="sensitivity")
    axes.legend(loc="lower right")


def _precision_recall(axes: Axes, evaluation: Evaluation) -> None:
    from sklearn.metrics import PrecisionRecallDisplay

    PrecisionRecallDisplay.from_predictions(
        evaluation.positive, evaluation.probability, ax=axes, plot_chance_level=True, name="model"
    )
    for number, (name, decision) in enumerate(evaluation.decisions.items()):
        axes.plot(decision.sensitivity, decision.precision, "os"[number % 2], color=f"C{number + 1}", label=name)
    axes.set(title="Precision and recall of IMI", xlabel="recall (sensitivity)", ylabel="precision")
    axes.legend(loc="lower left")


def _confusion(axes: Axes, evaluation: Evaluation) -> None:
    import numpy as np
    from sklearn.metrics import ConfusionMatrixDisplay

    name, decision = next(iter(evaluation.decisions.items()))
    matrix = np.array([[decision.tn, decision.fp], [decision.fn, decision.tp]])
    ConfusionMatrixDisplay(matrix, display_labels=CLASSES).plot(ax=axes, cmap="Blues", colorbar=False)
    axes.set(title=f"Confusion at {decision.threshold:.3f} ({name})", xlabel="model", ylabel="reference")


def _calibration(axes: Axes, evaluation: Evaluation) -> None:
    from sklearn.calibration import CalibrationDisplay

    CalibrationDisplay.from_predictions(
        evaluation.positive, evaluation.probability, n_bins=10, strategy="quantile", ax=axes, name="model"
    )
    axes.set(
        title=f"Calibration, Brier score {evaluation.brier:.3f}",
        xlabel="mean probability of IMI, tenths of the records",
        ylabel="part that is IMI",
    )
    axes.legend(loc="upper left")


def _save(path: Path, draw: Callable[[Axes, Evaluation], None], evaluation: Evaluation) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    draw(axes, evaluation)
    figure.savefig(path, dpi=110)


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".part-", delete=False) as part:
        part.write(text)
    Path(part.name).chmod(0o644)
    Path(part.name).replace(path)
