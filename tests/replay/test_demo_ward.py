"""The port of the demo's broker, and its end."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ecg_stream.replay.demo_ward import _is_free

SILENT_CLIENT = """
import asyncio, socket
from ecg_stream.replay.demo_ward import demo_broker

async def main():
    async with demo_broker() as port:
        silent = socket.create_connection(("127.0.0.1", port))
        await asyncio.sleep(0.1)
    print("ended")
    silent.close()

asyncio.run(main())
"""


def test_who_connects_and_says_nothing_does_not_keep_the_broker() -> None:
    pytest.importorskip("amqtt")
    done = subprocess.run([sys.executable, "-c", SILENT_CLIENT], capture_output=True, text=True, timeout=60)
    assert done.stdout == "ended\n", done.stderr


def test_a_port_is_free_unless_somebody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not _is_free(port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first keeps the port busy for a minute
            assert client.recv(1) == b""
    assert _is_free(port)
