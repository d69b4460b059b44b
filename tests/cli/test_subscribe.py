"""`ecg-stream subscribe` and `publish` as processes, on a real broker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from bare_lines import bare
from broken_payloads import mutations
from broker import MOSQUITTO, Amqtt, Mosquitto, ecg_stream, free_port, start_broker
from mqtt_ear import Ear
from record_bundles import write_bundle
from synthetic_ptbxl import signal as signal_of_class
from synthetic_ptbxl import write_record
from webhook_server import alert_server

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import Beat
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.jsonl import encode_line

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto, to kill and to configure")

ONE_CHUNK = {"v": 1, "start": 0, "fs": 250, "leads": ["II"], "samples": [[0.0]] * 100}

SECONDS = 60
SPEED = "20"
PART = ("--start", "0", "--end", str(SECONDS))


def beats_of_replay(patient: str, chunk_ms: float = 1000, seconds: float = SECONDS) -> list[bytes]:
    """What the pipeline makes of the demo record without any network."""
    pipeline = Pipeline()
    outputs = [o for chunk in demo_record().chunks(chunk_ms, 0, seconds) for o in pipeline.push(chunk)]
    outputs += pipeline.flush()
    return [encode_line(patient, output) for output in outputs if isinstance(output, Beat)]


@pytest.fixture(scope="module")
def expected() -> list[bytes]:
    return beats_of_replay("bed-7")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto | Amqtt]:
    """A Mosquitto, or amqtt where there is none."""
    started = start_broker(tmp_path)
    yield started
    started.stop()


@contextmanager
def running(
    *arguments: str, out: Path | None = None, log: Path | None = None, most_bytes: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ecg-stream` until the block ends; no file may become larger than `most_bytes`, if that is given."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = ecg_stream(*arguments)
    if most_bytes:
        command = ["prlimit", f"--fsize={most_bytes}", *command]
    with (out or Path(os.devnull)).open("ab") as file, ExitStack() as logs:
        stderr = None if log is None else logs.enter_context(log.open("ab"))
        process = subprocess.Popen(command, stdout=file, stderr=stderr, env=environment)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def beat_lines(out: Path) -> list[bytes]:
    return [bare(line) for line in out.read_bytes().splitlines() if b'"type":"beat"' in line]


def service_is_up(ear: Ear, times: int = 1) -> Callable[[], bool]:
    return lambda: sum(t.startswith("ecg-stream/") and b"true" in p for t, p in ear.heard) >= times


def test_beats_over_the_broker_are_those_of_replay(
    broker: Mosquitto | Amqtt, tmp_path: Path, expected: list[bytes]
) -> None:
    """As MessagePack, at full speed; the tests below publish as JSON."""
    out = tmp_path / "out.jsonl"
    with Ear(broker.port, "ecg-stream/+/status", "ecg/+/beats") as ear:
        with running("subscribe", broker.url, "--format", "json", "--exit-when-idle", "3", out=out) as service:
            ear.wait(service_is_up(ear))
            publish = ("publish", "demo", broker.url, "--patient", "bed-7", "--speed", "max", "--encoding", "msgpack")
            with running(*publish, *PART) as device:
                assert device.wait(60) == 0
            assert service.wait(60) == 0
        assert [bare(line) for line in ear.lines("ecg/bed-7/beats")] == expected
    assert beat_lines(out) == expected
    summary = json.loads(out.read_bytes().splitlines()[-1])
    assert (summary["type"], summary["record"]) == ("summary", "bed-7")
    assert (summary["samples"], summary["beats"]) == (SECONDS * 250, len(expected))


def test_a_record_model_speaks_of_those_patients_who_have_its_leads(broker: Mosquitto | Amqtt, tmp_path: Path) -> None:
    write_record(tmp_path / "long", signal_of_class(True, seconds=15.0), fs=100)
    model, out = write_bundle(tmp_path / "lowest"), tmp_path / "out.jsonl"
    subscribe = ("subscribe", broker.url, "--format", "json", "--exit-when-idle", "3", "--record-model", str(model))
    with Ear(broker.port, "ecg-stream/+/status") as ear, running(*subscribe, out=out) as service:
        ear.wait(service_is_up(ear))
        with_i = ("publish", str(tmp_path / "long"), broker.url, "--patient", "bed-1", "--speed", "max")
        without = ("publish", "demo", broker.url, "--patient", "bed-2", "--speed", "max", "--start", "0", "--end", "20")
        with running(*with_i) as one, running(*without) as other:
            assert (one.wait(60), other.wait(60)) == (0, 0)
        assert service.wait(60) == 0
    said = [line for line in map(json.loads, out.read_bytes().splitlines()) if line.get("kind") == "record"]
    assert [(line["record"], line["time"]) for line in said] == [("bed-1", 10.0), ("bed-1", 12.0), ("bed-1", 14.0)]
    assert all(line["detail"].startswith("IMI, probability of IMI") for line in said)


@needs_mosquitto
@pytest.mark.parametrize(
    "how", [(signal.SIGKILL,), (signal.SIGTERM, signal.SIGKILL)], ids=["killed", "stopped, killed"]
)
def test_nothing_is_lost_or_doubled_when_the_service_is_killed(
    mosquitto: Mosquitto, tmp_path: Path, how: tuple[signal.Signals, ...], expected: list[bytes]
) -> None:
    out = tmp_path / "out.jsonl"
    subscribe = ("subscribe", mosquitto.url, "--format", "json", "--state", str(tmp_path / "state"))
    with Ear(mosquitto.port, "ecg-stream/+/status", "ecg/+/beats") as ear, ExitStack() as stack:
        service = stack.enter_context(running(*subscribe, out=out))
        ear.wait(service_is_up(ear))
        publish = ("publish", "demo", mosquitto.url, "--patient", "bed-7", "--speed", SPEED, *PART)
        device = stack.enter_context(running(*publish))
        for number in how:
            beats = ear.count("/beats")
            ear.wait(lambda beats=beats: ear.count("/beats") >= beats + len(expected) // 5)
            service.send_signal(number)
            service.wait(30)
            last = () if number is not how[-1] else ("--exit-when-idle", "2")
            service = stack.enter_context(running(*subscribe, *last, out=out))
        assert device.wait(60) == 0
        assert service.wait(60) == 0
        told = set(ear.lines("ecg/bed-7/beats"))
        assert {bare(line) for line in told} == set(expected)
        assert len(told) == len({json.loads(line)["id"] for line in told}) == len(expected)
    assert Counter(beat_lines(out)) == Counter(expected)


@needs_mosquitto
def test_alerts_that_wait_for_the_webhook_survive_a_kill(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The webhook fails until the service is killed; the next one delivers what waited, and what comes."""
    out = tmp_path / "out.jsonl"
    publish = ("publish", "demo-rhythms", mosquitto.url, "--patient", "bed-7", "--speed", "60", "--start", "320")
    subscribe = ("subscribe", mosquitto.url, "--format", "json", "--state", str(tmp_path / "state"))
    with (
        alert_server(503) as hook,
        Ear(mosquitto.port, "ecg-stream/+/status", "ecg/+/alerts") as ear,
        ExitStack() as on,
    ):
        subscribe = (*subscribe, "--alert-url", hook.url, "--exit-when-idle", "2")
        service = on.enter_context(running(*subscribe, out=out))
        ear.wait(service_is_up(ear))
        device = on.enter_context(running(*publish))
        ear.wait(lambda: ear.count("/alerts") >= 4 and hook.attempts >= 2)
        service.kill()
        service.wait(30)
        with hook.changed:
            hook.answers[:] = [204]
        service = on.enter_context(running(*subscribe, out=out))
        assert device.wait(60) == 0
        assert service.wait(60) == 0
        told = [line for line in out.read_bytes().splitlines() if line.startswith(b'{"type":"alert"')]
        wanted = {"ventricular-tachycardia", "asystole", "ventricular-fibrillation"}
        assert {json.loads(line)["name"] for line in told} >= wanted
        assert len(set(told)) == len(told)
        assert set(ear.lines("ecg/bed-7/alerts")) == set(told)
        begun_or_over = [line for line in map(json.loads, told) if line["state"] != "repeat"]
        for priority in ("high", "medium", "low"):  # in order; the most pressing first
            taken = [line for line in hook.heard if line["state"] != "repeat" and line["priority"] == priority]
            assert taken == [line for line in begun_or_over if line["priority"] == priority]


