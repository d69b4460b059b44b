"""What is handed out of alerts: all that begins and ends, repetitions unless they are known; and the log."""

from __future__ import annotations

import logging

import numpy as np

from ecg_stream.stream.core.messages import Alert, Chunk, Priority
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.known_alerts import KnownAlerts
from ecg_stream.stream.run.sinks import ContextSink
from ecg_stream.stream.run.summary import RunningSummary
from ecg_stream.stream.run.turn import Ended, Turn
from ecg_stream.stream.service.delivery import Delivery
from ecg_stream.stream.service.ledger import NoLedger
from ecg_stream.stream.service.metrics import Metrics
from ecg_stream.stream.service.topics import Topics


class Kept(ContextSink):
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def write(self, step: Step) -> None:
        self.alerts += [output for output in step.outputs if isinstance(output, Alert)]


def told(name: str, state: str, priority: Priority = "high") -> Turn:
    alert = Alert(name, priority, state, 250, 1.0, 4000.0, "why", 250)  # type: ignore[arg-type]
    return Turn("bed-7", [Step("bed-7", Chunk(0, 250.0, ("II",), np.zeros((25, 1))), [alert], 0.1, 0.0)], 0.0)


async def test_what_is_known_is_not_repeated_to_sinks_or_broker() -> None:
    sink, known = Kept(), KnownAlerts(clock=lambda: 0.0)
    delivery = Delivery([sink], [], Topics(), NoLedger(), Metrics(), known)
    for state in ("begin", "repeat"):
        await delivery.hand_out([told("asystole", state)])
    known.acknowledge("bed-7", ["asystole"], 600.0)
    for state in ("repeat", "repeat", "end", "begin", "repeat"):
        await delivery.hand_out([told("asystole", state)])
    assert [alert.state for alert in sink.alerts] == ["begin", "repeat", "end", "begin", "repeat"]
    assert len(delivery.outbox.of_topic("ecg/bed-7/alerts")) == 5


async def test_an_end_of_the_stream_ends_what_is_known() -> None:
    known = KnownAlerts(clock=lambda: 0.0)
    delivery = Delivery([], [], None, NoLedger(), Metrics(), known)
    known.acknowledge("bed-7", ["asystole"], 600.0)
    known.silence("bed-7", 600.0)
    await delivery.hand_out([Turn("bed-7", [Ended("bed-7", RunningSummary().result(1.0))], 0.0)])
    assert known.silent_s("bed-7") == 0
    (step,) = told("asystole", "repeat").outcomes
    assert isinstance(step, Step)
    assert known.heard(step) == step


async def test_an_acknowledgement_is_over_after_its_time() -> None:
    now = [0.0]
    known = KnownAlerts(clock=lambda: now[0])
    known.acknowledge("bed-7", ["asystole"], 600.0)
    (step,) = told("asystole", "repeat").outcomes
    assert isinstance(step, Step)
    assert known.heard(step).outputs == []
    now[0] = 600.0
    assert known.heard(step) == step


async def test_the_log_has_what_begins_and_ends_but_for_low_priority(caplog) -> None:
    delivery = Delivery([], [], None, NoLedger(), Metrics(), KnownAlerts())
    with caplog.at_level(logging.INFO, logger="ecg_stream.alerts"):
        for state in ("begin", "repeat", "end"):
            await delivery.hand_out([told("asystole", state)])
        await delivery.hand_out([told("pause", "begin", "medium")])
        await delivery.hand_out([told("couplet", "begin", "low")])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "patient 'bed-7': !!! asystole, high priority, begins: why"),
        ("WARNING", "patient 'bed-7': !!! asystole, high priority, ends: why"),
        ("INFO", "patient 'bed-7': !! pause, medium priority, begins: why"),
    ]
