"""An MQTT broker for tests: a real Mosquitto in a process of its own where it is installed, else amqtt."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
MOSQUITTO = None if os.environ.get("ECG_STREAM_TEST_BROKER") == "amqtt" else shutil.which("mosquitto", path=_PLACES)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Mosquitto:
    """A Mosquitto on a free port of this machine, with its files in a folder."""

    def __init__(self, folder: Path, *lines: str, persistence: bool = True) -> None:
        assert MOSQUITTO is not None
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._config = folder / "mosquitto.conf"
        kept = [
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
        ]
        settings = [
            f"listener {self.port} 127.0.0.1",
            *(lines or ["allow_anonymous true"]),
            *(kept if persistence else ["persistence false"]),
            "max_queued_messages 0",
            *(["user root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),  # to read our files
        ]
        self._config.write_text("\n".join(settings) + "\n")

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [MOSQUITTO, "-c", str(self._config)]
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_port(self.port)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


class Amqtt:
    """amqtt on a free port, in a process of its own: enough for what needs no restart and no settings."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = (
            "import asyncio\n"
            "from ecg_stream.replay.demo_ward import demo_broker\n"
            "async def main():\n"
            f"    async with demo_broker({self.port}):\n"
            "        await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        self._process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def start_broker(folder: Path) -> Mosquitto | Amqtt:
    """Start what there is."""
    broker = Mosquitto(folder) if MOSQUITTO is not None else Amqtt()
    broker.start()
    return broker


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    """Wait until something listens, by trying to connect."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(0.01)


def ecg_stream(*arguments: str) -> list[str]:
    """Command line of `ecg-stream` as this interpreter has it."""
    return [sys.executable, "-c", "from ecg_stream.cli.app import main; main()", *arguments]
