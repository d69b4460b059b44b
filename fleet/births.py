"""Who is there: the retained ``status`` messages that devices send when they come, and leave as their last will."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import aiomqtt
import msgspec

from .. import __version__
from ..errors import BrokerError, PayloadError
from ..stream.service.address import BrokerAddress
from ..stream.service.codec import OFFLINE, says_online
from ..stream.service.connection import Connection
from ..stream.service.link import Link
from ..stream.service.topics import Topics, service_status_topic


class Births:
    """Learns which patients there are.

    Parameters
    ----------
    address
        The broker.
    client_id
        Of the coordinator; who comes with it later throws out who came before.
    topics
        The topics of the fleet.
    changed
        Called whenever someone has come or gone.
    """

    def __init__(self, address: BrokerAddress, client_id: str, topics: Topics, changed: Callable[[], Any]) -> None:
        self.online: dict[str, bool] = {}
        """What each device has last said of itself."""
        self._since: dict[str, float] = {}
        self._left: set[str] = set()
        self._topics = topics
        self._changed = changed
        self._status_topic = service_status_topic(client_id)
        will = aiomqtt.Will(self._status_topic, OFFLINE, qos=1, retain=True)
        self._link = Link(address, client_id, will=will, on_message=self._note, retry=True)
        self.connected = False

    async def run(self) -> None:
        """Listen until cancelled."""

        async def use(client: Connection) -> None:
            granted = await client.subscribe(self._topics.status, 1)
            if any((code if isinstance(code, int) else code.value) >= 128 for code in granted):
                raise BrokerError(f"{self._link.address} does not let us subscribe to {self._topics.status}")
            status = msgspec.json.encode({"online": True, "version": __version__, "births": self._topics.prefix})
            await client.publish(self._status_topic, status, qos=1, retain=True)
            self.connected = True
            self._changed()
            try:
                await client.listen()
            finally:
                self.connected = False

        await self._link.run(use)

    def gone(self, silence_s: float) -> set[str]:
        """Give the patients whose status was removed, or whose device has been offline for `silence_s`."""
        now = time.monotonic()
        away = {
            patient for patient, online in self.online.items() if not online and now - self._since[patient] > silence_s
        }
        return away | self._left

    def forget(self, patient: str) -> None:
        """Forget a patient who was discharged; a device that has gone offline for good is known again if it comes."""
        self._left.discard(patient)
        if not self.online.get(patient, True):
            del self.online[patient], self._since[patient]

    def _note(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: ARG002  an `OnMessage`
        try:
            patient, _ = self._topics.split(topic)
        except PayloadError:
            return
        if not payload:
            if self.online.pop(patient, None) is not None:
                del self._since[patient]
                self._left.add(patient)
                self._changed()
            return
        online = says_online(payload)
        if online is None:
            return
        if self.online.get(patient) is not online:
            self.online[patient] = online
            self._since[patient] = time.monotonic()
            self._left.discard(patient)
            self._changed()
