"""`ecg-stream fleet` as processes; and what is told where it cannot run."""

from __future__ import annotations

import ast
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from bare_lines import bare
from broker import MOSQUITTO, Mosquitto, free_port
from broker import ecg_stream as command_line
from mqtt_ear import Ear

import ecg_stream
from ecg_stream.cli.app import run
from ecg_stream.fleet.shard_state import ShardFile
from ecg_stream.fleet.state_store import open_store
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.publisher import encode_stream
from ecg_stream.stream.core.messages import Beat
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.jsonl import encode_line

PACKAGE = Path(ecg_stream.__file__).parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def without_ray(program: str) -> list[str]:
    """A Python that has no Ray."""
    return [sys.executable, "-c", f"import sys; sys.modules['ray'] = None\n{program}"]


@pytest.mark.parametrize("command", [["run", "mqtt://127.0.0.1:1", "--retry"], ["status"], ["scale", "3"]])
def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, command: Sequence[str]) -> None:
    if command[0] == "run":
        command = [*command, "--state", str(tmp_path)]
    program = f"from ecg_stream.cli.app import run; sys.exit(run(['fleet', *{list(command)!r}]))"
    ended = subprocess.run(without_ray(program), capture_output=True, text=True, env=ENVIRONMENT)
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "ecg-stream: a fleet needs the extra [fleet]: python -m pip install 'ecg-stream[fleet]'"
    ]


def test_nothing_else_imports_ray() -> None:
    importers = set()
    for path in PACKAGE.rglob("*.py"):
        if "tests" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.split(".")[0] == "ray" for name in names):
                importers.add(path.relative_to(PACKAGE).as_posix())
    assert importers == {"fleet/ray_library.py", "fleet/parallel.py"}


WITH_RAY = {("fleet", name) for name in ("actors", "bench", "cluster", "parallel", "ray_library")}


