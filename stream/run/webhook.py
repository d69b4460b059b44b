"""Alerts by HTTP: each is posted as the JSON of ``--format json`` to one address, and waits until that has taken it.

The pipeline only puts in; a thread of its own posts, one after the other. What waits is bounded. Where an address
cannot be reached, the thread tries again, and the log says so once, and once that it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeAlias
from urllib.parse import urlsplit

import msgspec

from ... import __version__
from ...errors import RequestError, SnapshotError
from ..core.messages import PRIORITIES, Alert
from .engine import Step
from .jsonl import AlertLine, encode_line
from .sinks import ContextSink

if TYPE_CHECKING:
    import requests

log = logging.getLogger("ecg_stream.alerts")

MOST_WAITING = 1000  # alerts, some 400 kB
CONNECT_S, ANSWER_S = 5.0, 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
LAST_S = 5.0  # at the end, for what waits
TOKEN_VARIABLE = "ECG_STREAM_ALERT_TOKEN"
MAY_PASS = (408, 425, 429)  # answers below 500 after which one tries again; the others refuse this alert for good

Outcome: TypeAlias = Literal["delivered", "refused", "dropped", "failed"]
"""Of an alert: taken, refused for good, or given up as too many wait; or of one attempt: it failed, and is repeated."""


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where alerts are posted.

    Attributes
    ----------
    url
        With whatever secret it holds.
    shown
        Scheme, host and port alone, for the log: a path may be a secret too.
    """

    url: str
    shown: str

    @classmethod
    def of(cls, text: str) -> WebhookAddress:
        """Read a URL.

        Raises
        ------
        RequestError
            If it is none. What was got is not shown: it may hold a password.
        """
        valid = "valid is http://HOST[:PORT]/PATH or https://..."
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise RequestError(f"the address for alerts is no URL: {valid}", about="alert url") from None
        if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
            raise RequestError(f"the address for alerts is no URL of HTTP: {valid}", about="alert url")
        named = f"[{host}]" if ":" in host else host
        return cls(text, f"{parts.scheme}://{named}" + (f":{port}" if port else ""))


class Keeps(Protocol):
    """Keeps what waits over a restart."""

    def read(self) -> Iterable[tuple[int, bytes]]:
        """Give what waited when the process ended: keys and lines, in order; to be called once, first."""
        ...

    def add(self, line: bytes) -> int:
        """Keep a line; give its key."""
        ...

    def done(self, key: int) -> None:
        """Let a line go. For any thread."""
        ...


class KeepsNothing:
    """Keeps nothing: what waits is lost with the process."""

    def __init__(self) -> None:
        self._key = 0

    def read(self) -> Iterable[tuple[int, bytes]]:
        """See `Keeps`."""
        return ()

    def add(self, _line: bytes) -> int:
        """See `Keeps`."""
        self._key += 1
        return self._key

    def done(self, key: int) -> None:
        """See `Keeps`."""


class _Waiting(msgspec.Struct):
    line: bytes
    about: tuple[str, str]  # record and name
    repeats: bool
    rank: int  # of its priority: 0 is the most pressing


