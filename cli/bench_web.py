"""`ecg-stream bench web`: what a browser shows of a ward and when, and what that costs the service."""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import RequestError
from .bench_mqtt import ITSELF


def bench_web(
    patients: Annotated[int, typer.Option(metavar="N", min=1, help="How many publish at once.")] = 12,
    seconds: Annotated[float, typer.Option(metavar="S", min=15, help="For how long.")] = 30.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the browser's window, pixels.")] = "1366x768",
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write what the browser shows three seconds before the end.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")] = False,
) -> None:
    """Measure the ward in a browser: a headless Chromium that draws in software, beside all else on this machine.

    Patients at 250 Hz, two leads, 500 ms chunks, in real time, through a Mosquitto: first without a browser, then
    with one. From the R peak to its letter on the screen, in wall time; frames a second; and what the service's beats
    wait with and without it.
    """
    import msgspec

    from ..offline.bench.browser import Browser
    from ..offline.bench.service import measure
    from ..replay.mosquitto import broker_for

    width, height = _size(size)
    figures: dict[str, Any] = {}
    for name in ("without", "with"):
        port = _free_port()
        browser = (
            Browser(f"http://127.0.0.1:{port}/", (width, height), picture, seconds - 3.0) if name == "with" else None
        )
        with tempfile.TemporaryDirectory() as folder, broker_for(None, Path(folder)) as (found, _):
            options = ["--format", "json", "--exit-when-idle", "5", "--state", f"{folder}/state", "--http", str(port)]
            command = [*ITSELF, "subscribe", found, *options]
            figures[name] = asyncio.run(measure(found, command, patients, seconds, beside=browser))
    if json:
        print(msgspec.json.encode(figures).decode())
        return
    for name, found in figures.items():
        print(f"{name} a browser")
        for key, value in found.items():
            print(f"  {key:24} {value}")


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{2,3})x([1-9]\d{2,3})", text)
    if found is None:
        raise RequestError(f"no size '{text}': valid for --size is WIDTHxHEIGHT, such as 1920x1080")
    return int(found[1]), int(found[2])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
