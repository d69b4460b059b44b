"""A Mosquitto for the tests of a module, and an ear on everything that is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker import MOSQUITTO, Mosquitto
from mqtt_ear import Ear


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("needs Mosquitto: the broker is half of a fleet")
    broker = Mosquitto(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Ear]:
    with Ear(mosquitto.port, "+/+/beats", "+/+/events") as heard:
        yield heard
