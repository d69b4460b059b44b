"""The port of the demo's broker."""

from __future__ import annotations

import socket

from ecg_stream.replay.demo_ward import _is_free


def test_a_port_is_free_unless_somebody_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not _is_free(port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first keeps the port busy for a minute
            assert client.recv(1) == b""
    assert _is_free(port)
