"""What systemd hears, on a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_stream.stream.service.supervisor import Supervisor

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(listening: socket.socket) -> list[bytes]:
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096))
        except BlockingIOError:
            return messages


def test_ready_status_and_the_end_are_told(systemd: socket.socket) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": systemd.getsockname()})
    supervisor.ready()
    supervisor.says("listening to ecg/+/wave")
    supervisor.alive()  # no watchdog was asked for
    supervisor.stopping()
    assert heard(systemd) == [b"READY=1", b"STATUS=listening to ecg/+/wave", b"STOPPING=1"]


def test_the_watchdog_hears_it_twice_in_its_time(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "NOTIFY_SOCKET": systemd.getsockname(),
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    supervisor = Supervisor(environment)
    told = []
    for second in range(100, 160):
        monkeypatch.setattr("time.monotonic", lambda second=second: float(second))
        supervisor.alive()
        told.append(len(heard(systemd)))
    assert [second for second, count in enumerate(told) if count] == [0, 15, 30, 45]


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": "/no/such/socket"}, {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "x", "WATCHDOG_PID": "1"}],
)
def test_where_nobody_listens_nothing_is_wrong(environment: dict[str, str]) -> None:
    supervisor = Supervisor(environment)
    supervisor.ready()
    supervisor.alive()
    supervisor.stopping()
