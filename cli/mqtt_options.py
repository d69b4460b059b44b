"""The options that `subscribe` and `publish` share: how to reach the broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Url: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="URL", help="mqtt://[USER@]HOST[:PORT]; mqtts:// for TLS, ws:// or wss:// over WebSockets."),
]
Ca: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="PEM file of the authorities to trust instead of the system's.")
]
Cert: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="PEM file of our client certificate.")]
Key: TypeAlias = Annotated[Path | None, typer.Option(metavar="FILE", help="PEM file of its key.")]
PasswordFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File whose first line is the password; else $ECG_STREAM_MQTT_PASSWORD. User: $ECG_STREAM_MQTT_USER.",
    ),
]
Retry: TypeAlias = Annotated[
    bool, typer.Option("--retry", help="Keep trying if the broker cannot be reached at the start.")
]
ClientId: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="MQTT client id; each client needs its own.")
]
