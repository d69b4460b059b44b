"""Which live source is meant: ``lsl:NAME``, ``polar:``, ``serial:/dev/ttyUSB0?fs=250``, ``udp://:5005?fs=250``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from ...errors import RequestError
from .serial_port import BAUD
from .udp import Numbering

Kind: TypeAlias = Literal["lsl", "polar", "serial", "udp", "stdin"]

VALID = "valid are lsl:NAME, polar:, serial:PORT?fs=HZ, udp://:PORT?fs=HZ, and - for standard input"
_OPTIONS: dict[Kind, tuple[str, ...]] = {
    "lsl": (),
    "polar": (),
    "serial": ("fs", "baud", "leads", "unit"),
    "udp": ("fs", "format", "leads", "unit", "number"),
    "stdin": (),
}
_NUMBERINGS: tuple[Numbering, ...] = ("none", "sample", "datagram")


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """A live source, as it is named.

    Attributes
    ----------
    kind
        What it is.
    place
        Name of an LSL stream, of a strap, or of a port; address of an interface to listen on. May be empty.
    port
        Of UDP.
    fs
        Sampling rate, Hz; None if it is not said.
    baud
        Of a serial port, bits a second.
    binary
        Whether UDP brings 16-bit samples, and not lines.
    leads
        Names; None if they are not said.
    unit
        Of the values; None if it is not said.
    number
        What datagrams of samples begin with, see `udp.UdpSamples`.
    """

    kind: Kind
    place: str = ""
    port: int = 0
    fs: float | None = None
    baud: int = BAUD
    binary: bool = False
    leads: tuple[str, ...] | None = None
    unit: str | None = None
    number: Numbering = "none"

    @classmethod
    def of(cls, text: str) -> SourceAddress:
        """Read what a user wrote.

        Raises
        ------
        RequestError
            If it names no source, or has an option that this source does not.
        """
        if text == "-":
            return cls("stdin")
        scheme, colon, rest = text.partition(":")
        kind = next((each for each in _OPTIONS if each == scheme), None)
        if not colon or kind is None or kind == "stdin":
            raise RequestError(f"no live source '{text}': {VALID}")
        if kind in ("lsl", "polar"):  # a name may hold any character
            return cls(kind, rest)
        before, _, query = rest.partition("?")
        options = _options(kind, query)
        fields = {
            "fs": _rate(options["fs"]) if "fs" in options else None,
            "leads": tuple(options["leads"].split(",")) if options.get("leads") else None,
            "unit": options.get("unit"),
        }
        if kind == "serial":
            if not before:
                raise RequestError(f"no serial port in '{text}': {VALID}")
            return cls(kind, unquote(before), baud=_whole("baud", options.get("baud", str(BAUD)), 50), **fields)  # type: ignore[arg-type]
        host, port = _host_and_port(text)
        form, number = options.get("format", "lines"), options.get("number", "none")
        if form not in ("lines", "int16"):
            raise RequestError(f"no format '{form}' over UDP: valid are lines and int16")
        if number not in _NUMBERINGS or (number != "none" and form == "lines"):
            raise RequestError(f"no number '{number}' in {form}: valid with int16 are {', '.join(_NUMBERINGS)}")
        return cls(kind, host, port, binary=form == "int16", number=number, **fields)  # type: ignore[arg-type]


def _options(kind: Kind, query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := [name for name in options if name not in _OPTIONS[kind]]:
        raise RequestError(f"{kind} has no option '{unknown[0]}': valid are {', '.join(_OPTIONS[kind])}")
    return options


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise RequestError(f"fs={text} is no sampling rate: valid is a number of hertz")
    return rate


def _whole(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise RequestError(f"{name}={text}: valid is a whole number from {least} on")
    return int(text)


def _host_and_port(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if port is None or not text.startswith("udp://"):
        raise RequestError(f"no UDP port in '{text}': valid is udp://:5005, or udp://ADDRESS:5005 for other machines")
    return host, port
