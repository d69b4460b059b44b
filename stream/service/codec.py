"""Wave messages: chunks as JSON, or as MessagePack with 16-bit samples and a gain.

Both carry the same map; `docs/mqtt.md` has the contract. A payload's first byte tells which it is: ``{`` or
white space begins JSON, 0x80-0x8f, 0xde or 0xdf a MessagePack map. The schema is strict: an unknown key, a missing one
or a wrong type is refused, so that a misspelt key is heard of on the first message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...errors import PayloadError
from ..core.messages import Chunk, Samples
from ..core.units import LIMIT_MV

MAX_PAYLOAD_BYTES = 1 << 20
MAX_STATUS_BYTES = 4096
MAX_CHUNK_S = 60.0
MISSING = -32768
"""The 16-bit sample that stands for no measurement, as in WFDB format 16."""

Encoding: TypeAlias = Literal["json", "msgpack"]

CLOCK_SET_S = 946_684_800.0
"""The year 2000: a device's clock before it has not been set, and counts from its power-up."""
LAST_T0_S = 4_102_444_800.0
"""The year 2100, in seconds: more are milliseconds by mistake."""

OFFLINE = b'{"online":false}'
"""The status of a device or a service that is not there."""

_Index = Annotated[int, Meta(ge=0, le=2**53)]  # exact in JSON, where numbers are doubles
_LeadName = Annotated[str, Meta(min_length=1, max_length=32)]

_EXACT_GAINS = (200.0, 1000.0, 2000.0, 400.0, 500.0, 250.0, 100.0, 4000.0, 1024.0)  # adu/mV, PhysioNet's usual first
_FALLBACK_GAINS = (2000.0, 1000.0, 200.0, 100.0, 20.0, 3.0)  # the first that the range fits; 20 fits LIMIT_MV


@dataclass(frozen=True, slots=True)
class Wave:
    """A decoded wave message.

    Attributes
    ----------
    chunk
        Its samples, in mV; none in a message that only ends the stream.
    seq
        The device's count of messages; None if it does not count.
    stream
        Names one uninterrupted counting of `chunk.start`; another one means that the device began anew.
    end
        Whether this is the last message of the stream.
    t0
        When the first sample was taken, seconds since 1970 by the device's clock; None if the device does not say.
    """

    chunk: Chunk
    seq: int | None = None
    stream: str | None = None
    end: bool = False
    t0: float | None = None

    @property
    def t0_ms(self) -> int | None:
        """Time of the first sample, in milliseconds; None if it is not known, or of a clock that was never set."""
        return round(1000 * self.t0) if self.t0 is not None and self.t0 >= CLOCK_SET_S else None


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    v: Literal[1]
    start: _Index
    fs: Annotated[float, Meta(ge=50, le=5000)]
    leads: Annotated[list[_LeadName], Meta(min_length=1, max_length=16)]
    unit: Literal["mV", "uV"] = "mV"
    seq: _Index | None = None
    stream: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    end: bool = False
    t0: Annotated[float, Meta(ge=0, le=LAST_T0_S)] | None = None


class JsonWave(_Envelope, frozen=True, kw_only=True):
    """A wave message as JSON has it."""

    samples: list[list[float | None]]


class PackedWave(_Envelope, frozen=True, kw_only=True):
    """A wave message as MessagePack has it."""

    samples: bytes
    gain: Annotated[float, Meta(ge=1e-3, le=1e9)]


class ServiceStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device or a service says of itself; other keys are let pass.

    Attributes
    ----------
    online
        Whether it is there.
    version
        Of a service: its version.
    topic
        Of a service that publishes beats: what it is subscribed to.
    births
        Of a fleet: topic levels before the patients whom it takes on by their birth messages.
    """

    online: bool
    version: str | None = None
    topic: str | None = None
    births: str | None = None


_read_status = msgspec.json.Decoder(ServiceStatus).decode
_read_json = msgspec.json.Decoder(JsonWave).decode
_read_packed = msgspec.msgpack.Decoder(PackedWave).decode
_write_json = msgspec.json.Encoder().encode
_write_packed = msgspec.msgpack.Encoder().encode


def decode_wave(payload: bytes) -> Wave:
    """Decode and check one payload.

    Raises
    ------
    PayloadError
        If it is too large, neither JSON nor MessagePack, or does not fit the contract; never anything else.
    """
    check_size(payload)
    try:
        if says_json(payload):
            wave: JsonWave | PackedWave = _read_json(payload)
        elif says_packed(payload):
            wave = _read_packed(payload)
        else:
            raise PayloadError(f"wave message begins with {payload[:1]!r}: valid is a JSON object or a MessagePack map")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(f"wave message does not fit: {error}"[:300]) from None
    samples = _json_samples(wave) if isinstance(wave, JsonWave) else _packed_samples(wave)
    return Wave(_checked_chunk(wave, samples), wave.seq, wave.stream, wave.end, wave.t0)


def says_json(payload: bytes) -> bool:
    """Tell whether a payload begins as JSON does."""
    return payload[:1] in (b"{", b" ", b"\t", b"\r", b"\n")


def says_packed(payload: bytes) -> bool:
    """Tell whether a payload begins as a map in MessagePack does."""
    first = payload[:1]
    return b"\x80" <= first <= b"\x8f" or first in (b"\xde", b"\xdf")


def check_size(payload: bytes) -> None:
    """Refuse a payload that is too large to look into.

    Raises
    ------
    PayloadError
        If it is larger than `MAX_PAYLOAD_BYTES`.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadError(f"wave message of {len(payload)} bytes: valid are up to {MAX_PAYLOAD_BYTES}")


