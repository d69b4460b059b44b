"""A fleet on a Ray cluster of several nodes on this machine, and a real broker."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from broker import Mosquitto, ecg_stream
from mqtt_ear import Ear
from wards import Ward, difference, until

from ecg_stream.cli.app import run
from ecg_stream.fleet.actors import NAMESPACE
from ecg_stream.fleet.cluster import Fleet
from ecg_stream.fleet.placement import shard_names, shard_of
from ecg_stream.fleet.settings import Access, FleetSettings
from ecg_stream.stream.run.engine import StopRequest

ray = pytest.importorskip("ray")
log = logging.getLogger(__name__)

MB = 1 << 20
UNTIL_STOPPED_S = 600.0  # of signal: two minutes and more, in which a busy machine, too, gets done what is looked at
QUICK_HEALTH = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


@pytest.fixture(scope="module")
def cluster(ray_folder: str) -> Iterator[object]:
    """A head that has no room for shards, and two nodes that have; this process is connected to it."""
    from ray.cluster_utils import Cluster

    head = {
        "num_cpus": 0,
        "include_dashboard": False,
        "object_store_memory": 100 * MB,
        "_system_config": QUICK_HEALTH,
    }
    with pytest.MonkeyPatch.context() as environment:
        # Not as an argument: the cluster also writes its address into Ray's folder of the environment, made or not.
        environment.setenv("RAY_TMPDIR", ray_folder)
        started = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            started.add_node(num_cpus=3, object_store_memory=100 * MB)
        ray.init(started.address, namespace=NAMESPACE, logging_level="error", log_to_driver=False)
        yield started
        ray.shutdown()
        started.shutdown()


@pytest.fixture(scope="module")
def fleet(cluster: object, mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three shards."""
    settings = FleetSettings(Access(mosquitto.url), str(tmp_path_factory.mktemp("state")))
    running = Fleet.start(settings, 3)
    yield running
    running.stop()


async def settled(fleet: Fleet, shards: int) -> dict:
    """Wait until so many shards have whom they are to have; give the status."""
    status: dict = {}

    def reached() -> bool:
        status.update(fleet.status())
        return status["settled"] and len(status["shards"]) == shards

    await until(reached)
    return status


def line_of(fleet: Fleet, shard: str) -> dict:
    return next(line for line in fleet.status()["shards"] if line["shard"] == shard)


async def test_sixty_patients_on_three_shards_over_two_nodes_are_each_as_replayed(
    fleet: Fleet, mosquitto: Mosquitto, ear: Ear
) -> None:
    status = await settled(fleet, 3)
    assert len({line["node"] for line in status["shards"]}) == 2
    ward = Ward(mosquitto.url, range(60), 15)
    await ward.stream(5.0)
    await until(ward.all_told(ear))
    assert difference(ward.told(ear), ward.expected) == {}
    holders = fleet.holders()
    assert {patient: holders[patient] for patient in ward.chunks} == {
        patient: shard_of(patient, shard_names(3)) for patient in ward.chunks
    }
    assert set(holders.values()) == set(shard_names(3))


async def test_a_killed_shard_and_a_removed_node_lose_and_double_nothing(
    fleet: Fleet, cluster: object, mosquitto: Mosquitto, ear: Ear
) -> None:
    """The devices send nothing twice: what is not lost, the broker has kept."""
    await settled(fleet, 3)
    ward, stop = Ward(mosquitto.url, range(100, 124), UNTIL_STOPPED_S, resend_s=0.0), StopRequest()
    streaming = asyncio.create_task(ward.stream(2.5, stop))
    await until(lambda: all(len(lines) > 8 for lines in ward.told(ear).values()))
    lines = (await asyncio.to_thread(fleet.status))["shards"]

    began = time.monotonic()
    os.kill(lines[0]["pid"], signal.SIGKILL)
    await all_back(fleet, ear, ward, lines[:1])
    log.warning("process killed: all back after %.1f s", time.monotonic() - began)

    lines = (await asyncio.to_thread(fleet.status))["shards"]
    node = next(each for each in cluster.list_all_nodes() if each.node_id == lines[1]["node"])
    began = time.monotonic()
    await asyncio.to_thread(cluster.remove_node, node, allow_graceful=False)
    try:
        await all_back(fleet, ear, ward, [line for line in lines if line["node"] == node.node_id])
        log.warning("node removed: all back after %.1f s", time.monotonic() - began)
        assert not streaming.done()
        stop.ask()
        await streaming
        await until(ward.all_told(ear))
    finally:  # the tests behind this one need its place
        cluster.add_node(num_cpus=3, object_store_memory=100 * MB)
    assert difference(ward.told(ear), ward.expected) == {}


