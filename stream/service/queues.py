"""Messages that wait for their turn: a bounded queue for each patient, and whose turn it is.

Messages wait undecoded and are taken in rounds, one of each patient at a time: who sends more only makes the own queue
longer. A queue has a limit; beyond it its oldest message goes, which the pipeline tells as a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..run.turn import Limits, Load
from .metrics import Metrics

MESSAGE_OVERHEAD_BYTES = 512  # what a waiting message costs beside its payload, about


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits.

    Attributes
    ----------
    payload
        Not looked into yet.
    received
        Monotonic time, s.
    number
        By which the ledger knows it.
    arrived_ms
        Time of day at which it came: milliseconds since 1970.
    scarce
        Whether room for chunks behind holes was scarce when it was taken for the first time; None: it never was taken.
    """

    payload: bytes
    received: float
    number: int
    arrived_ms: int = 0
    scarce: bool | None = None

    @property
    def bytes(self) -> int:
        """What it costs to keep."""
        return len(self.payload) + MESSAGE_OVERHEAD_BYTES


@dataclass(slots=True)
class _Queue:
    messages: deque[Waiting] = field(default_factory=deque)
    bytes: int = 0
    dropped: int = 0


class Queues:
    """Every patient's queue.

    Parameters
    ----------
    limits
        See `Limits`; that to patients is for the caller to keep.
    metrics
        Where dropped messages are counted.
    dropped
        Called with the number of each message that goes.
    """

    def __init__(self, limits: Limits, metrics: Metrics, dropped: Callable[[int], None]) -> None:
        self._limits = limits
        self._metrics = metrics
        self._dropped = dropped
        self._queues: dict[str, _Queue] = {}
        self._round: deque[str] = deque()  # who has messages waiting, in the order of their turns
        self._bytes = 0

    @property
    def round(self) -> int:
        """Number of patients with messages waiting."""
        return len(self._round)

    @property
    def next(self) -> str:
        """Whose turn it is; there is to be a message waiting."""
        return self._round[0]

    @property
    def waiting(self) -> int:
        """Number of messages that wait for their turn."""
        return sum(len(queue.messages) for queue in self._queues.values())

    @property
    def longest(self) -> int:
        """Number of messages that wait, of the patient with the most."""
        return max((len(queue.messages) for queue in self._queues.values()), default=0)

    def oldest(self, now: float) -> float:
        """Give how long, in s, the message that waits longest has waited; 0 if none waits."""
        firsts = (queue.messages[0] for queue in self._queues.values() if queue.messages)
        return max((now - message.received for message in firsts), default=0.0)

    def add(self, patient: str, message: Waiting) -> None:
        """Let a message wait; what is beyond the limits goes, oldest first, from the own queue or from the longest."""
        queue = self._queues.setdefault(patient, _Queue())
        if not queue.messages:
            self._round.append(patient)
        queue.messages.append(message)
        queue.bytes += message.bytes
        self._bytes += message.bytes
        while len(queue.messages) > 1 and queue.bytes > self._limits.queue_bytes:
            self._drop_oldest(queue)
        while self._bytes > self._limits.total_bytes:
            longest = max(self._queues.values(), key=lambda each: each.bytes)
            if len(longest.messages) < 2:
                break
            self._drop_oldest(longest)

    def take(self) -> tuple[str, Waiting]:
        """Take the next message of the patient whose turn it is.

        Raises
        ------
        IndexError
            If no message waits.
        """
        patient = self._round.popleft()
        queue = self._queues[patient]
        message = self._take_first(queue)
        if queue.messages:
            self._round.append(patient)
        return patient, message

    def first(self, patient: str) -> Waiting | None:
        """Give the message of a patient that is next; None if none waits."""
        queue = self._queues.get(patient)
        return queue.messages[0] if queue is not None and queue.messages else None

    def load(self, patient: str) -> Load:
        """Give how many messages of a patient wait and were dropped."""
        queue = self._queues.get(patient)
        return Load() if queue is None else Load(len(queue.messages), queue.dropped)

    def forget(self, patient: str) -> None:
        """Forget a patient; what waits is thrown away."""
        queue = self._queues.pop(patient, None)
        if queue is not None and queue.messages:
            self._bytes -= queue.bytes
            self._round.remove(patient)

    def _drop_oldest(self, queue: _Queue) -> None:
        message = self._take_first(queue)
        queue.dropped += 1
        self._metrics.dropped.inc()
        self._dropped(message.number)

    def _take_first(self, queue: _Queue) -> Waiting:
        message = queue.messages.popleft()
        queue.bytes -= message.bytes
        self._bytes -= message.bytes
        return message