def encode_wave(wave: Wave, encoding: Encoding = "json") -> bytes:
    """Encode a wave message; `decode_wave` gives it back.

    JSON keeps every sample exactly. MessagePack does where the samples came from a converter of 16 bits with one of
    the usual gains (all of PhysioNet's ECG databases of 200, 1000 or 2000 adu/mV do); elsewhere it rounds to 0.5 µV or,
    beyond ±16 mV, to the finest step that fits. A sample beyond `LIMIT_MV` is sent as missing, which it is to a stream.
    """
    chunk = wave.chunk
    samples = np.where(np.abs(chunk.samples) <= LIMIT_MV, chunk.samples, np.nan)
    head = {
        "v": 1,
        "start": chunk.start,
        "fs": chunk.fs,
        "leads": list(chunk.leads),
        "seq": wave.seq,
        "stream": wave.stream,
        "end": wave.end,
        "t0": wave.t0,
    }
    if encoding == "json":
        rows: list[list[float | None]] = samples.tolist()
        if np.isnan(samples).any():
            rows = [[None if value != value else value for value in row] for row in rows]
        return _write_json(JsonWave(samples=rows, **head))  # type: ignore[arg-type]  # the keys are _Envelope's
    gain, digital = quantize(samples)
    return _write_packed(PackedWave(samples=digital.tobytes(), gain=gain, **head))  # type: ignore[arg-type]


def encode_status(chunk: Chunk) -> bytes:
    """Encode what a device that sends chunks such as this one says of itself while it is there."""
    return _write_json({"online": True, "fs": chunk.fs, "leads": list(chunk.leads)})


def says_online(payload: bytes) -> bool | None:
    """Tell whether a status message says ``"online": true``; None if it does not say."""
    status = read_status(payload)
    return None if status is None else status.online


def read_status(payload: bytes) -> ServiceStatus | None:
    """Read a status message; None if it is none."""
    try:
        return _read_status(payload) if len(payload) <= MAX_STATUS_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def takes_births(payload: bytes) -> str | None:
    """Give the topic prefix under which a service takes patients on by their birth messages; None if it does not."""
    status = read_status(payload)
    return status.births if status is not None and status.online else None


def quantize(samples: Samples) -> tuple[float, NDArray[np.int16]]:
    """Give a gain, in adu/mV, and the samples as 16-bit integers; exact where a usual gain makes it so.

    Missing samples become `MISSING`; values beyond the range of the coarsest gain are clipped.
    """
    missing = np.isnan(samples)
    values = np.where(missing, 0.0, samples)
    peak = float(np.abs(values).max(initial=0.0))
    for gain in _EXACT_GAINS:
        if peak * gain <= -MISSING - 1:
            digital = np.rint(values * gain)
            if np.array_equal(digital / gain, values):
                break
    else:
        gain = next((gain for gain in _FALLBACK_GAINS if peak * gain <= -MISSING - 1), _FALLBACK_GAINS[-1])
        digital = np.clip(np.rint(values * gain), MISSING + 1, -MISSING - 1)
    digital[missing] = MISSING
    return gain, digital.astype("<i2")


def _json_samples(wave: JsonWave) -> Samples:
    width = len(wave.leads)
    if any(len(row) != width for row in wave.samples):
        raise PayloadError(f"samples do not fit: each row must hold one number or null for each of the {width} leads")
    if len(wave.samples) > MAX_CHUNK_S * wave.fs:  # before an array is made of it
        raise PayloadError(_too_long(len(wave.samples), wave.fs))
    samples = np.array(wave.samples, dtype=np.float64).reshape(-1, width)
    return samples / 1000.0 if wave.unit == "uV" else samples


def _packed_samples(wave: PackedWave) -> Samples:
    width = len(wave.leads)
    if len(wave.samples) % (2 * width):
        raise PayloadError(
            f"samples of {len(wave.samples)} bytes do not fit: valid is a multiple of 2 bytes for each of {width} leads"
        )
    digital = np.frombuffer(wave.samples, dtype="<i2").reshape(-1, width)
    samples = digital / wave.gain
    if wave.unit == "uV":
        samples /= 1000.0
    samples[digital == MISSING] = np.nan
    return samples


def _checked_chunk(wave: _Envelope, samples: Samples) -> Chunk:
    if len(samples) > MAX_CHUNK_S * wave.fs:
        raise PayloadError(_too_long(len(samples), wave.fs))
    if not len(samples) and not wave.end:
        raise PayloadError('no samples: only a message with "end": true may have none')
    if len(set(wave.leads)) != len(wave.leads) or not all(lead.isprintable() for lead in wave.leads):
        raise PayloadError(f"leads {wave.leads!a} do not fit: valid are different, printable names"[:300])
    peak = float(np.fmax.reduce(np.abs(samples), axis=None, initial=0.0))
    if peak > LIMIT_MV:
        raise PayloadError(f"a sample of {peak:g} mV: valid are up to {LIMIT_MV:g}; are unit and gain right?")
    return Chunk(wave.start, wave.fs, tuple(wave.leads), samples)


def _too_long(n_samples: int, fs: float) -> str:
    return f"{n_samples} samples at {fs:g} Hz in one message: valid are up to {MAX_CHUNK_S:g} seconds"