@needs_mosquitto
@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit, which Linux has")
def test_nothing_is_lost_or_doubled_when_the_disk_is_full(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Files that may not grow any more stand for the disk: the service says so, and goes on where there is room."""
    out, log = tmp_path / "out.jsonl", tmp_path / "log"
    subscribe = ("subscribe", mosquitto.url, "--format", "json", "--state", str(tmp_path / "state"))
    publish = ("publish", "demo", mosquitto.url, "--patient", "bed-7", "--speed", "60", "--end", "180")
    with Ear(mosquitto.port, "ecg-stream/+/status") as ear, ExitStack() as stack:
        service = stack.enter_context(running(*subscribe, out=out, log=log, most_bytes=300_000))
        ear.wait(service_is_up(ear))
        device = stack.enter_context(running(*publish))
        assert service.wait(60) == 2
        assert b"File too large" in (last := log.read_bytes().splitlines()[-1])
        assert b"--state" in last
        told = len(beat_lines(out))
        service = stack.enter_context(running(*subscribe, "--exit-when-idle", "2", out=out))
        assert device.wait(60) == 0
        assert service.wait(60) == 0
    expected = beats_of_replay("bed-7", seconds=180)
    assert 0 < told < len(expected)
    assert Counter(beat_lines(out)) == Counter(expected)


@needs_mosquitto
@pytest.mark.parametrize("persistence", [True, False])
def test_nothing_is_lost_or_doubled_when_the_broker_is_killed(
    tmp_path: Path, persistence: bool, expected: list[bytes]
) -> None:
    out = tmp_path / "out.jsonl"
    broker = Mosquitto(tmp_path, persistence=persistence)
    broker.start()
    subscribe = ("subscribe", broker.url, "--format", "json", "--exit-when-idle", "3")
    publish = ("publish", "demo", broker.url, "--patient", "bed-7", "--speed", SPEED, *PART)
    with Ear(broker.port, "ecg-stream/+/status", "ecg/+/beats") as ear, running(*subscribe, out=out) as service:
        ear.wait(service_is_up(ear))
        with running(*publish) as device:
            ear.wait(lambda: ear.count("/beats") >= len(expected) // 4)
            broker.kill()
            broker.start()
            assert device.wait(60) == 0
        assert service.wait(60) == 0
    assert beat_lines(out) == expected
    broker.stop()


@needs_mosquitto
def test_broken_messages_are_counted_and_the_others_go_on(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Garbage of every kind through a real broker, beside a patient who must not notice."""
    out = tmp_path / "out.jsonl"
    port = free_port()
    places = ("--state", str(tmp_path / "state"), "--record", str(tmp_path / "records"))
    options = ("--format", "json", "--exit-when-idle", "5", "--metrics", str(port), *places)
    garbage = [*mutations(400, seed=7), b"", b"[" * 200_000, bytes(10_000_000), b'{"v":1' * 1000]
    subscribe = ("subscribe", mosquitto.url, *options)
    with Ear(mosquitto.port, "ecg-stream/+/status") as ear, running(*subscribe, out=out) as service:
        ear.wait(service_is_up(ear))
        publish = ("publish", "demo", mosquitto.url, "--patient", "well", "--speed", SPEED, *PART)
        with running(*publish) as device:
            for number, payload in enumerate(garbage):
                ear.publish(f"ecg/broken-{number % 3}/wave", payload)
            ear.publish("ecg/well/wave", b"\xff\xff")
            ear.publish("ecg/stale/wave", json.dumps(ONE_CHUNK).encode(), retain=True)
            for patient in ("..", "a b", "x" * 65, "x" * 10_000, "ü", "~", "%2e%2e"):
                ear.publish(f"ecg/{patient}/wave", json.dumps(ONE_CHUNK).encode())
            ear.publish("ecg/../../x/wave", b"{}")
            assert device.wait(60) == 0
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").read() == b"ok\n"
        assert service.wait(60) == 0
    assert [line for line in beat_lines(out) if b'"well"' in line] == beats_of_replay("well")
    counted = {line.split()[0]: float(line.split()[1]) for line in page.splitlines() if not line.startswith("#")}
    refused = sum(value for name, value in counted.items() if name.startswith("ecg_stream_refused_payloads_total"))
    taken = counted["ecg_stream_wave_messages_total"]
    assert taken >= 2 * SECONDS + len(garbage)
    assert len(garbage) // 2 < refused < len(garbage) + 20
    allowed = {"well", "stale", "broken-0", "broken-1", "broken-2"}
    assert {path.name for path in (tmp_path / "records").iterdir()} <= allowed
    assert {path.stem for path in (tmp_path / "state" / "patients").iterdir()} <= allowed
    segments = sorted((tmp_path / "records" / "well").glob("*/*.hea"))
    assert [segment.stem for segment in segments] == ["s0000000000", "s0000012500"]


@needs_mosquitto
def test_ctrl_c_ends_with_flush_and_summary(mosquitto: Mosquitto, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with Ear(mosquitto.port, "ecg-stream/+/status", "ecg/+/beats") as ear:
        with running("subscribe", mosquitto.url, "--format", "json", out=out) as service:
            ear.wait(service_is_up(ear))
            with running("publish", "demo", mosquitto.url, "--speed", SPEED, *PART) as device:
                ear.wait(lambda: ear.count("/beats") >= 20)
                service.send_signal(signal.SIGINT)
                assert service.wait(30) == 130
                assert json.loads(out.read_bytes().splitlines()[-1])["type"] == "summary"
                device.kill()
        ear.wait(lambda: ear.count("/status") >= 2)
        assert ear.lines(ear.heard[0][0]) == [ear.heard[0][1], b""]  # a service without a state leaves nothing behind
        assert ear.count("/beats") == len(beat_lines(out))


def test_the_demonstration_runs_from_one_command(tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    out = tmp_path / "out.jsonl"
    with running("subscribe", "--demo", "--format", "json", out=out) as service:
        patients: set[str] = set()
        deadline = time.monotonic() + 60
        while patients != {"bed-1", "bed-2", "bed-3"} and time.monotonic() < deadline:
            service.poll()
            patients = {json.loads(line)["record"] for line in beat_lines(out)}
        service.send_signal(signal.SIGINT)
        assert service.wait(30) == 130
    assert patients == {"bed-1", "bed-2", "bed-3"}
    summaries = [line for line in out.read_bytes().splitlines() if b'"summary"' in line]
    assert len(summaries) == 3
