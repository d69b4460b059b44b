"""``ecg-stream train``: train a model and write it as a bundle."""

from __future__ import annotations

import typer

from .train_record import record

app = typer.Typer(help="Train a model and write it as a bundle.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None: ...  # keeps `train record` a command of its own while it is the only one


app.command("record")(record)