async def all_back(fleet: Fleet, ear: Ear, ward: Ward, lost: list[dict]) -> None:
    """Wait until these shards are back, and after that those who are there have all told a beat."""
    epochs = {line["shard"]: line["epoch"] for line in lost}
    mine = [patient for patient in ward.chunks if shard_of(patient, shard_names(3)) in epochs]

    def restarted() -> bool:
        lines = {line["shard"]: line for line in fleet.status()["shards"]}
        return all(lines[shard]["up"] and lines[shard]["epoch"] > epoch for shard, epoch in epochs.items())

    await until(restarted)
    told = ward.told(ear)
    await until(lambda: all(len(ward.told(ear)[patient]) > len(told[patient]) for patient in mine))


async def test_three_shards_become_five_and_two_while_streams_go_on(
    fleet: Fleet, mosquitto: Mosquitto, ear: Ear
) -> None:
    before = await settled(fleet, 3)
    ward, stop = Ward(mosquitto.url, range(200, 240), UNTIL_STOPPED_S, resend_s=0.0), StopRequest()
    ward.births(ear)
    await until(lambda: ward.chunks.keys() <= fleet.holders().keys())
    everyone = fleet.holders().keys()
    streaming = asyncio.create_task(ward.stream(4.0, stop))
    await until(lambda: all(len(lines) > 4 for lines in ward.told(ear).values()))
    moved = before["patients_moved"]
    for count, last in ((5, 3), (2, 5)):
        await asyncio.to_thread(fleet.scale, count)
        status = await settled(fleet, count)
        assert fleet.holders() == {patient: shard_of(patient, shard_names(count)) for patient in everyone}
        must = sum(shard_of(p, shard_names(count)) != shard_of(p, shard_names(last)) for p in everyone)
        assert status["patients_moved"] - moved == must
        moved = status["patients_moved"]
    assert not streaming.done()
    stop.ask()
    await streaming
    await until(ward.all_told(ear))
    assert difference(ward.told(ear), ward.expected) == {}


async def test_a_killed_broker_loses_nothing(fleet: Fleet, mosquitto: Mosquitto, ear: Ear) -> None:
    """As the single service: everything is told, a beat perhaps twice where its confirmation was lost."""
    await until(lambda: fleet.status()["settled"])
    ward = Ward(mosquitto.url, range(300, 312), 25)
    streaming = asyncio.create_task(ward.stream(5.0))
    await until(lambda: all(len(lines) > 8 for lines in ward.told(ear).values()))
    mosquitto.kill()
    mosquitto.start()
    await streaming
    await until(ward.all_told(ear))
    told = ward.told(ear)
    assert {patient: set(lines) for patient, lines in told.items()} == {
        patient: set(lines) for patient, lines in ward.expected.items()
    }


async def test_without_a_coordinator_streams_go_on_and_a_new_one_knows_who_is_where(
    fleet: Fleet, mosquitto: Mosquitto, ear: Ear
) -> None:
    await until(lambda: fleet.status()["settled"])
    ward, stop = Ward(mosquitto.url, range(400, 406), UNTIL_STOPPED_S, resend_s=0.0), StopRequest()
    streaming = asyncio.create_task(ward.stream(5.0, stop))
    await until(lambda: all(len(lines) > 4 for lines in ward.told(ear).values()))
    holders, pid = fleet.holders(), fleet.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    late = Ward(mosquitto.url, [470], 20, resend_s=0.0)
    late.births(ear)
    await until(lambda: "bed-470" in fleet.holders())
    await late.stream(10.0)
    stop.ask()
    await streaming
    await until(ward.all_told(ear))
    await until(late.all_told(ear))
    assert difference(ward.told(ear) | late.told(ear), ward.expected | late.expected) == {}
    status = fleet.status()
    assert status["pid"] != pid
    assert holders.items() <= fleet.holders().items()
    assert len(status["shards"]) == 2


def test_records_are_evaluated_over_the_cluster(
    cluster: object, fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--jobs ray` gives what one process gives."""
    arguments = ("evaluate", "beat", "--records", "demo", "--json")
    environment = {**os.environ, "RAY_ADDRESS": cluster.address, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(ecg_stream(*arguments, "--jobs", "ray"), capture_output=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    assert run(arguments) == 0
    assert ended.stdout.decode() == capsys.readouterr().out