def test_everything_else_can_be_imported_without_ray() -> None:
    program = (
        "import importlib, pathlib, ecg_stream\n"
        f"with_ray = {WITH_RAY}\n"
        "root = pathlib.Path(ecg_stream.__file__).parent\n"
        "for room in ('stream', 'replay', 'models', 'offline', 'fleet', 'cli'):\n"
        "    for path in sorted((root / room).glob('*.py')):\n"
        "        if (room, path.stem) not in with_ray:\n"
        "            importlib.import_module(f'ecg_stream.{room}.{path.stem}')\n"
    )
    ended = subprocess.run(without_ray(program), capture_output=True, text=True, env=ENVIRONMENT)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mqtt://127.0.0.1:1"], "--state"),
        (["http://host", "--state", "{}"], "mqtt://HOST"),
        (["mqtt://127.0.0.1:1", "--state", "{}"], "cannot be reached"),
        (["mqtt://127.0.0.1:1", "--state", "{}", "--topic", "ecg/bed-7/wave"], "ecg/+/wave"),
        (["mqtt://127.0.0.1:1", "--state", "{}", "--model", "no-such"], "no-such"),
        (["mqtt://127.0.0.1:1", "--state", "{}", "--name", "a/b"], "A-Z"),
        (["mqtt://127.0.0.1:1", "--state", "nosuchscheme://x"], "nosuchscheme"),
        (["mqtt://127.0.0.1:1", "--state", "{}/file/x"], "/file/x"),
        (["mqtt://127.0.0.1:1", "--state", "{}", "--shards", "0"], "--shards"),
        (["mqtt://127.0.0.1:1", "--state", "{}", "--ca", "x.pem"], "mqtts"),
        (["scale", "many"], "integer"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    arguments: Sequence[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    (tmp_path / "file").write_text("")
    assert run(["fleet", *(argument.format(tmp_path) for argument in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert told in err


def test_scale_does_not_wait_for_a_shard_for_which_there_is_no_processor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = pytest.importorskip("ecg_stream.fleet.cluster")

    class Full:
        def scale(self, shards: int) -> None:
            assert shards == 5

        def status(self) -> dict[str, Any]:
            return {"settled": False, "shards_missing": 2, "shards": [{}] * 5}

    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(cluster.Fleet, "find", lambda name: Full())
    assert run(["fleet", "scale", "5"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ecg-stream: 2 of 5 shards have not answered for a minute")
    assert err.count("\n") == 1


@pytest.fixture
def ray_folder() -> Iterator[str]:
    """A folder of its own for Ray, with a short name: paths of sockets have a limit."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield folder


def done(environment: dict[str, str], *arguments: str) -> str:
    """Run a command to its good end; give what it printed."""
    ended = subprocess.run(command_line(*arguments), capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: the broker is half of a fleet")
def test_a_fleet_runs_is_looked_at_scaled_and_stopped(tmp_path: Path, ray_folder: str) -> None:
    """All that a user does, on a cluster of the command's own."""
    pytest.importorskip("ray")
    environment = {**ENVIRONMENT, "RAY_TMPDIR": ray_folder, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "7" * 64}
    broker, port, out = Mosquitto(tmp_path), free_port(), tmp_path / "out.jsonl"
    broker.start()
    pipeline = Pipeline()
    outputs = [output for chunk in demo_record().chunks(500, 0, 30) for output in pipeline.push(chunk)]
    expected = [encode_line("bed-7", output) for output in outputs if isinstance(output, Beat)]
    arguments = ["fleet", broker.url, "--shards", "1", "--state", str(tmp_path / "state"), "--format", "json"]
    with Ear(broker.port, "ecg/+/beats") as ear, out.open("wb") as file:
        ear.publish("ecg/bed-7/status", b'{"online":true}', retain=True)
        command = command_line(*arguments, "--metrics", str(port))
        process = subprocess.Popen(command, stdout=file, env=environment)
        try:
            address = line_that(out, lambda found: found["shards"] and found["shards"][0]["owned"])["address"]
            assert address.startswith("127.0.0.1:")  # nobody else's machine reaches it
            for message in encode_stream(demo_record().chunks(500, 0, 30), "msgpack", math.inf, "test", end=False):
                ear.publish("ecg/bed-7/wave", message.payload)
            ear.wait(lambda: len(ear.lines("ecg/bed-7/beats")) >= len(expected))
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            assert 'ecg_stream_fleet_owned{shard="shard-0"} 1.0' in page
            assert 'ecg_stream_wave_messages_total{shard="shard-0"}' in page
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").read() == b"ok\n"
            # More than this machine has processors: a cluster of our own has room for them.
            scaled = done(environment, "fleet", "scale", "3", "--address", address)
            assert "3 of 3 shards up on 1 node; 1 patients placed" in scaled
            assert "shard-2" in (shown := done(environment, "fleet", "status", "--address", address))
            assert shown.splitlines()[-1] == scaled.strip()
            os.kill(line_that(out, lambda found: found["settled"])["shards"][0]["pid"], signal.SIGKILL)
            line_that(out, lambda found: found["settled"] and found["shards"][0]["restarts"])  # all of it is JSON
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
            process.wait()
            broker.stop()
        assert [bare(line) for line in ear.lines("ecg/bed-7/beats")] == expected
    store = open_store(str(tmp_path / "state"))
    assert json.loads(store.read("fleet.json") or b"")["shards"] == 3
    kept = [ShardFile(store, shard).load().patients for shard in ("shard-0", "shard-1", "shard-2")]
    assert [patient for patients in kept for patient in patients] == ["bed-7"]


def line_that(out: Path, says: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Wait for a line that says something; give it."""
    for _ in range(4800):
        for line in out.read_bytes().splitlines():
            if says(found := json.loads(line)):
                return found
        threading.Event().wait(0.025)
    raise TimeoutError(out.read_text())


def test_the_token_of_a_cluster_is_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = pytest.importorskip("ecg_stream.fleet.cluster")
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    cluster.keep_token_to_ourselves()
    token = tmp_path / ".ray" / "auth_token"
    first = token.read_text()
    assert len(first) == 64
    assert token.stat().st_mode & 0o777 == 0o600
    cluster.keep_token_to_ourselves()
    assert token.read_text() == first
