"""`ecg-stream check-wave`: what is wrong with a wave message, for who makes devices."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError
from ..words import plain


def check_wave(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A payload, as a device publishes it; - is stdin.")],
) -> None:
    """Say what is wrong with a wave message, JSON or MessagePack; the exit code is 0 if it fits, else 2."""
    from ..stream.service.codec import MAX_PAYLOAD_BYTES, decode_wave
    from ..stream.service.wave_check import hints, problems

    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as opened:
            payload = opened.read(MAX_PAYLOAD_BYTES + 1)
    except OSError as error:
        raise RequestError(f"cannot read {file}: {error.strerror}") from None
    found = problems(payload)
    for problem in found:
        print(plain(f"{file}: {problem}"), file=sys.stderr)
    if found:
        raise typer.Exit(2)
    wave = decode_wave(payload)
    chunk = wave.chunk
    encoding = "JSON" if payload[:1] < b"\x80" else "MessagePack"
    length = f"{len(chunk.samples)} samples ({len(chunk.samples) / chunk.fs:g} s) from {chunk.start} on"
    end = ", ends the stream" if wave.end else ""
    print(plain(f"{file}: fits: {encoding}, {length}, {chunk.fs:g} Hz, leads {', '.join(chunk.leads)}{end}"))
    for hint in hints(wave):
        print(f"{file}: {hint}")
