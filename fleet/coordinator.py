"""Who has whom: learns the patients, gives each to a shard, and moves them when the number of shards changes.

It remembers nothing that matters but that number. Who is where, the shards say; who is there, the broker says. So it
may die at any moment, and streams go on without it; only who comes meanwhile must wait until it is there again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from ..stream.service.topics import Topics
from .births import Births
from .holding import Holding
from .placement import shard_names
from .planning import Placement, Plan, make_plan
from .settings import FleetSettings
from .state_store import StateStore
from .watched import Shards, WatchedShard, first_line

log = logging.getLogger("ecg_stream.fleet")

POLL_S = 0.25
ACTION_S = 60.0  # longer than any action's own limits together
JOIN_S = 30.0  # for all new shards to be there, so that nobody is moved to one and then on to the next
ABSENT_S = 60.0  # a shard that has not answered for so long has no processor
STRANGER_S = 30.0  # for the birth message of someone whose waves a shard keeps; it acknowledges nothing after them
AGAIN_S = 1.0  # before what has failed is tried again


class FleetFile(msgspec.Struct, frozen=True):
    """What stands in ``fleet.json``: how many shards there are to be, and which there are."""

    shards: int
    running: list[str]


class Coordinator:
    """A fleet's coordinator.

    Parameters
    ----------
    settings
        Those of the fleet.
    store
        Where the state is.
    shards
        What runs the shards.
    count
        How many there are to be, if it was never said before.
    """

    def __init__(self, settings: FleetSettings, store: StateStore, shards: Shards, count: int = 1) -> None:
        self._settings = settings
        self._store = store
        self._shards = shards
        file = _read(store)
        self.count = file.shards if file else count
        # Without the file, any of them may have been here before.
        self._known = file.running if file else shard_names(self.count)
        self._change = asyncio.Event()
        self._seen = self._watched([*self._known, *shard_names(self.count)])
        self._placement = Placement(())
        self._join_by = 0.0
        client_id = settings.client_id("coordinator")
        self._births = Births(settings.access.address(), client_id, Topics(settings.prefix), self._change.set)
        self._tasks: asyncio.TaskGroup | None = None
        self._plan: Plan | None = None
        self._moved = 0
        self._strangers: dict[str, float] = {}  # whose messages are kept somewhere, and since when nobody knows whose

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._write()
            for shard in self._seen:
                self._start(shard, known=shard in self._known)
            self._join_by = time.monotonic() + JOIN_S
            tasks.create_task(self._births.run(), name="births")
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_S):
                        await self._change.wait()
                self._place()
                waits = self._plan != Plan() or self._strangers or self._births.gone(self._settings.silence_s)
                if self._change.is_set() or waits:
                    self._change.clear()
                    self._act()

    def scale(self, count: int) -> None:
        """Change the number of shards to `count`; patients move, and then those who are too many go."""
        self.count = count
        self._add([shard for shard in shard_names(count) if shard not in self._seen])
        self._plan = None
        self._change.set()

    async def stop(self) -> None:
        """Let all shards save their sessions and end."""
        for seen in self._seen.values():
            seen.ending = True
        heard = [shard for shard, seen in self._seen.items() if seen.place is not None]  # the others may never be there
        stopping = (asyncio.wait_for(self._shards.call(shard, "stop"), ACTION_S) for shard in heard)
        for shard, result in zip(heard, await asyncio.gather(*stopping, return_exceptions=True), strict=True):
            if isinstance(result, Exception):
                log.warning("%s could not be stopped in good order; it will go on from its last snapshot", shard)

    def status(self) -> dict[str, Any]:
        """Say how the fleet stands."""
        now = time.monotonic()
        everyone = set(self._seen) == set(self._placement.shards) == set(shard_names(self.count))
        settled = self._plan is not None and not self._plan and everyone
        return {
            "fleet": self._settings.name,
            "connected": self._births.connected,
            "settled": settled and all(not seen.away and not seen.busy for seen in self._seen.values()),
            "shards_wanted": self.count,
            "shards_missing": sum(seen.away and now - seen.since > ABSENT_S for seen in self._seen.values()),
            "patients_known": len(self._births.online),
            "patients_online": sum(self._births.online.values()),
            "patients_moving": self._plan.moving if self._plan is not None else 0,
            "patients_moved": self._moved,
            "shards": [seen.line() for seen in self._seen.values()],
        }

    def holders(self) -> dict[str, str]:
        """Give the shard of each patient who is owned by one."""
        return {
            patient: shard
            for shard, seen in self._seen.items()
            for patient in (seen.holding.owned if seen.holding else ())
        }

    # Watching.

    def _watched(self, shards: Sequence[str]) -> dict[str, WatchedShard]:
        return {shard: WatchedShard(shard, self._shards, self._change.set) for shard in shards}

    def _add(self, shards: Sequence[str]) -> None:
        self._seen |= self._watched(shards)
        self._write()
        for shard in shards:
            self._start(shard, known=False)
        self._join_by = time.monotonic() + JOIN_S

    def _start(self, shard: str, *, known: bool) -> None:
        """Start a shard; one that was not known before, or was never up, has nobody."""
        assert self._tasks is not None
        seen = self._seen[shard]
        seen.started = known and self._store.read(f"{shard}/epoch") is not None
        if not seen.started:
            seen.holding = Holding()
        self._shards.start(shard)
        self._tasks.create_task(self._watch(shard, seen), name=f"watch {shard}")

    async def _watch(self, shard: str, seen: WatchedShard) -> None:
        while self._seen.get(shard) is seen:
            await seen.look()
            await asyncio.sleep(POLL_S)

    # Acting.

    def _act(self) -> None:
        """Make a plan, and begin what of it can be begun: a shard does one thing at a time."""
        holdings = {shard: seen.holding for shard, seen in self._seen.items() if seen.holding is not None}
        if len(holdings) < len(self._seen) or not self._births.connected or not self._placement.shards:
            return  # someone who has not been heard may have anyone
        gone = self._births.gone(self._settings.silence_s) | self._given_up(holdings.values())
        kept = {patient for holding in holdings.values() for patient in holding.arriving}
        # A patient whose messages wait is here, also if it has gone offline meanwhile.
        here = [patient for patient, online in self._births.online.items() if online or patient in kept]
        plan = self._plan = make_plan(here, gone, self._placement, holdings)
        for patient in gone - {patient for patients in plan.discharge.values() for patient in patients}:
            self._births.forget(patient)
        for what in ("forget", "drop", "admit", "discharge"):
            for shard, patients in getattr(plan, what).items():
                argument = dict.fromkeys(patients, b"") if what == "admit" else list(patients)
                self._begin({shard}, self._shards.call, shard, "adopt" if what == "admit" else what, argument)
        for (source, target), patients in plan.move.items():
            self._begin({source, target}, self._move, source, target, patients)
        for shard in set(self._seen) - set(shard_names(self.count)):
            if holdings[shard] == Holding():
                if self._seen[shard].started:
                    self._begin({shard}, self._retire, shard)
                else:  # there was never room for it
                    self._remove(shard)

    def _given_up(self, holdings: Collection[Holding]) -> set[str]:
        """Give those whose messages are kept somewhere, and of whom nothing else has been heard for long."""
        heard = {*self._births.online, *(each for holding in holdings for each in (*holding.owned, *holding.leaving))}
        now = time.monotonic()
        unknown = {patient for holding in holdings for patient in holding.arriving} - heard
        self._strangers = {patient: self._strangers.get(patient, now) for patient in unknown}
        return {patient for patient, since in self._strangers.items() if now - since > STRANGER_S}

    def _begin(self, shards: Iterable[str], action: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
        involved = [self._seen[shard] for shard in set(shards)]
        if self._tasks is None or any(seen.busy or seen.away for seen in involved):
            return
        for seen in involved:
            seen.busy = True
        self._tasks.create_task(self._do(tuple(shards), action, arguments), name="action")

    async def _do(self, shards: Sequence[str], action: Callable[..., Awaitable[Any]], arguments: Sequence[Any]) -> None:
        try:
            async with asyncio.timeout(ACTION_S):
                await action(*arguments)
        except Exception as error:  # whatever it was, the next plan is made from what the shards say then
            log.warning("%s: %s; trying again", " and ".join(sorted(shards)), first_line(error) or type(error).__name__)
            await asyncio.sleep(AGAIN_S)
        for shard in shards:
            if (seen := self._seen.get(shard)) is not None:
                await seen.look()
                seen.busy = False
        self._change.set()

    async def _move(self, source: str, target: str, patients: Sequence[str]) -> None:
        """Move patients: subscribed to there before they are put down here, and forgotten here when saved there."""
        began = time.monotonic()
        await self._shards.call(target, "prepare", list(patients))
        states = await self._shards.call(source, "release", list(patients), target)
        await self._shards.call(target, "adopt", states)
        await self._shards.call(source, "forget", list(states))
        self._moved += len(states)
        log.info("moved %d from %s to %s in %.2f s", len(states), source, target, time.monotonic() - began)

    async def _retire(self, shard: str) -> None:
        await self._shards.call(shard, "retire")
        self._remove(shard)
        if shard in shard_names(self.count):  # wanted again meanwhile
            self._add([shard])

    def _remove(self, shard: str) -> None:
        self._shards.kill(shard)
        del self._seen[shard]
        self._write()

    def _place(self) -> None:
        """Give patients to the shards that there are to be: to new ones when all are there, or to those that are."""
        wanted = shard_names(self.count)
        there = [shard for shard in wanted if self._seen[shard].started]
        if len(there) < len(wanted) and time.monotonic() < self._join_by:
            there = [shard for shard in self._placement.shards if shard in wanted]
        if tuple(there) != self._placement.shards:
            self._placement = Placement(there)
            self._change.set()

    def _write(self) -> None:
        self._store.write("fleet.json", msgspec.json.encode(FleetFile(self.count, list(self._seen))))


def _read(store: StateStore) -> FleetFile | None:
    try:
        return msgspec.json.decode(store.read("fleet.json") or b"", type=FleetFile)
    except msgspec.DecodeError:
        return None
