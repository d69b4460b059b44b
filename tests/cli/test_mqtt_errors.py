"""What `subscribe` and `publish` say when the broker cannot be reached, trusted or entered: one line, exit code 2."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import MOSQUITTO, Mosquitto, ecg_stream, free_port
from tls import OPENSSL, make_certificates

from ecg_stream.cli.app import run

PASSWD = shutil.which("mosquitto_passwd")


@pytest.fixture(autouse=True)
def credentials(monkeypatch) -> None:
    monkeypatch.setenv("ECG_STREAM_MQTT_USER", "ward")
    monkeypatch.setenv("ECG_STREAM_MQTT_PASSWORD", "open sesame")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Mosquitto]:
    """A broker with TLS, a password for `ward`, and files for all that can go wrong beside it."""
    if MOSQUITTO is None or OPENSSL is None or PASSWD is None:
        pytest.skip("needs Mosquitto, mosquitto_passwd and openssl")
    folder = tmp_path_factory.mktemp("guarded")
    make_certificates(folder)
    subprocess.run([PASSWD, "-b", "-c", str(folder / "users"), "ward", "open sesame"], check=True, capture_output=True)
    (folder / "users").chmod(0o600)
    expired = free_port()
    broker = Mosquitto(
        folder,
        "allow_anonymous false", f"password_file {folder}/users",
        f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key",
        f"listener {expired} 127.0.0.1",
        f"cafile {folder}/ca.pem", f"certfile {folder}/expired.pem", f"keyfile {folder}/expired.key",
    )  # fmt: skip
    broker.expired_url = f"mqtts://127.0.0.1:{expired}"  # type: ignore[attr-defined]
    broker.start()
    yield broker
    broker.stop()


def url(broker: Mosquitto) -> str:
    return broker.url.replace("mqtt:", "mqtts:")


def one_line(capfd, *arguments: str) -> str:
    """Run a command that is to fail with one line."""
    with warnings.catch_warnings():  # paho leaves the socket of a failed handshake to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        assert run(arguments) == 2
        gc.collect()
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return str(lines[0])


def test_no_broker(capfd) -> None:
    line = one_line(capfd, "subscribe", f"mqtt://127.0.0.1:{free_port()}", "--format", "json")
    assert "cannot be reached: Connection refused" in line


def test_no_broker_for_a_device(capfd) -> None:
    assert "cannot be reached" in one_line(capfd, "publish", "demo", f"mqtt://127.0.0.1:{free_port()}")


def test_no_such_host(capfd) -> None:
    assert "cannot be reached" in one_line(capfd, "subscribe", "mqtt://no.such.host.invalid", "--format", "json")


def test_wrong_password(guarded, monkeypatch, capfd) -> None:
    monkeypatch.setenv("ECG_STREAM_MQTT_PASSWORD", "open barley")
    line = one_line(capfd, "subscribe", url(guarded), "--ca", f"{guarded.folder}/ca.pem", "--format", "json")
    assert "ward" in line
    assert "ECG_STREAM_MQTT_PASSWORD" in line
    assert "barley" not in line


def test_no_password(guarded, monkeypatch, capfd) -> None:
    monkeypatch.delenv("ECG_STREAM_MQTT_USER")
    monkeypatch.delenv("ECG_STREAM_MQTT_PASSWORD")
    line = one_line(capfd, "publish", "demo", url(guarded), "--ca", f"{guarded.folder}/ca.pem")
    assert "without a user" in line


def test_wrong_authority(guarded, capfd) -> None:
    line = one_line(capfd, "subscribe", url(guarded), "--ca", f"{guarded.folder}/other-ca.pem", "--format", "json")
    assert "cannot be trusted" in line
    assert "--ca" in line


def test_expired_certificate(guarded, capfd) -> None:
    line = one_line(capfd, "subscribe", guarded.expired_url, "--ca", f"{guarded.folder}/ca.pem", "--format", "json")
    assert "certificate has expired" in line


def test_plain_where_tls_is_wanted(guarded, capfd, monkeypatch) -> None:
    monkeypatch.setattr("ecg_stream.stream.service.connection.CONNECT_TIMEOUT_S", 1.0)
    line = one_line(capfd, "subscribe", guarded.url, "--format", "json")
    assert "TLS" in line


def test_tls_with_password_file(guarded, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("ECG_STREAM_MQTT_PASSWORD")
    (tmp_path / "password").write_text("open sesame\n")
    arguments = ("--ca", f"{guarded.folder}/ca.pem", "--password-file", str(tmp_path / "password"))
    assert run(("publish", "demo", url(guarded), "--end", "10", "--speed", "max", *arguments)) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("subscribe",), "--demo"), (("subscribe", "mqtt://x", "--demo"), "--demo"),
        (("subscribe", "mqtt://x", "--topic", "ecg/#"), "ecg/+/wave"),
        (("subscribe", "mqtt://x", "--model", "no-such"), "no-such"),
        (("subscribe", "mqtt://u:p@x"), "ECG_STREAM_MQTT_PASSWORD"),
        (("subscribe", "mqtt://x", "--focus", "../x"), "'../x'"),
        (("publish", "demo", "mqtt://x", "--patient", "a/b"), "'a/b'"),
        (("publish", "demo", "mqtt://x", "--speed", "0"), "--speed"),
        (("publish", "no-such-record", "mqtt://x"), "no-such-record"), (("publish", "demo", "tcp://x"), "mqtt://HOST"),
        (("publish", "demo", "mqtt://x", "--lead", "V9"), "V9"),
    ],
)  # fmt: skip
def test_wrong_requests(arguments, told, capfd, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path))
    assert told in one_line(capfd, *arguments)


def test_state_in_use_and_unwritable_places(capfd, tmp_path) -> None:
    from ecg_stream.stream.service.state_folder import StateFolder

    held = StateFolder(tmp_path / "state")
    assert "in use" in one_line(capfd, "subscribe", "mqtt://x", "--format", "json", "--state", str(tmp_path / "state"))
    held.close()
    (tmp_path / "file").touch()
    for option in ("--state", "--record"):
        assert option in one_line(capfd, "subscribe", "mqtt://x", "--format", "json", option, str(tmp_path / "file"))


def test_retry_waits_for_the_broker(tmp_path) -> None:
    if MOSQUITTO is None:
        pytest.skip("needs Mosquitto")
    broker = Mosquitto(tmp_path)
    command = ecg_stream("publish", "demo", broker.url, "--end", "5", "--speed", "max", "--retry")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    device = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    assert device.stderr is not None
    assert "cannot be reached" in device.stderr.readline()
    broker.start()
    _, told = device.communicate(timeout=60)
    assert device.returncode == 0
    assert "published 11 messages" in told
    broker.stop()


def test_the_password_is_in_no_process_list(tmp_path: Path) -> None:
    import inspect

    from ecg_stream.cli.publish import publish
    from ecg_stream.cli.subscribe import subscribe

    for command in (publish, subscribe):
        assert "password" not in inspect.signature(command).parameters
