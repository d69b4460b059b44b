"""Wave messages that were good once."""

from __future__ import annotations

import random

import numpy as np

from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.service.codec import Encoding, Wave, encode_wave

ENCODINGS: tuple[Encoding, ...] = ("json", "msgpack")
ODD = [b"NaN", b"-1", b"1e999", b"[" * 50, b'"', b"\xc1", b"\xdd\xff\xff\xff\xff", b"9" * 30]


def mutations(count: int, seed: int) -> list[bytes]:
    """Payloads that were good, with bytes changed, cut out, repeated or put in; and random ones."""
    draw = random.Random(seed)
    chunks = [Chunk(100 * k, 250.0, ("II", "V5"), np.full((20, 2), 0.5)) for k in range(4)]
    good = [encode_wave(Wave(chunk, stream="s"), encoding) for chunk in chunks for encoding in ENCODINGS]
    made = []
    for _ in range(count):
        raw = bytearray(draw.choice(good))
        for _ in range(draw.randint(1, 4)):
            at, length = draw.randrange(len(raw) + 1), draw.randint(0, 8)
            match draw.randrange(4):
                case 0:
                    raw[at : at + length] = draw.randbytes(length)
                case 1:
                    del raw[at : at + length]
                case 2:
                    raw[at:at] = raw[at : at + length] * draw.randint(1, 20)
                case _:
                    raw[at:at] = draw.choice(
                        [b"NaN", b"-1", b"1e999", b"[" * 50, b'"', b"\xc1", b"\xdd\xff\xff\xff\xff", b"9" * 30]
                    )
        made.append(draw.randbytes(draw.randrange(200)) if draw.random() < 0.1 else bytes(raw))
    return made
