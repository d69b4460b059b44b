"""A Mosquitto for the tests of a module, and an ear on everything that is told."""

from __future__ import annotations

import tempfile
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


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[str]:
    """A folder of its own for Ray, with a short name: paths of sockets have a limit."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Ear]:
    with Ear(mosquitto.port, "+/+/beats", "+/+/events", "+/+/rhythm", "+/+/alerts") as heard:
        yield heard
