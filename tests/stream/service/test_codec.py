from __future__ import annotations

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.errors import PayloadError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.service.codec import MAX_PAYLOAD_BYTES, Wave, decode_wave, encode_wave, quantize, says_online

GOOD = {"v": 1, "seq": 4, "start": 500, "fs": 250, "leads": ["II", "V1"], "unit": "mV", "samples": [[0.1, -0.2]] * 3}
PACKED = {**GOOD, "samples": np.array([[20, -40]] * 3, dtype="<i2").tobytes(), "gain": 200}


def assert_same(one: Wave, other: Wave) -> None:
    assert (one.seq, one.stream, one.end) == (other.seq, other.stream, other.end)
    assert (one.chunk.start, one.chunk.fs, one.chunk.leads) == (other.chunk.start, other.chunk.fs, other.chunk.leads)
    np.testing.assert_array_equal(one.chunk.samples, other.chunk.samples)


@pytest.mark.parametrize("encode", [lambda m: json.dumps(m).encode(), msgspec.json.encode])
def test_json(encode) -> None:
    wave = decode_wave(encode(GOOD))
    assert_same(wave, Wave(Chunk(500, 250.0, ("II", "V1"), np.array([[0.1, -0.2]] * 3)), seq=4))


def test_messagepack() -> None:
    wave = decode_wave(msgspec.msgpack.encode(PACKED))
    assert_same(wave, Wave(Chunk(500, 250.0, ("II", "V1"), np.array([[0.1, -0.2]] * 3)), seq=4))


def test_what_may_be_left_out_and_microvolts() -> None:
    least = {key: GOOD[key] for key in ("v", "start", "fs", "leads")}
    wave = decode_wave(json.dumps({**least, "unit": "uV", "samples": [[100, -200]]}).encode())
    assert_same(wave, Wave(Chunk(500, 250.0, ("II", "V1"), np.array([[0.1, -0.2]]))))


def test_missing_samples() -> None:
    json_wave = decode_wave(json.dumps({**GOOD, "samples": [[None, 1], [0, None]]}).encode())
    digital = np.array([[-32768, 200], [0, -32768]], dtype="<i2")
    packed_wave = decode_wave(msgspec.msgpack.encode({**PACKED, "samples": digital.tobytes()}))
    assert_same(json_wave, packed_wave)
    np.testing.assert_array_equal(json_wave.chunk.samples, [[np.nan, 1], [0, np.nan]])


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_what_is_no_measurement_to_a_stream_is_sent_as_missing(encoding) -> None:
    samples = [[1000.0, -1000.5], [math.inf, 0.0], [-1e6, 1.0]]
    sent = decode_wave(encode_wave(Wave(Chunk(0, 250.0, ("I", "II"), samples)), encoding)).chunk.samples
    np.testing.assert_allclose(sent, [[1000.0, math.nan], [math.nan, 0.0], [math.nan, 1.0]], atol=0.05)


@pytest.mark.parametrize("value", [1000.5, -5000.0])
def test_a_sample_that_no_electrode_gives_is_refused(value) -> None:
    with pytest.raises(PayloadError, match="valid are up to 1000; are unit and gain right"):
        decode_wave(json.dumps({**GOOD, "samples": [[value, 1]]}).encode())


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_record_survives_exactly(encoding) -> None:
    for number, chunk in enumerate(demo_record(seconds=30).chunks(500)):
        wave = Wave(chunk, number, "demo-1", end=number == 59)
        assert_same(decode_wave(encode_wave(wave, encoding)), wave)


@given(
    st.lists(st.lists(st.one_of(st.floats(-1000, 1000), st.just(math.nan)), min_size=2, max_size=2), max_size=40),
    st.integers(0, 2**53),
    st.floats(50, 5000),
)
def test_round_trip(rows, start, fs) -> None:
    samples = np.array(rows, dtype=np.float64).reshape(-1, 2)
    wave = Wave(Chunk(start, fs, ("a", "b"), samples), end=not rows)
    assert_same(decode_wave(encode_wave(wave, "json")), wave)
    packed = decode_wave(encode_wave(wave, "msgpack"))
    gain, digital = quantize(samples)
    assert digital.dtype == np.dtype("<i2")
    np.testing.assert_array_equal(np.isnan(packed.chunk.samples), np.isnan(samples))
    assert np.nanmax(np.abs(packed.chunk.samples - samples), initial=0) <= 0.5 / gain + 1e-9


def bad(**changes: object) -> dict[str, object]:
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    "message",
    [
        bad(v=2), bad(v=...), bad(start=-1), bad(start=2**53 + 1), bad(start=1.5), bad(start="0"), bad(start=True),
        bad(fs=-250), bad(fs=0), bad(fs=49.9), bad(fs=5001), bad(fs=None), bad(leads=[]), bad(leads=["II", "II"]),
        bad(leads="II"), bad(leads=["II", ""]), bad(leads=["x" * 33, "y"]), bad(leads=["a\nb", "c"]),
        bad(leads=[str(i) for i in range(17)]), bad(unit="V"), bad(samples=[]), bad(samples=[[1]]), bad(samples=[1, 2]),
        bad(samples=[[1, 2], [3]]), bad(samples=[[1, "2"]]), bad(samples=[[1, 1e300]]), bad(samples=[[0, 20_000]]),
        bad(samples=[[0, 0]] * 15_001), bad(smaples=[[0, 0]]), bad(seq=-1), bad(stream=""), bad(stream="x" * 65),
        bad(end="yes"), bad(samples=...),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_json(message) -> None:
    with pytest.raises(PayloadError):
        decode_wave(json.dumps(message).encode())


@pytest.mark.parametrize(
    "changes",
    [{"gain": 0}, {"gain": -1}, {"gain": math.nan}, {"gain": math.inf}, {"gain": 5e-324}, {"fs": math.nan},
     {"fs": math.inf}, {"samples": b"123"}, {"samples": [[1, 2]]}, {"samples": b""}, {"gain": 1e-3}, {"start": 2**63}],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_messagepack(changes) -> None:
    with pytest.raises(PayloadError):
        decode_wave(msgspec.msgpack.encode({**PACKED, **changes}))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"x", b"null", b"[]", b"{}", b"{", b'{"v":1', b'{"fs":NaN}', b"\xff" * 9, b"\x80", b"\x81\xa1v",
        b"\xde\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x81\xa5leads\xdd\xff\xff\xff\xff",
        b"\x81\xa7samples\xc6\xff\xff\xff\xff", b'{"leads":["\xff"]}', b'{"leads":["\\ud800"]}', b'{"a":' * 100_000,
        b'{"samples":' + b"[" * 100_000, b"\x81\xa7samples" + b"\x91" * 100_000, b" " * (MAX_PAYLOAD_BYTES + 1),
        bytes(10_000_000),
    ],
    ids=lambda payload: repr(payload[:24]),
)  # fmt: skip
def test_garbage(payload) -> None:
    with pytest.raises(PayloadError) as refusal:
        decode_wave(payload)
    assert len(str(refusal.value)) <= 300
    assert "\n" not in str(refusal.value)


def test_status() -> None:
    assert says_online(b'{"online":true,"fs":250,"leads":["V4"]}') is True
    assert says_online(b'{"online":false}') is False
    for odd in (b"", b"{}", b'{"online":1}', b"\xff", b"[" * 4000, b'{"online":true}' + b" " * 5000):
        assert says_online(odd) is None
