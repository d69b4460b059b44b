"""A client that hears what passes on a broker, and waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


class Ear:
    """Collects ``(topic, payload)`` of some topics in a thread of its own, across restarts of the broker."""

    def __init__(self, port: int, *topics: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._topics = topics
        self._changed = threading.Condition()
        self._subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"ear-{id(self)}", clean_session=False)
        self._client.reconnect_delay_set(0.05, 0.2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait(lambda: self._subscribed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, **options: Any) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, **options).wait_for_publish(10)

    def count(self, ending: str) -> int:
        return sum(topic.endswith(ending) for topic, _ in self.heard)

    def lines(self, topic: str) -> list[bytes]:
        return [payload for where, payload in self.heard if where == topic]

    def wait(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise TimeoutError(f"nothing of the kind within {seconds} s; heard {len(self.heard)} messages")

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        if self._topics:
            client.subscribe([(topic, 1) for topic in self._topics])
        else:
            self._note()

    def _on_subscribe(self, *_: object) -> None:
        self._note()

    def _note(self) -> None:
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.heard.append((message.topic, message.payload))
            self._changed.notify_all()
