"""The options about alerts that `replay`, `live`, `subscribe`, `fleet` and `rhythms` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ..errors import RequestError

if TYPE_CHECKING:
    from ..stream.rhythm.alert_table import AlertTable
    from ..stream.run.engine import Sink

AlertFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--alerts", metavar="FILE", help="Table of alerts, TOML, in place of what `ecg-stream rhythms --toml` prints."
    ),
]


AlertUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--alert-url",
        metavar="URL",
        envvar="ECG_STREAM_ALERT_URL",
        help="Post each alert to this address, as JSON. A token for it: ECG_STREAM_ALERT_TOKEN.",
    ),
]


def alert_sinks(url: str | None) -> list[Sink]:
    """Give the webhook, if there is one, for a stream that keeps no state.

    Raises
    ------
    RequestError
        If it is no URL.
    """
    if url is None:
        return []
    from ..stream.run.webhook import Webhook, WebhookAddress
    from .logs import log_to_stderr

    log_to_stderr()
    return [Webhook(WebhookAddress.of(url))]


def alert_table(file: Path | None) -> AlertTable | None:
    """Read the table of alerts; None for the built-in one.

    Raises
    ------
    RequestError
        If it cannot be read, or is none.
    """
    if file is None:
        return None
    from ..stream.rhythm.alert_toml import LONGEST, from_toml

    try:
        if not file.is_file():
            raise RequestError(f"{file} is no file: valid is a table of alerts, TOML", about="alerts")
        with file.open("rb") as content:
            return from_toml(content.read(LONGEST + 1), str(file))
    except OSError as error:
        raise RequestError(f"cannot read {file}: {error.strerror}", about="alerts") from None
