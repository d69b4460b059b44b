"""An HTTP server that takes alerts, for tests: what it answers can be changed, and what it heard is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AlertServer:
    """Answers each POST with `answers`, one after the other, the last one for ever; 0 hangs up without one."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers) or [204]
        self.heard: list[dict[str, Any]] = []
        """What was taken, in order."""
        self.headers: list[dict[str, str]] = []
        self.attempts = 0
        self.changed = threading.Condition()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with server.changed:
                    server.attempts += 1
                    status = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                    if 200 <= status < 300:
                        server.heard.append(json.loads(body))
                        server.headers.append({name.lower(): value for name, value in self.headers.items()})
                    server.changed.notify_all()
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="alert server")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, number: int, attempts: int = 0) -> list[dict[str, Any]]:
        """Wait until it has taken so many, in so many attempts; give all."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= number and self.attempts >= attempts, 30), (
                self.heard
            )
            return list(self.heard)


@contextmanager
def alert_server(*answers: int) -> Iterator[AlertServer]:
    server = AlertServer(*answers)
    server.start()
    try:
        yield server
    finally:
        server.stop()
