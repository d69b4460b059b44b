"""Two services on one broker by mistake: said by name."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from ecg_stream.stream.service.metrics import Metrics
from ecg_stream.stream.service.neighbours import Neighbours
from ecg_stream.stream.service.topics import Topics

OURS = "ecg-stream/ours/status"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


@pytest.mark.parametrize(
    ("wave_topic", "status", "shared"),
    [
        ("ecg/+/wave", {"topic": "ecg/+/wave"}, True),
        ("ecg/+/wave", {"topic": "ecg/bed-7/wave"}, True),
        ("ecg/bed-7/wave", {"topic": "ecg/+/wave"}, True),
        ("ecg/bed-7/wave", {"topic": "ecg/bed-7/wave"}, True),
        ("ecg/bed-7/wave", {"topic": "ecg/bed-8/wave"}, False),
        ("ecg/+/wave", {"topic": "icu/ecg/+/wave"}, False),
        ("ecg/+/wave", {"births": "ecg"}, True),
        ("ecg/+/wave", {"births": "icu"}, False),
        ("ecg/+/wave", {}, False),  # it publishes nothing, or is of version 0.1
        ("ecg/+/wave", {"topic": "ecg/+/wave", "online": False}, False),
    ],
)
def test_who_shares_patients(
    wave_topic: str, status: dict[str, Any], shared: bool, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    neighbours = Neighbours(OURS, Topics.of(wave_topic), metrics)
    payload = json.dumps({"online": True, **status}).encode()
    for _ in range(3):
        assert neighbours.note("ecg-stream/icu-2/status", payload)
    assert [line.startswith("service 'icu-2' takes the patients of") for line in told(caplog)] == [True] * shared
    assert f"ecg_stream_other_services {float(shared)}".encode() in metrics.page()


def test_one_that_goes_and_comes_back_is_told_again(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    neighbours = Neighbours(OURS, Topics(), metrics)
    for payload in (
        b'{"online":true,"topic":"ecg/+/wave"}',
        b'{"online":false}',
        b'{"online":true,"topic":"ecg/+/wave"}',
    ):
        neighbours.note("ecg-stream/icu-2/status", payload)
    assert len(told(caplog)) == 2


def test_the_own_status_and_waves_are_none(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    neighbours = Neighbours(OURS, Topics(), metrics)
    assert neighbours.note(OURS, b'{"online":true,"topic":"ecg/+/wave"}')
    assert not neighbours.note("ecg/bed-7/status", b'{"online":true,"topic":"ecg/+/wave"}')
    assert neighbours.note("ecg-stream/icu-2/status", b"\xff")
    assert not told(caplog)