class Webhook(ContextSink):
    """Posts alerts.

    Each is delivered at least once, the most pressing first, and those of one priority in order; `id`, `state` and
    `sample` tell one that comes twice. A repetition takes the place of an earlier one that still waits.

    Parameters
    ----------
    address
        Where.
    kept
        What keeps alerts over a restart.

    Attributes
    ----------
    count
        Called with each outcome, and how many wait; by any thread.
    """

    def __init__(self, address: WebhookAddress, kept: Keeps | None = None) -> None:
        self._address = address
        self._kept = kept or KeepsNothing()
        self.count: Callable[[Outcome, int], None] = lambda outcome, waiting: None  # noqa: ARG005
        self._waiting: dict[int, _Waiting] = {}
        self._in_flight: int | None = None
        self._changed = threading.Condition()  # guards what stands above
        self._closing = threading.Event()
        self._trouble = ""
        self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)

    def __len__(self) -> int:
        """Give the number of alerts that wait."""
        return len(self._waiting)

    async def __aenter__(self) -> Self:
        """Begin to post, with what waited when the process ended before."""
        for key, line in self._kept.read():
            self._waiting[key] = _as_waiting(line)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Post what waits, but not for long."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        await asyncio.to_thread(self._thread.join, LAST_S)
        if waiting := len(self):
            what = "are lost" if isinstance(self._kept, KeepsNothing) else "wait for the next start"
            log.warning("%d alerts were not delivered to %s: they %s", waiting, self._address.shown, what)

    async def write(self, step: Step) -> None:
        """Let the alerts of a step wait; never waits itself."""
        for output in step.outputs:
            if isinstance(output, Alert):
                line, rank = encode_line(step.record, output, step.origin), PRIORITIES.index(output.priority)
                self._put(_Waiting(line, (step.record, output.name), output.state == "repeat", rank))

    def _put(self, new: _Waiting) -> None:
        with self._changed:
            if any(each.line == new.line for each in self._waiting.values()):
                return  # told again after a kill
            if new.repeats:
                self._leave_out(lambda each: each.repeats and each.about == new.about)
            if len(self._waiting) >= MOST_WAITING:
                least = max(each.rank for each in self._waiting.values())
                self._leave_out(lambda each: each.rank == least)
                self.count("dropped", len(self._waiting))
            self._waiting[self._kept.add(new.line)] = new
            self._changed.notify()

    def _leave_out(self, which: Callable[[_Waiting], bool]) -> None:
        """Let the first go that is such a one, and is not being posted."""
        for key, each in self._waiting.items():
            if key != self._in_flight and which(each):
                del self._waiting[key]
                self._kept.done(key)
                return

    # The thread.

    def _work(self) -> None:
        import requests

        pause_s = FIRST_PAUSE_S
        with requests.Session() as session:
            session.headers.update({"Content-Type": "application/json", "User-Agent": f"ecg-stream/{__version__}"})
            if token := os.environ.get(TOKEN_VARIABLE):
                session.headers["Authorization"] = f"Bearer {token}"
            while (line := self._next()) is not None:
                trouble, outcome = self._post(session, line)
                self._tell(trouble)
                if outcome != "failed":
                    self._done(outcome)
                    pause_s = FIRST_PAUSE_S
                    continue
                self.count("failed", len(self))
                if self._closing.wait(random.uniform(0.5, 1.0) * pause_s):
                    return
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _next(self) -> bytes | None:
        """Wait for the first of the most pressing alerts; None when there is none, and none comes any more."""
        with self._changed:
            while not self._waiting:
                if self._closing.is_set():
                    return None
                self._changed.wait()
            self._in_flight = min(self._waiting, key=lambda key: (self._waiting[key].rank, key))
            return self._waiting[self._in_flight].line

    def _done(self, outcome: Outcome) -> None:
        with self._changed:
            assert self._in_flight is not None
            del self._waiting[self._in_flight]
            with contextlib.suppress(SnapshotError):  # it may be delivered once more; that the disk is full others say
                self._kept.done(self._in_flight)
            self._in_flight = None
            self.count(outcome, len(self._waiting))

    def _post(self, session: requests.Session, line: bytes) -> tuple[str, Outcome]:
        """Post one alert; give what went wrong, nothing if all is well, and what came of it."""
        import requests

        try:
            with session.post(
                self._address.url, data=line, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except requests.exceptions.SSLError:
            return "its certificate cannot be trusted", "failed"
        except requests.Timeout:
            return f"no answer within {ANSWER_S:g} s", "failed"
        except Exception as error:  # whatever it is, the next try may go well; its words may hold the address
            return f"no connection ({type(error).__name__})", "failed"
        if 200 <= status < 300:
            return "", "delivered"
        if status >= 500 or status in MAY_PASS:
            return f"it answered {status}", "failed"
        return f"it answered {status}: it does not take them", "refused"

    def _tell(self, trouble: str) -> None:
        """Say what has changed."""
        if trouble and trouble != self._trouble:
            log.warning("alerts are not delivered to %s: %s", self._address.shown, trouble)
        elif self._trouble and not trouble:
            log.warning("alerts are delivered to %s again", self._address.shown)
        self._trouble = trouble


def _as_waiting(line: bytes) -> _Waiting:
    """Read what an alert is about from its line."""
    try:
        found = msgspec.json.decode(line, type=AlertLine)
    except msgspec.DecodeError:
        return _Waiting(line, ("", ""), repeats=False, rank=0)
    ranks: tuple[str, ...] = PRIORITIES
    rank = ranks.index(found.priority) if found.priority in ranks else 0
    return _Waiting(line, (found.record, found.name), found.state == "repeat", rank)
