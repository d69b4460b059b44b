"""An MQTT broker for tests: a real Mosquitto in a process of its own where it is installed, else amqtt in a thread."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


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
    """amqtt on a free port, in a thread of this process: enough for what needs no restart and no settings."""

    def __init__(self) -> None:
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        wait_for_port(self.port)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        from ecg_stream.replay.demo_ward import demo_broker

        async with demo_broker(self.port):
            await self._stop.wait()


Broker = Mosquitto | Amqtt


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
