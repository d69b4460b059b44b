"""`ecg-stream check-wave`: what a device maker is told of a payload."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_stream.cli.app import run
from ecg_stream.errors import PayloadError
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.service.codec import JsonWave, PackedWave, Wave, decode_wave, encode_wave
from ecg_stream.stream.service.wave_check import VALID, problems

GOOD = {"v": 1, "start": 0, "fs": 250, "leads": ["II"], "samples": [[0.5]] * 10, "stream": "s", "seq": 0}


def check(tmp_path: Path, payload: bytes) -> int:
    (tmp_path / "wave").write_bytes(payload)
    return run(["check-wave", str(tmp_path / "wave")])


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_what_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding) -> None:
    chunk = next(demo_record().chunks(500))
    assert check(tmp_path, encode_wave(Wave(chunk, 0, "s"), encoding)) == 0
    told = capsys.readouterr()
    name = "JSON" if encoding == "json" else "MessagePack"
    assert told.out == f"{tmp_path / 'wave'}: fits: {name}, 125 samples (0.5 s) from 0 on, 250 Hz, leads MLII, V5\n"
    assert told.err == ""


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {**GOOD, "fs": 20, "unit": "V", "Lead": 1}
    del wrong["start"]
    assert check(tmp_path, json.dumps(wrong).encode()) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        "no key 'Lead': valid are v, start, fs, leads, unit, seq, stream, end, t0, samples",
        "'start' is missing",
        "'fs' does not fit: Expected `float` >= 50.0: valid is a number from 50 to 5000",
        "'unit' does not fit: Invalid enum value 'V': valid is \"mV\" or \"uV\"",
    ]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "it is empty"),
        (json.dumps({**GOOD, "samples": [0.5, 0.5]}).encode(), "valid is a list of rows, one for each instant"),
        (json.dumps({**GOOD, "samples": [[float("nan")]]}).encode(), "JSON has no NaN; null is no measurement"),
        (msgspec.msgpack.encode({**GOOD, "gain": 200}), "valid is a byte string of 16-bit integers"),
        (b"hello", "begins with b'h'"),
        (b'{"v":1', "truncated"),
        (json.dumps({**GOOD, "samples": [[1e6]]}).encode(), "are unit and gain right?"),
        (json.dumps({**GOOD, "samples": [[1, 2]]}).encode(), "each row must hold"),
        (json.dumps({**GOOD, "samples": []}).encode(), "no samples"),
        (msgspec.msgpack.encode({**GOOD, "samples": b"xyz", "gain": 200}), "3 bytes do not fit"),
        (msgspec.msgpack.encode({**GOOD, "samples": b"wxyz"}), "'gain' is missing"),
        (b"[" * (2 << 20), "bytes: valid are up to"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], payload: bytes, told: str) -> None:
    assert check(tmp_path, payload) == 2
    assert told in capsys.readouterr().err


def test_what_fits_and_is_not_thought_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    poor = {key: value for key, value in GOOD.items() if key not in ("stream", "seq")}
    assert check(tmp_path, json.dumps({**poor, "samples": [[300.0], [None]]}).encode()) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    for part, line in zip(("no 'stream'", "no 'seq'", "50% of the samples", "a sample of 300 mV"), lines, strict=True):
        assert part in line


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check-wave", str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "x"]), st.none() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.lists(st.floats())
    )
)
def test_it_says_of_every_payload_what_the_service_says(content: dict[str, object]) -> None:
    for payload in (json.dumps({**GOOD, **content}).encode(), msgspec.msgpack.encode({**GOOD, **content})):
        try:
            decode_wave(payload)
        except PayloadError:
            assert problems(payload)
        else:
            assert problems(payload) == []


def test_every_key_has_its_words() -> None:
    keys = {field.name for schema in (JsonWave, PackedWave) for field in msgspec.structs.fields(schema)}
    assert set(VALID) == keys
