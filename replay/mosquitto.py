"""A broker of one's own, to measure or try things on: a Mosquitto on a free port, for as long as a block lasts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import RequestError


@contextmanager
def broker_for(url: str | None, folder: Path) -> Iterator[tuple[str, int | None]]:
    """Give the URL of a broker: the user's, or that of a Mosquitto that runs while the block lasts, and its process.

    Raises
    ------
    RequestError
        If there is no Mosquitto.
    """
    if url is not None:
        yield url, None
        return
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise RequestError("no broker is named, and there is no Mosquitto to start", about="broker")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = (f"listener {port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0", "set_tcp_nodelay true", "")
    (folder / "mosquitto.conf").write_text("\n".join(lines))
    process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        yield f"mqtt://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()
