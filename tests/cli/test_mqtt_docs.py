"""What `docs/mqtt.md` and `docs/mosquitto` show is run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from broker import MOSQUITTO, ecg_stream, free_port, wait_for_port
from mqtt_ear import Ear
from tls import OPENSSL

from ecg_stream.stream.first_start import compile_loops
from ecg_stream.stream.service.codec import decode_wave, says_online

DOCS = Path(__file__).parents[2] / "docs"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / "mqtt.md").read_text(), flags=re.DOTALL)


def test_the_device_in_python(mosquitto) -> None:
    (program,) = blocks("python")
    program = program.replace("1883", str(mosquitto.port)).replace("time.sleep(0.5)", "")
    with Ear(mosquitto.port, "ecg/bed-7/#") as ear:
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
        ear.wait(lambda: ear.count("/wave") == 20)
    waves = [decode_wave(payload) for payload in ear.lines("ecg/bed-7/wave")]
    assert [wave.chunk.start for wave in waves] == list(range(0, 2500, 125))
    assert len({wave.stream for wave in waves}) == 1
    assert says_online(ear.lines("ecg/bed-7/status")[0])


def test_mosquitto_pub(mosquitto) -> None:
    if shutil.which("mosquitto_pub") is None:
        pytest.skip("needs mosquitto_pub")
    command = blocks("sh")[0].replace("-h localhost", f"-h 127.0.0.1 -p {mosquitto.port}")
    with Ear(mosquitto.port, "ecg/bed-8/wave") as ear:
        subprocess.run(command, shell=True, check=True, timeout=30)
        ear.wait(lambda: ear.count("/wave") == 1)
    assert decode_wave(ear.heard[0][1]).chunk.samples.tolist() == [[0.02], [0.05], [0.91], [-0.2]]


def test_the_hardened_mosquitto_confines_a_device_to_its_patient(tmp_path) -> None:
    if MOSQUITTO is None or OPENSSL is None:
        pytest.skip("needs Mosquitto and openssl")
    compile_loops()  # at a first start the service would come after the devices have gone
    make = ["sh", str(DOCS / "deploy" / "certificates.sh"), str(tmp_path), "localhost", "ecg-stream", "bed-7"]
    subprocess.run(make, check=True, capture_output=True, timeout=30)
    shutil.copy(DOCS / "mosquitto" / "acl", tmp_path)
    (tmp_path / "acl").chmod(0o600)
    port = free_port()
    config = (DOCS / "mosquitto" / "mosquitto.conf").read_text()
    config = config.replace("/etc/mosquitto/ecg", str(tmp_path)).replace("/var/lib/mosquitto/", f"{tmp_path}/")
    config = config.replace("listener 8883", f"listener {port} 127.0.0.1") + (
        "user root\n" if os.geteuid() == 0 else ""
    )
    (tmp_path / "mosquitto.conf").write_text(config)
    url = f"mqtts://127.0.0.1:{port}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(user: str, *arguments: str) -> subprocess.Popen[bytes]:
        secret = ("--ca", str(tmp_path / "ca.pem"), "--password-file", str(tmp_path / f"{user}.password"))
        command = ecg_stream(*arguments, *secret)
        credentials = {**environment, "ECG_STREAM_MQTT_USER": user}
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=credentials))
        return started[-1]

    started: list[subprocess.Popen[bytes]] = []
    broker = subprocess.Popen([MOSQUITTO, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        service = start("ecg-stream", "subscribe", url, "--format", "json", "--exit-when-idle", "3")
        for patient in ("bed-8", "bed-7"):
            device = start("bed-7", "publish", "demo", url, "--patient", patient, "--speed", "max", "--end", "10")
            device.communicate(timeout=60)
            assert device.returncode == 0 or patient == "bed-8"  # some versions throw it out
        out, _ = service.communicate(timeout=60)
        assert service.returncode == 0
        assert b'"record":"bed-7"' in out
        assert b'"record":"bed-8"' not in out
    finally:
        for process in started:
            process.kill()
            process.communicate()
        broker.terminate()
        broker.wait(10)
