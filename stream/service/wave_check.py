"""All that is wrong with a wave message, for who makes devices; `codec.decode_wave` stops at the first."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from ...errors import PayloadError
from .codec import JsonWave, PackedWave, Wave, decode_wave, says_json, says_packed

VALID = {
    "v": "1",
    "start": "a whole number from 0 on",
    "fs": "a number from 50 to 5000",
    "leads": 'a list of 1 to 16 names, such as ["II"]',
    "samples": "a list of rows, one for each instant, with a number or null for each lead, such as [[0.02],[0.05]]",
    "unit": '"mV" or "uV"',
    "seq": "a whole number from 0 on",
    "stream": "1 to 64 characters",
    "end": "true or false",
    "t0": "seconds since 1970",
    "gain": "a number above 0",
}
"""What a key may hold, in words. Of MessagePack, `PACKED_SAMPLES` are the samples."""
PACKED_SAMPLES = "a byte string of 16-bit integers, little-endian, instant after instant"

LARGE_MV = 20.0  # beyond, the unit or the gain is not what it says: an ECG has 1 to 5 mV


def problems(payload: bytes) -> list[str]:
    """Say what is wrong with a payload, a line each; nothing if it fits."""
    if not payload:
        return ["it is empty: valid is a JSON object or a MessagePack map"]
    try:
        decode_wave(payload)
    except PayloadError as error:
        found = _problems_of_keys(payload)
        return found or [f"{error}{_without_json(payload)}"]
    return []


def hints(wave: Wave) -> list[str]:
    """Say what fits and is yet to be thought of, a line each."""
    chunk = wave.chunk
    found = []
    if wave.stream is None:
        found.append("no 'stream': after a restart the device is taken for one that sends duplicates, for 30 seconds")
    if wave.seq is None:
        found.append("no 'seq': it tells a stream that begins again from one that goes on")
    if len(chunk.samples):
        missing = float(np.isnan(chunk.samples).mean())
        peak = float(np.fmax.reduce(np.abs(chunk.samples), axis=None, initial=0.0))
        if missing > 0:
            found.append(f"{missing:.0%} of the samples are no measurement (null, or -32768)")
        if peak > LARGE_MV:
            found.append(f"a sample of {peak:.3g} mV: an ECG has 1 to 5: are unit and gain right?")
        elif peak == 0 and missing < 1:
            found.append("all samples are 0")
    return found


def _problems_of_keys(payload: bytes) -> list[str]:
    """Check each key for itself, as far as the payload is a map at all."""
    try:
        if says_json(payload):
            content: Any = msgspec.json.decode(payload)
            schema: type[msgspec.Struct] = JsonWave
        elif says_packed(payload):
            content, schema = msgspec.msgpack.decode(payload), PackedWave
        else:
            return []
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    if not isinstance(content, dict):
        return []
    fields = {field.name: field for field in msgspec.structs.fields(schema)}
    found = [f"no key {key!a}: valid are {', '.join(fields)}"[:300] for key in content if key not in fields]
    for name, field in fields.items():
        if name not in content:
            if field.required:
                found.append(f"'{name}' is missing")
            continue
        try:
            msgspec.convert(content[name], field.type)
        except msgspec.ValidationError as error:
            valid = PACKED_SAMPLES if name == "samples" and schema is PackedWave else VALID[name]
            found.append(f"'{name}' does not fit: {error}"[:300] + f": valid is {valid}")
    return found


def _without_json(payload: bytes) -> str:
    """Say what to write instead, where JSON has no such word."""
    words = [word for word in (b"NaN", b"Infinity") if word in payload]
    if not says_json(payload) or not words:
        return ""
    return f": JSON has no {words[0].decode()}; null is no measurement"
