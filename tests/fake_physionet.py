"""A web server with the addresses of PhysioNet and databases of generated records, which can be told to fail."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class FakePhysioNet:
    """What it serves, what it was asked for, and what goes wrong.

    Attributes
    ----------
    root
        Folder with ``DB/VERSION/...``, as ``/files`` of PhysioNet; ``/content/DB/`` leads to the newest version.
    asked
        Path and Range header of each request, in order.
    breaks_after
        Path: bytes after which the connection is cut, once.
    changed
        Path: what is sent in place of the file.
    ranges
        Whether it knows of ranges.
    """

    root: Path
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    breaks_after: dict[str, int] = field(default_factory=dict)
    changed: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True

    def write_sums(self, database: str, version: str = "1.0.0") -> None:
        """Write SHA256SUMS.txt over all files of the database."""
        folder = self.root / database / version
        files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "SHA256SUMS.txt")
        lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()} {f.relative_to(folder).as_posix()}\n" for f in files]
        (folder / "SHA256SUMS.txt").write_text("".join(lines))

    def times_asked(self, name: str) -> int:
        """Count the requests for files of this name."""
        return sum(path.endswith(f"/{name}") for path, _ in self.asked)


@contextmanager
def serving(root: Path) -> Iterator[FakePhysioNet]:
    """Serve `root` on a free port of this machine until the block ends."""
    physionet = FakePhysioNet(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            physionet.asked.append((self.path, self.headers.get("Range")))
            if self.path.startswith("/content/"):
                self.tell_version(self.path.split("/")[2:-1])
                return
            file = root / self.path.removeprefix("/files/")
            if not file.is_file():
                self.send_error(404)
                return
            content = physionet.changed.get(self.path, file.read_bytes())
            first = 0
            if physionet.ranges and "Range" in self.headers:
                first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                if first >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            cut = physionet.breaks_after.pop(self.path, None)
            self.wfile.write(content[first:] if cut is None else content[first : first + cut])
            self.close_connection = cut is not None

        def tell_version(self, place: list[str]) -> None:
            versions = [folder.name for folder in (root / place[0]).glob("*")]
            if not versions:
                self.send_error(404)
                return
            newest = max(versions, key=lambda version: [int(number) for number in version.split(".")])
            self.send_response(200 if len(place) > 1 else 302)
            self.send_header("Content-Length", "0")
            if len(place) == 1:
                self.send_header("Location", f"/content/{place[0]}/{newest}/")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    physionet.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield physionet
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
