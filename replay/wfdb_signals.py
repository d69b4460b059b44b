"""WFDB signal files: the numbers in them, for any part of a record, as the header lays them out.

Formats as signal(5) has them. The wfdb package reads them as well, but only together with its own reading of the
header, which understands some headers otherwise than they are meant; it serves as the oracle of the tests.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .wfdb_header import HeaderSignal, signal_file

Numbers: TypeAlias = NDArray[np.integer[Any]]

PIECE_VALUES = 1 << 22
"""Numbers of one file that are decoded at a time, however many signals it holds."""


@dataclass(frozen=True, slots=True)
class Format:
    """How numbers are stored.

    Attributes
    ----------
    group
        Numbers, and bytes, of the shortest part that can be decoded alone.
    invalid
        The number that stands for no measurement; None if there is none.
    decode
        From the bytes of whole groups to numbers; None of a compressed format.
    """

    group: tuple[int, int]
    invalid: int | None
    decode: Callable[[NDArray[np.uint8]], Numbers] | None


def _plain(dtype: str, offset: int = 0) -> Callable[[NDArray[np.uint8]], Numbers]:
    return lambda raw: raw.view(dtype).astype(np.int64) - offset


def _signed(x: Numbers, bits: int) -> Numbers:
    return np.where(x >= 1 << (bits - 1), x - (1 << bits), x)


def _decode_24(raw: NDArray[np.uint8]) -> Numbers:
    b = raw.reshape(-1, 3).astype(np.int64)
    return _signed(b[:, 0] | b[:, 1] << 8 | b[:, 2] << 16, 24)


def _decode_212(raw: NDArray[np.uint8]) -> Numbers:
    b = raw.reshape(-1, 3).astype(np.int64)
    return _signed(np.stack((b[:, 0] | (b[:, 1] & 0x0F) << 8, b[:, 2] | (b[:, 1] >> 4) << 8), axis=1).ravel(), 12)


def _decode_310(raw: NDArray[np.uint8]) -> Numbers:
    b = raw.reshape(-1, 4).astype(np.int64)
    three = (b[:, 0] >> 1 | (b[:, 1] & 7) << 7, b[:, 2] >> 1 | (b[:, 3] & 7) << 7, b[:, 1] >> 3 | (b[:, 3] >> 3) << 5)
    return _signed(np.stack(three, axis=1).ravel(), 10)


def _decode_311(raw: NDArray[np.uint8]) -> Numbers:
    w = raw.view("<u4").astype(np.int64)
    return _signed(np.stack((w & 0x3FF, w >> 10 & 0x3FF, w >> 20 & 0x3FF), axis=1).ravel(), 10)


FORMATS = {
    "8": Format((1, 1), None, _plain("i1")),
    "16": Format((1, 2), -(1 << 15), _plain("<i2")),
    "24": Format((1, 3), -(1 << 23), _decode_24),
    "32": Format((1, 4), -(1 << 31), _plain("<i4")),
    "61": Format((1, 2), -(1 << 15), _plain(">i2")),
    "80": Format((1, 1), -(1 << 7), _plain("u1", 1 << 7)),
    "160": Format((1, 2), -(1 << 15), _plain("<u2", 1 << 15)),
    "212": Format((2, 3), -(1 << 11), _decode_212),
    "310": Format((3, 4), -(1 << 9), _decode_310),
    "311": Format((3, 4), -(1 << 9), _decode_311),
    "508": Format((1, 1), -(1 << 7), None),
    "516": Format((1, 1), -(1 << 15), None),
    "524": Format((1, 1), -(1 << 23), None),
}


@dataclass(frozen=True, slots=True)
class SignalFile:
    """One signal file of a record.

    Attributes
    ----------
    path
        Where it lies.
    fmt
        Its format, one of `FORMATS`.
    offset
        Bytes before the first number; of a compressed file, numbers of each signal.
    widths
        Samples in a frame of each of its signals.
    skews
        Frames by which each stands late.
    initials
        First value of each, where differences are stored.
    n_frames
        How many frames it holds.
    """

    path: Path
    fmt: str
    offset: int
    widths: tuple[int, ...]
    skews: tuple[int, ...]
    initials: tuple[int, ...]
    n_frames: int

    def read(self, first: int, stop: int, wanted: Sequence[int]) -> list[NDArray[np.float64]]:
        """Read frames `first` to `stop` of the signals `wanted`, by their place in this file.

        Returns
        -------
        list of ndarray
            ``((stop - first) * width,)`` numbers of each; NaN where nothing was measured, or the file has ended.

        Raises
        ------
        OSError, ValueError
            If the file is not what it was, or not of its format.
        """
        out = [np.full((stop - first, self.widths[i]), np.nan) for i in wanted]
        begins = (0, *np.cumsum(self.widths).tolist())
        step = max(1, PIECE_VALUES // begins[-1])
        last = min(self.n_frames, stop + max(self.skews[i] for i in wanted))
        invalid = FORMATS[self.fmt].invalid
        before = np.array(self.initials, dtype=np.int64)
        # Format 8 stores differences, so it is read from the first frame on.
        for at in range(0 if self.fmt == "8" else first, last, step):
            to = min(at + step, last)
            frames = self._frames(at, to)
            for place, i in enumerate(wanted):
                column = frames[:, begins[i] : begins[i + 1]]
                if self.fmt == "8":
                    column = before[i] + np.cumsum(column.ravel()).reshape(column.shape)
                    before[i] = column[-1, -1]
                low, high = max(first, at - self.skews[i]), min(stop, to - self.skews[i])
                if low < high:
                    part = column[low + self.skews[i] - at : high + self.skews[i] - at]
                    out[place][low - first : high - first] = np.where(part == invalid, np.nan, part)
        return [column.ravel() for column in out]

    def _frames(self, first: int, stop: int) -> Numbers:
        """Give the numbers of some frames, ``(stop - first, sum(widths))``."""
        width = sum(self.widths)
        decode = FORMATS[self.fmt].decode
        if decode is None:
            return self._compressed(first, stop)
        numbers, size = FORMATS[self.fmt].group
        group, end = first * width // numbers, -(-stop * width // numbers)
        with self.path.open("rb") as file:
            file.seek(self.offset + group * size)
            raw = np.frombuffer(file.read((end - group) * size), dtype=np.uint8)
        raw = np.pad(raw, (0, -len(raw) % size))  # the last group may be cut behind its last number
        begin = first * width - group * numbers
        return decode(raw)[begin : begin + (stop - first) * width].reshape(stop - first, width)

    def _compressed(self, first: int, stop: int) -> Numbers:
        import soundfile

        width = self.widths[0]
        with soundfile.SoundFile(str(self.path)) as flac:
            flac.seek(self.offset + first * width)
            n = (stop - first) * width
            read = flac.read(n, dtype="int32", always_2d=True)
            if len(read) < n:
                raise ValueError(f"{len(read)} of {n} samples could be decoded")
            # 32 bits are asked for, whatever the file has: the number stands in the upper ones.
            read = read.astype(np.int64) >> (32 - {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}[flac.subtype])
        frames: Numbers = read.reshape(stop - first, width, len(self.widths)).transpose(0, 2, 1)
        return frames.reshape(stop - first, -1)


def open_signal_file(path: Path, name: str, signals: Sequence[HeaderSignal]) -> SignalFile:
    """Look at the signal file `name` of the record `path`, in which `signals` lie in this order.

    Raises
    ------
    RecordError
        If it is not there, or not what the header says.
    """
    file, first = signal_file(path, name), signals[0]
    what = f"record {path.name}: signal file {name}"
    if first.fmt not in FORMATS:
        raise RecordError(f"{what} is in format {first.fmt}, which cannot be read: valid are {', '.join(FORMATS)}")
    if {(s.fmt, s.offset or first.offset) for s in signals} != {(first.fmt, first.offset)}:
        raise RecordError(f"{what} is described with several formats: valid is one for all signals of a file")
    try:
        about = file.stat()
    except OSError as error:
        raise RecordError(f"record {path.name}: cannot read its signal file {file}: {error.strerror}") from error
    if not stat.S_ISREG(about.st_mode):
        raise RecordError(f"record {path.name}: cannot read its signal file {file}: it is no regular file")
    widths = tuple(s.per_frame for s in signals)
    if FORMATS[first.fmt].decode is None:
        held = (_flac_length(file, what, signals) - first.offset) // first.per_frame
    else:
        numbers, size = FORMATS[first.fmt].group
        whole, rest = divmod(max(0, about.st_size - first.offset), size)
        held = (whole * numbers + rest * numbers // size) // sum(widths)
    return SignalFile(
        path=file,
        fmt=first.fmt,
        offset=first.offset,
        widths=widths,
        skews=tuple(s.skew for s in signals),
        initials=tuple(s.initial for s in signals),
        n_frames=max(0, held),
    )


def _flac_length(file: Path, what: str, signals: Sequence[HeaderSignal]) -> int:
    """Give the samples of each channel of a FLAC file, after a look at what is in it."""
    import soundfile

    try:
        about: Any = soundfile.info(str(file))
    except Exception as error:  # soundfile lets its own and OSError out
        raise RecordError(f"{what} is no FLAC file, as its format {signals[0].fmt} says: fetch it again") from error
    if about.format != "FLAC" or about.channels != len(signals):
        raise RecordError(
            f"{what} has {about.channels} channels of {about.format}, and its header describes {len(signals)} of FLAC"
        )
    if len({s.per_frame for s in signals}) > 1:
        raise RecordError(f"{what} is compressed and described with several rates: valid is one for all its signals")
    return int(about.frames)
