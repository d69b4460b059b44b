"""The report of a beat evaluation: figures by database, as JSON and as a folder with Markdown and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from ..errors import MissingExtraError
from ..stream.core.messages import CLASSES
from .beat_figures import classification, delays, matched_beats, offsets, unpaced
from .beat_markdown import Pictures, report_text
from .beat_plots import save_plots
from .beat_run import SUPRAVENTRICULAR_RHYTHMS, Conditions, DatabaseResult, RecordRun
from .beat_stretches import save_stretch, worst_stretches
from .by_patient import patient_means
from .ec57_report import as_json
from .own_records import find
from .report_folder import FIGURES
from .splits import PACED

SUPRAVENTRICULAR_DEFINITION = (
    "The rhythm of a record counts as supraventricular if its reference marks more than half of its length as "
    f"{', '.join(sorted(SUPRAVENTRICULAR_RHYTHMS))}, or more than half of its beats as A, a, J or S."
)


def figures(results: Sequence[DatabaseResult], conditions: Conditions) -> dict[str, Any]:
    """Give everything that was measured, ready for JSON. Rates are in percent."""
    return {
        "model": conditions.model,
        "leads": "first" if conditions.first_lead else "all",
        "from_s": conditions.start_s,
        "label_map": conditions.label_map,
        "window_ms": 150,
        "supraventricular_rhythm": SUPRAVENTRICULAR_DEFINITION,
        "databases": [_database_figures(result) for result in results],
    }


def fill_report(
    folder: Path, results: Sequence[DatabaseResult], conditions: Conditions, command: str, data_folder: Path
) -> None:
    """Write ``report.md``, ``report.json``, and a folder of pictures for each database.

    Parameters
    ----------
    folder
        An empty folder, see `report_folder.writing_report`.
    results, conditions
        What was measured, and how.
    command
        The command line that makes the report again.
    data_folder
        Where the records lie whose stretches are drawn.
    """
    content = figures(results, conditions)
    pictures = []
    for result in results:
        place = folder / result.name
        place.mkdir()
        plots = save_plots(place, result.runs, matched_beats(unpaced(result.runs)))
        pictures.append(Pictures(plots, _save_stretches(place, result.runs, conditions.own, data_folder)))
    (folder / FIGURES).write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    (folder / "report.md").write_text(report_text(results, content, pictures, command), encoding="utf-8")


def check_extra() -> None:
    """Make sure that what figures and pictures are made with is installed.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    if not all(find_spec(library) for library in ("matplotlib", "sklearn")):
        raise MissingExtraError("the report of an evaluation", "train")


def _database_figures(result: DatabaseResult) -> dict[str, Any]:
    beats = matched_beats(unpaced(result.runs))
    left_out = {
        "without_paced": [run.name for run in result.runs if run.name in PACED],
        "without_supraventricular_rhythm": [run.name for run in result.runs if run.supraventricular],
    }
    subsets: dict[str, Any] = {}
    for subset, names in left_out.items():
        rest = as_json([run.score for run in result.runs if run.name not in names])
        subsets[subset] = {"left_out": names, "gross": rest["gross"], "average": rest["average"]}
    return {
        "database": result.name,
        "missing": list(result.missing),
        **as_json([run.score for run in result.runs]),
        **subsets,
        "by_patient": {each.label: msgspec.to_builtins(each) for each in patient_means([r.score for r in result.runs])},
        "classification": msgspec.to_builtins(classification(beats)),
        "delay_ms": msgspec.to_builtins(delays(result.runs)),
        "offset_ms": {
            "all": msgspec.to_builtins(offsets(beats.offset_ms)),
            "by_class": {
                label: msgspec.to_builtins(offsets(beats.offset_ms[beats.truth == k]))
                for k, label in enumerate(CLASSES)
            },
            "by_record": {
                run.name: msgspec.to_builtins(offsets(matched_beats([run]).offset_ms)) for run in result.runs
            },
        },
    }


def _save_stretches(folder: Path, runs: Sequence[RecordRun], own: Path | None, data_folder: Path) -> list[str]:
    saved = []
    by_name = {run.name: run for run in runs}
    for stretch in worst_stretches(runs):
        record = find(stretch.record, own, data_folder)
        name = f"worst-{stretch.kind}-{record.name}.png"
        save_stretch(folder / name, stretch, by_name[stretch.record], record)
        saved.append(name)
    return saved
