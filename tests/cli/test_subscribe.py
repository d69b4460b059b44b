"""`ecg-stream subscribe` and `publish` as processes, on a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker import MOSQUITTO, Mosquitto, ecg_stream
from mqtt_ear import Ear

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.jsonl import encode_line
from ecg_stream.stream.messages import Beat
from ecg_stream.stream.pipeline import Pipeline

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto, to kill and to configure")

SECONDS = 100
SPEED = "20"
PART = ("--start", "0", "--end", str(SECONDS))


def beats_of_replay(patient: str, chunk_ms: float = 1000) -> list[bytes]:
    """What the pipeline makes of the demo record without any network."""
    pipeline = Pipeline()
    outputs = [o for chunk in demo_record().chunks(chunk_ms, 0, SECONDS) for o in pipeline.push(chunk)]
    outputs += pipeline.flush()
    return [encode_line(patient, output) for output in outputs if isinstance(output, Beat)]


@pytest.fixture(scope="module")
def expected() -> list[bytes]:
    return beats_of_replay("bed-7")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def running(*arguments: str, out: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ecg-stream` until the block ends."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (out or Path(os.devnull)).open("ab") as file:
        process = subprocess.Popen(ecg_stream(*arguments), stdout=file, env=environment)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def beat_lines(out: Path) -> list[bytes]:
    return [line for line in out.read_bytes().splitlines() if b'"type":"beat"' in line]


def service_is_up(ear: Ear, times: int = 1) -> Callable[[], bool]:
    return lambda: sum(t.startswith("ecg-stream/") and b"true" in p for t, p in ear.heard) >= times


@needs_mosquitto
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_beats_over_the_broker_are_those_of_replay(
    mosquitto: Mosquitto, tmp_path: Path, encoding: str, expected: list[bytes]
) -> None:
    out = tmp_path / "out.jsonl"
    with Ear(mosquitto.port, "ecg-stream/+/status", "ecg/+/beats") as ear:
        with running("subscribe", mosquitto.url, "--format", "json", "--exit-when-idle", "1", out=out) as service:
            ear.wait(service_is_up(ear))
            publish = ("publish", "demo", mosquitto.url, "--patient", "bed-7", "--speed", "max", "--encoding", encoding)
            with running(*publish, *PART) as device:
                assert device.wait(60) == 0
            assert service.wait(60) == 0
        assert ear.lines("ecg/bed-7/beats") == expected
    assert beat_lines(out) == expected
    summary = json.loads(out.read_bytes().splitlines()[-1])
    assert (summary["type"], summary["record"]) == ("summary", "bed-7")
    assert (summary["samples"], summary["beats"]) == (SECONDS * 250, len(expected))


@needs_mosquitto
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_lost_or_doubled_when_the_service_is_killed(
    mosquitto: Mosquitto, tmp_path: Path, how: signal.Signals, expected: list[bytes]
) -> None:
    out = tmp_path / "out.jsonl"
    subscribe = ("subscribe", mosquitto.url, "--format", "json", "--state", str(tmp_path / "state"))
    with Ear(mosquitto.port, "ecg-stream/+/status", "ecg/+/beats") as ear:
        with running(*subscribe, out=out) as first:
            ear.wait(service_is_up(ear))
            publish = ("publish", "demo", mosquitto.url, "--patient", "bed-7", "--speed", SPEED, *PART)
            with running(*publish) as device:
                ear.wait(lambda: ear.count("/beats") >= len(expected) // 4)
                first.send_signal(how)
                first.wait(30)
                with running(*subscribe, "--exit-when-idle", "2", out=out) as second:
                    assert device.wait(60) == 0
                    assert second.wait(60) == 0
        assert set(ear.lines("ecg/bed-7/beats")) == set(expected)
    assert Counter(beat_lines(out)) == Counter(expected)


@needs_mosquitto
@pytest.mark.parametrize("persistence", [True, False])
def test_nothing_is_lost_or_doubled_when_the_broker_is_killed(
    tmp_path: Path, persistence: bool, expected: list[bytes]
) -> None:
    out = tmp_path / "out.jsonl"
    broker = Mosquitto(tmp_path, persistence=persistence)
    broker.start()
    with Ear(broker.port, "ecg-stream/+/status", "ecg/+/beats") as ear:
        with running("subscribe", broker.url, "--format", "json", "--exit-when-idle", "3", out=out) as service:
            ear.wait(service_is_up(ear))
            publish = ("publish", "demo", broker.url, "--patient", "bed-7", "--speed", SPEED, *PART)
            with running(*publish) as device:
                ear.wait(lambda: ear.count("/beats") >= len(expected) // 4)
                broker.kill()
                broker.start()
                assert device.wait(60) == 0
            assert service.wait(60) == 0
    assert beat_lines(out) == expected
    broker.stop()
