"""`--model` and `--record-model`, of every command that runs the pipeline."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from .completion import model_names

BeatModel: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", autocompletion=model_names, help="Beat bundle; `ecg-stream models` lists them."),
]
RecordModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        autocompletion=model_names,
        help="Record bundle: also classify the last ten seconds, every two seconds.",
    ),
]
