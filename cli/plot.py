"""`ecg-stream plot`: pictures of what the live stages make of a record, and of the monitor at one moment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import MissingExtraError, RequestError
from .completion import model_names, record_names
from .file_options import RECORD_HELP, Column, Fs, Unit
from .records import open_record
from .starting import warm_up

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..replay.record import Record

SUFFIXES = (".svg", ".png", ".pdf")
DENOISE_S = 10.0
SHEET_S = 2.5
"""Of many leads, so much of each, as on paper."""

MONITOR_S = 60.0
MONITOR_CHUNK_MS = 100.0
SIZE = "100x30"
MIN_COLUMNS, MIN_ROWS = 20, 10

GO_WITH = {
    "--end": ("denoise", "normalize", "beats"),
    "--lead": ("denoise", "monitor"),
    "--model": ("normalize", "beats", "stages", "monitor"),
    "--size": ("monitor",),
}
"""Options that say nothing of some pictures, and the pictures that they go with."""


def plot(
    record: Annotated[str, typer.Argument(metavar="RECORD", help=RECORD_HELP, autocompletion=record_names)],
    output: Annotated[Path, typer.Option(metavar="FILE", help="File to write: .svg, .png or .pdf.")],
    what: Annotated[
        Literal["denoise", "normalize", "beats", "stages", "monitor"],
        typer.Option(help="What to draw, see above."),
    ] = "denoise",
    start: Annotated[
        float | None,
        typer.Option(metavar="S", help="Where to begin, in seconds; for the monitor, the moment.  [default: 0; 60]"),
    ] = None,
    end: Annotated[
        float | None,
        typer.Option(metavar="S", help="Where to end, in seconds; not for the monitor.  [default: 10 s on, or all]"),
    ] = None,
    lead: Annotated[
        list[str] | None, typer.Option(metavar="L", help="A lead, by name or index from 0; denoise and monitor.")
    ] = None,
    fs: Fs = None,
    unit: Unit = None,
    column: Column = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            autocompletion=model_names,
            help="Beat bundle; `ecg-stream models` lists them. Not for denoise.",
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="COLSxROWS", help=f"Size of the monitor, characters.  [default: {SIZE}]")
    ] = None,
) -> None:
    """Draw what the live stages make of a record.

    With denoise, each lead as recorded, and after high-pass and denoising; more than four leads are drawn as a sheet of
    four columns, 2.5 s of each.

    With normalize, the window of every beat, in millivolts and as the network gets it.

    With beats, the mean window of each class.

    With stages, the first beat after --start, after each stage, and what its delay is.

    With monitor, the screen of `replay`.
    """
    from ..stream.pipeline import DEFAULT_MODEL

    if output.suffix not in SUFFIXES:
        raise RequestError(f"cannot draw {what} as {output.name}: end --output in {', '.join(SUFFIXES)}")
    for option, value in {"--end": end, "--lead": lead, "--model": model, "--size": size}.items():
        if value is not None and what not in GO_WITH[option]:
            raise RequestError(f"{option} does not go with --what {what}: it is for {', '.join(GO_WITH[option])}")
    columns, rows = _size(size or SIZE)
    found = open_record(record, lead, unit, fs, column)
    name = DEFAULT_MODEL if model is None else model
    if what == "monitor":
        moment = min(MONITOR_S, found.seconds) if start is None else start
        _write(output, _monitor(found, moment, name, columns, rows, output.suffix))
    else:
        _write(output, _drawn(_figure(found, what, start or 0.0, end, name), output.suffix))


def _size(size: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,3})x(\d{2,3})", size)
    columns, rows = (int(match[1]), int(match[2])) if match else (0, 0)
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        raise RequestError(
            f"no size '{size}': valid for --size are columns x rows, such as 80x24, from {MIN_COLUMNS}x{MIN_ROWS} on"
        )
    return columns, rows


def _need_matplotlib(what: str) -> None:
    """Say in one line that matplotlib is not there.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    try:
        import matplotlib as _  # noqa: F401  only whether it is there
    except ImportError:
        raise MissingExtraError(f"ecg-stream plot {what}", "train") from None


def _figure(record: Record, what: str, start_s: float, end_s: float | None, model: str) -> Figure:
    _need_matplotlib(f"--what {what}")
    from ..offline import stage_plots

    if what == "denoise":
        length_s = SHEET_S if len(record.leads) > stage_plots.MOST_ROWS else DENOISE_S
        stop = min(start_s + length_s, record.seconds) if end_s is None else end_s
        return stage_plots.denoise_figure(record, start_s, stop)
    if what == "stages":
        from ..offline.one_beat_plot import stages_figure

        return stages_figure(record, start_s, model)
    draw = stage_plots.normalize_figure if what == "normalize" else stage_plots.beats_figure
    return draw(record, start_s, record.seconds if end_s is None else end_s, model)


def _drawn(figure: Figure, suffix: str) -> bytes:
    from io import BytesIO

    drawn = BytesIO()
    figure.savefig(drawn, format=suffix[1:], dpi=130)
    return drawn.getvalue()


def _monitor(record: Record, moment_s: float, model: str, columns: int, rows: int, suffix: str) -> bytes:
    """Play the record from its beginning to the moment, at full speed, and give the screen as it stands there."""
    from ..replay.reference import reference_beats
    from ..stream.pipeline import Pipeline
    from ..stream.run.engine import Session
    from ..stream.screen.monitor import svg
    from ..stream.screen.view import Title
    from ..stream.screen.watch import Watch

    if suffix != ".svg":
        _need_matplotlib(f"--what monitor to {suffix}")
    from ..offline.screen_plot import screen_figure

    warm_up(Pipeline(model), record, wait=True)
    pipeline = Pipeline(model)
    session = Session(record.name, pipeline)
    title = Title(record.name, Path(model).name, "", record.seconds)
    watch = Watch(title, reference_beats(record), pipeline.lead_quality)
    for chunk in record.chunks(MONITOR_CHUNK_MS, 0.0, moment_s):
        watch.take(session.push(chunk))
    if suffix == ".svg":
        return svg(watch.view(), columns, rows, "ecg-stream replay").encode()
    return _drawn(screen_figure(watch.view(), columns, rows), suffix)


def _write(output: Path, content: bytes) -> None:
    from ..stream.core.snapshots import replace_file

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_file(output, content)
    except OSError as error:
        raise RequestError(
            f"cannot write {output}: {error.strerror}: name a file that can be written with --output"
        ) from error
