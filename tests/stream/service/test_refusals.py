"""Who is told of refused messages, of which patient, why, and how often."""

from __future__ import annotations

import json
import logging
import time

import pytest
from cores import Lines

from ecg_stream.errors import PayloadError
from ecg_stream.stream.networks import load_models
from ecg_stream.stream.run.turn import Limits
from ecg_stream.stream.service.core import Core
from ecg_stream.stream.service.ledger import NoLedger
from ecg_stream.stream.service.metrics import Metrics
from ecg_stream.stream.service.refusals import EVERY_S, MOST_LINES, Refusals
from ecg_stream.stream.service.topics import Topics


@pytest.fixture(autouse=True)
def warnings_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def test_the_log_names_the_patient_and_each_reason_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    published: list[tuple[str, bytes]] = []
    refusals = Refusals(Metrics(), lambda patient, line: published.append((patient, line)))
    for _ in range(3):
        refusals.add("content", PayloadError("no unit"), "bed-7")
    refusals.add("content", PayloadError("no leads"), "bed-7")
    refusals.add("message", PayloadError("no patient in the topic 'x'"))
    refusals.tell_once_a_minute(0.0)
    refusals.add("content", PayloadError("no unit"), "bed-7")
    refusals.tell_once_a_minute(EVERY_S / 2)
    assert [record.getMessage() for record in caplog.records] == [
        "refused 4 messages of patient 'bed-7': 3 times: no unit; 1 times: no leads",
        "refused 1 message: no patient in the topic 'x'",
    ]
    refusals.tell_once_a_minute(EVERY_S)
    assert caplog.records[-1].getMessage() == "refused 1 message of patient 'bed-7': no unit"
    assert [(patient, json.loads(line)) for patient, line in published] == [
        ("bed-7", {"type": "refused", "record": "bed-7", "messages": 4, "reasons": ["no unit", "no leads"]}),
        ("bed-7", {"type": "refused", "record": "bed-7", "messages": 1, "reasons": ["no unit"]}),
    ]


def test_a_flood_of_patients_and_reasons_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    published: list[bytes] = []
    refusals = Refusals(Metrics(), lambda _, line: published.append(line))
    for k in range(20_000):
        refusals.add("content", PayloadError(f"reason {k}"), f"bed-{k % 5000}")
    refusals.tell_once_a_minute(0.0)
    assert len(caplog.records) == MOST_LINES + 1
    assert len(published) <= 1000
    assert all(len(json.loads(line)["reasons"]) <= 6 for line in published)


async def test_a_device_hears_why_its_messages_are_refused() -> None:
    core = Core(load_models(), NoLedger(), Limits(patients=1), Topics(), sinks=[Lines()])
    core.take("bed-1", b'{"v":1}', time.monotonic())
    core.take("bed-2", b"{}", time.monotonic())
    await core.drain()
    core.take("bed-3", b"{}", time.monotonic(), retained=True)
    await core.tick()
    told = {topic: core.outbox.of_topic(topic) for topic in (f"ecg/bed-{k}/errors" for k in (1, 2, 3))}
    assert all(len(each) == 1 for each in told.values())
    assert b"missing required field" in told["ecg/bed-1/errors"][0].payload
    assert b"one too many" in told["ecg/bed-2/errors"][0].payload
    assert b"retained" in told["ecg/bed-3/errors"][0].payload
    assert core.outbox.first is None  # nothing that the ledger has to keep
