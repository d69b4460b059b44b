"""Who may look at the ward.

On the loopback interface everybody on this machine may. On any other, who knows the token, or whom a trusted proxy has
let in. Beside that, no page of another site may use the browser of somebody who may: the ``Host`` of a request must be
one of ours (a foreign name that resolves to our address is refused: DNS rebinding), and so must the ``Origin`` of what
opens a WebSocket or changes something.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from ...errors import RequestError
from .address import HttpAddress, as_ip

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Verdict: TypeAlias = Literal["yes", "who", "host", "origin", "proxy"]
"""Whether a request is served, or what is wrong with it: not known who, a foreign host, origin or proxy."""

SHORTEST_TOKEN = 16
COOKIE = "ecg-stream"
USER_HEADER = "x-remote-user"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may look.

    Attributes
    ----------
    token
        Lets in whoever knows it; None: there is none.
    proxy
        Only from here requests are taken, and whom this proxy names in `user_header` is let in; None: there is none.
    user_header
        In which header, in small letters.
    names
        Names of this service beside ``localhost`` and addresses.
    """

    token: str | None = field(default=None, repr=False)
    proxy: Network | None = None
    user_header: str = USER_HEADER
    names: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        address: HttpAddress,
        token: str | None = None,
        proxy: str | None = None,
        user_header: str = USER_HEADER,
        names: Iterable[str] = (),
    ) -> Access:
        """Check who is to be let in where.

        Raises
        ------
        RequestError
            If others than this machine could reach the address, and nothing would tell who they are; if the token is
            too short; if the proxy is no address.
        """
        if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable()):
            raise RequestError(
                f"the token has {len(token)} characters: valid are {SHORTEST_TOKEN} or more, ASCII, "
                "as from `openssl rand -hex 16`",
                about="http token",
            )
        network = None
        if proxy is not None:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError:
                raise RequestError(
                    f"'{proxy}' is no proxy: valid is its address or network, such as 10.0.0.5"
                ) from None
        if not address.is_loopback and token is None and network is None:
            raise RequestError(
                f"others than this machine can reach {address.host}, and anybody could see the patients",
                about="http token",
            )
        known = {socket.gethostname(), *([address.host] if as_ip(address.host) is None else []), *names}
        return cls(token, network, user_header.lower(), frozenset(name.lower() for name in known))

    def judge(self, headers: Mapping[str, str], client: str, cookies: Mapping[str, str], *, changes: bool) -> Verdict:
        """Say whether a request may be answered.

        Parameters
        ----------
        headers
            By names in small letters.
        client
            Address that it comes from.
        changes
            Whether it opens a WebSocket or is a POST: then its origin counts.
        """
        host = headers.get("host", "")
        if not self._is_ours(host):
            return "host"
        origin = headers.get("origin")
        if changes and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "origin"
        if self.proxy is not None:
            address = as_ip(client)
            if address is None or address not in self.proxy:
                return "proxy"
            if headers.get(self.user_header, "").strip():
                return "yes"
        if self.token is None:
            return "yes" if self.proxy is None else "who"
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return "yes"
        return "yes" if hmac.compare_digest(cookies.get(COOKIE, "").encode(), self.cookie().encode()) else "who"

    def is_token(self, given: str) -> bool:
        """Tell whether it is the token, in a time that does not depend on where it differs."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def cookie(self) -> str:
        """Give what a browser that was let in shows again; it holds until the token is changed."""
        return hmac.new((self.token or "").encode(), b"ecg-stream: the ward", hashlib.sha256).hexdigest()

    def _is_ours(self, host: str) -> bool:
        """Tell whether a `Host` header names this service; an address always does, for no foreign name is one."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self.names or as_ip(name) is not None
