"""The web server, in the service's own loop: its work is short, and nothing needs a lock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .access import Access
from .api import Api
from .ward import WebWard

log = logging.getLogger("ecg_stream.web")

MOST_CONNECTIONS = 256  # what comes beyond is closed: the service needs files for other things
FIRST_REQUEST_S = 10.0


class _Connection(H11Protocol):
    """A connection: one too many, or one that asks nothing, is closed."""

    scope: Any  # None until the first request has come
    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._silence = self.loop.call_later(FIRST_REQUEST_S, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.scope is None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._silence is not None:
            self._silence.cancel()
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """A server that leaves signals to the service."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(ward: WebWard, access: Access, listener: socket.socket) -> AsyncIterator[None]:
    """Serve the ward for as long as the block lasts. If the server fails, the log says so and the block goes on."""
    config = uvicorn.Config(
        Api(ward, access).app,
        http=_Connection,
        ws="websockets-sansio",
        ws_max_size=64 << 10,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    for noisy in ("uvicorn.error", "uvicorn.access"):  # what clients do wrong is no news
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    server = _Server(config)
    tasks = (
        asyncio.create_task(server.serve(sockets=[listener]), name="web"),
        asyncio.create_task(ward.refresh(), name="web refresh"),
    )
    for task in tasks:
        task.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        ward.close()
        tasks[1].cancel()
        server.should_exit = True
        with contextlib.suppress(BaseException):
            await asyncio.wait(tasks, timeout=5)
        tasks[0].cancel()
        listener.close()


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the page is not served any more: %s", error, exc_info=error)
