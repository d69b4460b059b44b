"""The gate before the API: who may not look is sent away, and every answer says what a browser may do with it."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import Access, Verdict
from .answers import refused

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Content-Security-Policy: nothing from outside, no script or style that is not a file of ours."""

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}

_WRONG: dict[Verdict, tuple[int, str]] = {
    "who": (401, "not known who asks: send the token as 'Authorization: Bearer TOKEN', or sign in on the page"),
    "host": (421, "the Host of this request is none of ours: open the address itself, or name it with --http-name"),
    "origin": (403, "another site may not do this"),
    "proxy": (403, "requests are taken from the proxy only, see --http-proxy"),
}


class Guard:
    """ASGI middleware that lets only those through who may look.

    Parameters
    ----------
    app
        What it guards.
    access
        Who may.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        verdict = self._judge(scope)
        if verdict == "yes" or (verdict == "who" and _is_open(scope)):
            await self._app(scope, receive, send_with_headers)
            return
        await refused(*_WRONG[verdict])(scope, receive, send_with_headers)

    def _judge(self, scope: Scope) -> Verdict:
        headers = Headers(scope=scope)
        if sum(name == b"host" for name, _ in scope["headers"]) != 1:
            return "host"
        client = scope["client"][0] if scope.get("client") else ""
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        return self._access.judge(headers, client, cookie_parser(headers.get("cookie", "")), changes=changes)


def _is_open(scope: Scope) -> bool:
    """Tell whether everybody may have it: the page itself, which shows no patient, and signing in."""
    if scope["type"] == "websocket":
        return False
    path: str = scope["path"]
    return path == "/api/session" or not path.startswith(("/api", "/fhir"))
