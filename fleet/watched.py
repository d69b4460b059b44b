"""What the coordinator knows of a shard, by asking; a shard that does not answer is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import RequestError
from .holding import Holding, ShardReport

log = logging.getLogger("ecg_stream.fleet")

REPORT_S = 5.0  # a shard that does not report in this time is away


class Shards(Protocol):
    """Whatever starts shards, keeps them alive, and calls them."""

    def start(self, shard: str) -> None:
        """Start a shard, if it is not there."""
        ...

    async def report(self, shard: str, known: int | None) -> tuple[ShardReport, Mapping[str, Any]]:
        """Ask a shard how it stands, see `Shard.report`, and where it runs."""
        ...

    async def call(self, shard: str, method: str, *arguments: Any) -> Any:
        """Call a shard's method."""
        ...

    def kill(self, shard: str) -> None:
        """Take a shard away for good."""
        ...


@dataclass(slots=True, eq=False)
class WatchedShard:
    """A shard as the coordinator sees it.

    Attributes
    ----------
    name, shards
        The shard, and what runs it.
    changed
        Called when anything is new that a plan is made from.
    report, place, holding
        What it last said: how it stands, where it runs, whom it has; None before it has.
    away, since
        Whether it has not answered, or has been there, and since when, by the monotonic clock.
    started
        Whether it ever was there: until then nobody is given to it, and it can have nobody.
    epoch, restarts
        Which of its lives this is, and how many ended while it was watched.
    busy
        Whether it is doing something that it was asked to.
    ending
        Whether it is about to go: that it does not answer is then no news.
    """

    name: str
    shards: Shards
    changed: Callable[[], None]
    report: ShardReport | None = None
    place: Mapping[str, Any] | None = None
    holding: Holding | None = None
    away: bool = True
    since: float = field(default_factory=time.monotonic)
    started: bool = False
    epoch: int = 0
    restarts: int = 0
    busy: bool = False
    ending: bool = False

    async def look(self) -> None:
        """Ask the shard how it stands."""
        known = self.report.version if self.report and self.holding else None
        try:
            async with asyncio.timeout(REPORT_S):
                report, place = await self.shards.report(self.name, known)
        except RequestError:  # it answers that it is being started
            self._note(away=True)
            self.since = time.monotonic()
            return
        except Exception as error:  # dead, being restarted, or cut off: Ray has a type for each
            if not (self.away or self.ending):
                log.warning("%s does not answer: %s", self.name, first_line(error))
            self._note(away=True)
            return
        if self.report is not None and (report.epoch, report.version) < (self.epoch, self.report.version):
            return  # overtaken by a later answer
        self.restarts += 0 < self.epoch < report.epoch
        self.epoch = report.epoch
        self._note(away=not report.connected)
        self.report, self.place = report, place
        if report.connected and not self.started:
            self.started = True
            self.changed()
        # What a shard holds is not known before it has taken up its state.
        if report.holding is not None and report.connected:
            self.holding = report.holding
            self.changed()
        elif report.holding is not None:
            self.report = None

    def _note(self, *, away: bool) -> None:
        if self.away != away:
            self.away, self.since = away, time.monotonic()
            self.changed()

    def line(self) -> dict[str, Any]:
        """Say how it stands, for a fleet's status."""
        line: dict[str, Any] = {"shard": self.name, "up": not self.away, "epoch": self.epoch, "restarts": self.restarts}
        line |= self.place or {}
        if self.report is not None:
            figures = {name: getattr(self.report, name) for name in ShardReport.__slots__}
            del figures["shard"], figures["version"], figures["holding"], figures["connected"]
            line |= figures
        line["owned"] = len(self.holding.owned) if self.holding else 0
        return line


def first_line(error: Exception) -> str:
    """Give the first line of an error's message."""
    return str(error).strip().partition("\n")[0]
