"""Where the page is served: this machine only, unless it is told otherwise."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from ...errors import RequestError

LOOPBACK = "127.0.0.1"
SEND_BUFFER = 128 << 10  # of each connection; the system would let it grow to megabytes for one who does not read
_VALID = "valid is a PORT, 0 to 65535, or HOST:PORT such as 0.0.0.0:8080 or [::1]:8080"


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """A host of this machine, and a port.

    Attributes
    ----------
    host
        An address, or a name that stands for one.
    port
        0 takes a free one.
    """

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> HttpAddress:
        """Read ``PORT`` or ``HOST:PORT``.

        Raises
        ------
        RequestError
            If it is neither.
        """
        host, colon, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host or (colon and not host):
            raise RequestError(f"'{text}' is no address to serve on: {_VALID}")
        if not (port.isascii() and port.isdecimal() and int(port) <= 65535):
            raise RequestError(f"'{text}' is no address to serve on: {_VALID}")
        return cls(host or LOOPBACK, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it; a name other than ``localhost`` is taken for one that others can."""
        address = as_ip(self.host)
        return self.host == "localhost" if address is None else address.is_loopback

    def listen(self) -> socket.socket:
        """Give a socket that listens there.

        Raises
        ------
        RequestError
            If it cannot be had.
        """
        try:
            family, kind, protocol, _, where = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
                listener.bind(where)
                listener.listen(128)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            why = error.strerror or error
            raise RequestError(f"cannot serve the ward on {self.host} port {self.port}: {why}", about="http") from None
        listener.setblocking(False)
        return listener


def url_of(listener: socket.socket) -> str:
    """Write where a socket listens as a URL that a browser on this machine can open."""
    host, port = listener.getsockname()[:2]
    address = as_ip(host)
    if address is not None and address.is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def as_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address; None if it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
