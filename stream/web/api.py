"""The API: what a browser, or a program, asks of the ward. See `openapi` for the document that describes it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...words import plain
from ..run.fhir import bundle
from .access import COOKIE, Access
from .answers import answer, refused
from .feeds import SampleFeed
from .guard import Guard
from .messages import Acknowledged, DroppedMessage, TokenGiven, Want
from .openapi import document, page
from .patient import BEATS_KEPT
from .ward import WebWard

PAGE = Path(__file__).parent / "page"
COOKIE_S = 30 * 24 * 3600
MOST_WANTED = 1000  # patients of whom one client may ask samples
MOST_STREAMS = 64  # clients of the event stream, or of samples, at once
LONGEST_BODY = 4096
LONGEST_SEEN_S = 3600.0
PATIENCE_S = 20.0  # a client that takes nothing for so long is let go

_GONE = (ClientDisconnect, WebSocketDisconnect, RuntimeError, OSError)  # what a send to who has gone raises

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_encoder = msgspec.json.Encoder()


class _File(NamedTuple):
    """A file of the page."""

    content: bytes
    kind: str
    etag: str

    @classmethod
    def read(cls, file: Path) -> _File:
        content = file.read_bytes()
        return cls(content, _KINDS[file.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


class Api:
    """Answers what is asked of a ward.

    Parameters
    ----------
    ward
        What is shown.
    access
        Who may look.
    """

    def __init__(self, ward: WebWard, access: Access) -> None:
        self._ward = ward
        self._access = access
        self._streams = 0
        self._files = {file.name: _File.read(file) for file in PAGE.iterdir() if file.suffix in _KINDS}
        routes = [
            Route("/api", self.api_page),
            Route("/api/openapi.json", self.openapi),
            Route("/api/session", self.sign_in, methods=["POST"]),
            Route("/api/patients", self.patients),
            Route("/api/patients/{patient}", self.patient),
            Route("/api/patients/{patient}/beats", self.beats),
            Route("/api/patients/{patient}/acknowledge", self.acknowledge, methods=["POST"]),
            Route("/api/stream", self.stream),
            Route("/fhir/Observation", self.observations),
            WebSocketRoute("/api/samples", self.samples),
            Route("/", self.page),
            Route("/{name}", self.page),
        ]
        self.app = Starlette(
            routes=routes,
            middleware=[Middleware(Guard, access=access)],
            exception_handlers={HTTPException: _as_json},
        )

    # The page.

    async def page(self, request: Request) -> Response:
        """Give a file of the page."""
        name = request.path_params.get("name", "index.html")
        if (file := self._files.get(name)) is None:
            raise HTTPException(404, "there is no such page")
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304)
        headers = {"cache-control": "no-cache", "etag": file.etag}
        return Response(file.content, media_type=file.kind, headers=headers)

    async def api_page(self, request: Request) -> Response:  # noqa: ARG002  an endpoint
        """Give the OpenAPI document as a page."""
        return Response(page(), media_type="text/html; charset=utf-8")

    async def openapi(self, request: Request) -> Response:  # noqa: ARG002  an endpoint
        """Give the OpenAPI document."""
        return Response(_encoder.encode(document()), media_type="application/json")

    async def sign_in(self, request: Request) -> Response:
        """Let a browser in whose user knows the token: with a cookie that no script can read."""
        try:
            given = msgspec.json.decode(await _body(request), type=TokenGiven)
        except msgspec.DecodeError:
            return refused(400, 'valid is {"token": "..."}')
        if not self._access.is_token(given.token):
            await asyncio.sleep(1)  # who tries all tokens has to wait
            return refused(401, "that is not the token")
        response = Response(status_code=204)
        secure = request.headers.get("origin", "").startswith("https:")  # TLS ends at a proxy, if anywhere
        response.set_cookie(
            COOKIE, self._access.cookie(), max_age=COOKIE_S, httponly=True, samesite="strict", secure=secure
        )
        return response

    # Reading.

    async def patients(self, request: Request) -> Response:  # noqa: ARG002  an endpoint
        """Give the ward."""
        return answer(await self._ward.all())

    async def patient(self, request: Request) -> Response:
        """Give one patient."""
        return answer(self._ward.one(self._known(request)))

    async def beats(self, request: Request) -> Response:
        """Give beats of one patient."""
        patient = self._known(request)
        limit = request.query_params.get("limit", str(BEATS_KEPT))
        if not (limit.isascii() and limit.isdecimal() and 1 <= len(limit) <= 4 and 1 <= int(limit) <= BEATS_KEPT):
            return refused(400, f"no limit '{limit[:40]}': valid are 1 to {BEATS_KEPT}")
        return answer(self._ward.beats(patient, request.query_params.get("since"), int(limit)))

    async def acknowledge(self, request: Request) -> Response:
        """Take it that somebody knows what is wrong with a patient."""
        patient = self._known(request)
        try:
            said = msgspec.json.decode(await _body(request) or b"{}", type=Acknowledged)
        except msgspec.DecodeError as error:
            return refused(400, f'{error}: valid is {{"seconds": 600}}')
        if not 0 <= said.seconds <= LONGEST_SEEN_S:
            return refused(400, f"no time {said.seconds:g}: valid are 0 to {LONGEST_SEEN_S:g} seconds")
        try:
            return answer(self._ward.acknowledge(patient, said.seconds, said.alert, silence=said.silence))
        except LookupError as error:
            return refused(409, str(error.args[0]))

    async def observations(self, request: Request) -> Response:
        """Give the last minute of one patient, for systems that read HL7 FHIR."""
        patient = request.query_params.get("patient", "")
        if patient not in self._ward:
            return refused(404, f"there is no patient '{patient[:80]}': ask with ?patient=ID")
        return Response(bundle(self._ward.observations(patient)), media_type="application/fhir+json")

    def _known(self, request: Request) -> str:
        patient: str = request.path_params["patient"]
        if patient not in self._ward:
            raise HTTPException(404, f"there is no patient '{patient[:80]}'")
        return patient

    async def stream(self, request: Request) -> Response:
        """Give outputs as they come, as server-sent events."""
        if self._streams >= MOST_STREAMS:
            return refused(503, f"{MOST_STREAMS} clients look already")
        asked = request.query_params.get("patients")
        patients = None if asked is None else frozenset(asked.split(",")[:MOST_WANTED])
        last = request.headers.get("last-event-id") or request.query_params.get("since")
        return _EventStream(self._counted(self._ward.events(patients, last)))

    async def _counted(self, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        self._streams += 1
        try:
            async with contextlib.aclosing(events):
                async for each in events:
                    yield each
        finally:
            self._streams -= 1

    async def samples(self, socket: WebSocket) -> None:
        """Give samples as they come, of the patients that the client names."""
        if self._streams >= MOST_STREAMS:
            await socket.send_denial_response(refused(503, f"{MOST_STREAMS} clients look already"))
            return
        self._streams += 1
        try:
            await socket.accept()
            async with self._ward.sampling() as feed:
                both = {
                    asyncio.create_task(_send(socket, feed), name="send samples"),
                    asyncio.create_task(self._listen(socket, feed), name="listen"),
                }
                try:
                    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in both:
                        each.cancel()
                    await asyncio.gather(*both, return_exceptions=True)
            with contextlib.suppress(*_GONE):
                await socket.close(1001)
        finally:
            self._streams -= 1

    async def _listen(self, socket: WebSocket, feed: SampleFeed) -> None:
        """Take what the client wants to see, until it goes or says what cannot be understood."""
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                want = msgspec.json.decode(message.get("text") or message.get("bytes") or b"", type=Want)
            except msgspec.DecodeError as error:
                await socket.close(1003, plain(str(error))[:100])
                return
            if len(want.patients) > MOST_WANTED:
                await socket.close(1008, f"{MOST_WANTED} patients at most")
                return
            self._ward.want(feed, want.patients)


async def _body(request: Request) -> bytes:
    """Read a short body."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"too long: valid are {LONGEST_BODY} bytes")
    return body


async def _send(socket: WebSocket, feed: SampleFeed) -> None:
    """Send samples until the service ends, or the client takes nothing for too long."""
    while (found := await feed.take(PATIENCE_S)) is not None:
        if feed.dropped:
            found = _encoder.encode(DroppedMessage(feed.dropped)) + b"\n" + found
            feed.dropped = 0
        if found:
            async with asyncio.timeout(PATIENCE_S):
                await socket.send_text(found.decode())


class _EventStream(StreamingResponse):
    """Server-sent events, for a client who takes them: one who takes nothing for too long is let go."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def patient_send(message: Message) -> None:
            async with asyncio.timeout(PATIENCE_S):
                await send(message)

        async with contextlib.aclosing(self._events):
            with contextlib.suppress(TimeoutError, *_GONE):
                await super().__call__(scope, receive, patient_send)


async def _as_json(request: Request, error: Exception) -> Response:  # noqa: ARG001  an exception handler
    assert isinstance(error, HTTPException)
    return refused(error.status_code, error.detail)
