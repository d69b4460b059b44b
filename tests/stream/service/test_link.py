from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from aiomqtt import MqttError
from broker import MOSQUITTO, Mosquitto, free_port
from mqtt_ear import Ear

from ecg_stream.errors import BrokerError, PayloadError, RequestError
from ecg_stream.stream.run.engine import first_failure
from ecg_stream.stream.service.address import PASSWORD_VARIABLE, USER_VARIABLE, BrokerAddress
from ecg_stream.stream.service.connection import Connection
from ecg_stream.stream.service.link import Link
from ecg_stream.stream.service.packets import publish_packet
from ecg_stream.stream.service.topics import Topics, is_patient_id
from ecg_stream.stream.service.unconfirmed import Outward
from ecg_stream.stream.service.wire import Wire

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch) -> None:
    monkeypatch.delenv(USER_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "shown"),
    [
        ("mqtt://ward.local", "ward.local", 1883, "mqtt://ward.local:1883"),
        ("mqtts://ward.local/", "ward.local", 8883, "mqtts://ward.local:8883"),
        ("mqtt://[::1]:1999", "::1", 1999, "mqtt://[::1]:1999"),
        ("ws://ward.local", "ward.local", 80, "ws://ward.local:80/mqtt"),
        ("ws://ward.local:9001/", "ward.local", 9001, "ws://ward.local:9001/mqtt"),
        ("wss://ward.local/broker", "ward.local", 443, "wss://ward.local:443/broker"),
    ],
)
def test_address(url, host, port, shown) -> None:
    address = BrokerAddress.of(url)
    assert (address.host, address.port, str(address)) == (host, port, shown)
    assert (address.tls is not None) == url.startswith(("mqtts", "wss"))


def test_credentials_come_from_the_environment_or_a_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(USER_VARIABLE, "ward")
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret-1")
    address = BrokerAddress.of("mqtt://host")
    assert (address.user, address.password) == ("ward", "secret-1")
    file = tmp_path / "password"
    file.write_text("secret-2\n")
    address = BrokerAddress.of("mqtt://other@host", password_file=file)
    assert (address.user, address.password) == ("other", "secret-2")
    assert "secret" not in repr(address) + str(address)


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("http://host", {}, "mqtt://HOST"), ("host", {}, "mqtt://HOST"), ("mqtt://", {}, "mqtt://HOST"),
        ("mqtt://host:99999", {}, "mqtt://HOST"), ("mqtt://host:x", {}, "mqtt://HOST"),
        ("mqtt://host/topic", {}, "mqtt://HOST"),
        ("mqtt://u:hunter2@host", {}, "seen by all users"), ("ftp://u:hunter2@host", {}, "mqtt://HOST"),
        ("mqtt://host", {"ca": Path("x")}, "mqtts"), ("mqtts://host", {"ca": Path("/no/such.pem")}, "No such file"),
        ("mqtts://host", {"ca": Path(__file__)}, "PEM"), ("mqtts://host", {"key": Path(__file__)}, "certificate"),
        ("mqtts://host", {"certificate": Path(__file__)}, "PEM"),
        ("mqtt://u@host", {"password_file": Path("/no/such")}, "No such file"),
        ("mqtt://host", {"password_file": Path(__file__)}, USER_VARIABLE),
    ],
)  # fmt: skip
def test_what_is_no_address(url, options, told) -> None:
    with pytest.raises(RequestError, match=told) as refusal:
        BrokerAddress.of(url, **options)
    assert "hunter2" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_topics() -> None:
    topics = Topics.of("hospital/icu/ecg/+/wave")
    assert (topics.wave, topics.status) == ("hospital/icu/ecg/+/wave", "hospital/icu/ecg/+/status")
    assert topics.split("hospital/icu/ecg/bed-7/wave") == ("bed-7", "wave")
    assert topics.of_patient("bed-7", "beats") == "hospital/icu/ecg/bed-7/beats"
    assert Topics.of("ecg/bed-7/wave").wave == "ecg/bed-7/wave"


@pytest.mark.parametrize(
    "topic",
    ["", "wave", "+/wave", "/wave", "ecg/#", "ecg/+/beats", "ecg/+", "#/wave", "ecg/+/+/wave", "$share/g/ecg/+/wave",
     "ecg/../wave", "ecg/ü/wave", "ecg/+/wave/"],
)  # fmt: skip
def test_what_cannot_be_subscribed_to(topic) -> None:
    with pytest.raises(RequestError, match=r"ecg/\+/wave"):
        Topics.of(topic)


HOSTILE = [
    "", ".", "..", "../x", "+", "#", "a/b", "a\\b", "x" * 65, "x" * 10_000, "bett ü", "a\nb", "a\x00", "a b", "~",
    "*", "٣",
]  # fmt: skip


@pytest.mark.parametrize("patient", HOSTILE, ids=repr)
def test_hostile_patient_ids(patient) -> None:
    assert not is_patient_id(patient)
    with pytest.raises(PayloadError):
        Topics().split(f"ecg/{patient}/wave")


@pytest.mark.parametrize("patient", ["a", "bed-7", "A.b_c-9", "...", "x" * 64, "-rf", "CON"])
def test_patient_ids(patient) -> None:
    assert Topics().split(f"ecg/{patient}/wave") == (patient, "wave")


class Heard:
    """What a link handed over, and a way to wait for it."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.changed = asyncio.Event()

    def take(self, topic: str, payload: bytes, retained: bool) -> None:
        self.payloads.append(payload)
        self.changed.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.payloads) < count:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def linked(link: Link):
    """Keep a link subscribed to ``x`` while the block lasts; gives an event for each connection made."""
    up = asyncio.Event()

    async def use(client: Connection) -> None:
        await client.subscribe("x", 1)
        up.set()
        await client.listen()

    task = asyncio.create_task(link.run(use))
    try:
        async with asyncio.timeout(20):
            await up.wait()
        yield up
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@needs_mosquitto
async def test_messages_wait_for_a_client_that_comes_back(mosquitto) -> None:
    heard = Heard()
    link = Link(BrokerAddress.of(mosquitto.url), "stable", on_message=heard.take, session_s=60)
    ear = await asyncio.to_thread(Ear, mosquitto.port)
    with ear:
        async with linked(link):
            await asyncio.to_thread(ear.publish, "x", b"1")
            await heard.wait_for(1)
        await asyncio.to_thread(ear.publish, "x", b"2")
        async with linked(Link(link.address, "stable", on_message=heard.take, session_s=60)):
            await asyncio.to_thread(ear.publish, "x", b"3")
            await heard.wait_for(3)
    assert heard.payloads == [b"1", b"2", b"3"]


@needs_mosquitto
async def test_a_killed_broker_is_come_back_to(mosquitto) -> None:
    heard = Heard()
    async with linked(Link(BrokerAddress.of(mosquitto.url), "stable", on_message=heard.take, session_s=60)) as up:
        up.clear()
        await asyncio.to_thread(mosquitto.kill)
        await asyncio.to_thread(mosquitto.start)
        async with asyncio.timeout(20):
            await up.wait()
        ear = await asyncio.to_thread(Ear, mosquitto.port)
        with ear:
            await asyncio.to_thread(ear.publish, "x", b"again")
        await heard.wait_for(1)


@needs_mosquitto
async def test_a_message_that_cannot_be_taken_is_not_acknowledged(mosquitto) -> None:
    def refuse(topic: str, payload: bytes, retained: bool) -> None:
        raise OSError("disk full")

    address = BrokerAddress.of(mosquitto.url)
    ear = await asyncio.to_thread(Ear, mosquitto.port)

    async def use(client: Connection) -> None:
        await client.subscribe("x", 1)
        await asyncio.to_thread(ear.publish, "x", b"1")
        await client.listen()

    with ear, pytest.raises(OSError, match="disk full"):
        await Link(address, "stable", on_message=refuse, session_s=60).run(use)
    heard = Heard()
    async with linked(Link(address, "stable", on_message=heard.take, session_s=60)):
        await heard.wait_for(1)
    assert heard.payloads == [b"1"]


@needs_mosquitto
async def test_what_cannot_be_kept_is_not_acknowledged(mosquitto) -> None:
    """Several messages are taken, then kept together; only then does the broker forget them."""
    address = BrokerAddress.of(mosquitto.url)
    first, second, third = Heard(), Heard(), Heard()
    full = False

    def keep() -> None:
        if full:
            raise OSError("disk full")

    sent = [str(number).encode() for number in range(50)]
    ear = await asyncio.to_thread(Ear, mosquitto.port)
    with ear:
        async with linked(Link(address, "stable", on_message=first.take, keep=keep, gather_s=0.01, session_s=60)):
            for payload in sent[:20]:
                ear._client.publish("x", payload, qos=1)
            await first.wait_for(20)
        full = True
        for payload in sent[20:]:
            await asyncio.to_thread(ear.publish, "x", payload)

        async def use(client: Connection) -> None:
            await client.listen()

        with pytest.raises(OSError, match="disk full"):
            await Link(address, "stable", on_message=second.take, keep=keep, gather_s=0.01, session_s=60).run(use)
        async with linked(Link(address, "stable", on_message=third.take, session_s=60)):
            await third.wait_for(30)
    assert first.payloads == sent[:20]
    assert third.payloads == sent[20:]


@needs_mosquitto
@pytest.mark.parametrize("version", [4, 5])
async def test_no_more_is_on_its_way_than_the_broker_takes(tmp_path, version) -> None:
    """A broker throws out who has more in flight than it said; all arrives, once and in order."""
    broker = Mosquitto(tmp_path, "allow_anonymous true", "max_inflight_messages 3")
    broker.start()
    sent = [str(number).encode() for number in range(300)]

    async def use(client: Connection) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.publish_all([Outward("y", payload, False) for payload in sent], 20))
            tasks.create_task(client.publish("y/last", b"", 1, timeout=20))

    with Ear(broker.port, "y/#") as ear:
        link = Link(BrokerAddress.of(broker.url), "x", version=version, gather_s=0.01)
        await link.run(use)
        await asyncio.to_thread(ear.wait, lambda: len(ear.heard) == 301)
    assert [payload for topic, payload in ear.heard if topic == "y"] == sent
    assert link.connects == 1
    broker.stop()


@needs_mosquitto
async def test_who_waits_for_a_confirmation_hears_of_a_lost_connection(tmp_path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    told = []

    async def use(client: Connection) -> None:
        broker.kill()
        try:
            await client.publish_all([Outward("y", b"1", False), Outward("y", b"2", False)])
        except MqttError:
            told.append(True)

    async with asyncio.timeout(20):
        await Link(BrokerAddress.of(broker.url), "x").run(use)
    assert told


async def test_what_comes_is_gathered_but_not_by_who_is_behind() -> None:
    taken: list[bytes] = []

    def take(topic: str, payload: bytes, retained: bool) -> None:
        taken.append(payload)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        address = BrokerAddress("127.0.0.1", 1883)
        connection = Connection(address, "x", None, version=5, session_s=0, on_message=take, gather_s=60.0)
        connection._wire = Wire(ours, asyncio.get_running_loop())
        one = publish_packet("x", bytes(1000), 1, 5)
        theirs.sendall(one * 140)
        connection._read()
        assert connection._gathering is None
        theirs.sendall(one)
        connection._read()
        assert connection._gathering is not None
        assert taken == [bytes(1000)] * 141
        connection.close_socket()
        connection._wire.close()


@needs_mosquitto
async def test_what_is_held_comes_again_until_it_is_acknowledged(mosquitto) -> None:
    """Far more messages wait for their acknowledgement than a broker has in flight by default."""
    address = BrokerAddress.of(mosquitto.url)
    acknowledgements = []

    class Held(Heard):
        def hold(self, topic: str, payload: bytes, retained: bool, acknowledgement) -> None:
            acknowledgements.append(acknowledgement)
            self.take(topic, payload, retained)

    first, second, third = Held(), Held(), Held()
    ear = await asyncio.to_thread(Ear, mosquitto.port)
    sent = [str(number).encode() for number in range(300)]
    with ear:
        async with linked(Link(address, "stable", on_held=first.hold, session_s=60)):
            for payload in sent:
                ear._client.publish("x", payload, qos=1)
            await first.wait_for(300)
        acknowledgements.clear()
        async with linked(Link(address, "stable", on_held=second.hold, session_s=60)):
            await second.wait_for(300)
            for acknowledgement in acknowledgements[:200]:
                acknowledgement.send()
            await asyncio.to_thread(ear.publish, "x", b"last")
            await second.wait_for(301)
        async with linked(Link(address, "stable", on_held=third.hold, session_s=60)):
            await third.wait_for(101)
    assert first.payloads == sent
    assert second.payloads == [*sent, b"last"]
    assert third.payloads == [*sent[200:], b"last"]


@needs_mosquitto
async def test_two_clients_of_one_id_do_not_fight_for_ever(mosquitto) -> None:
    async def use(client: Connection) -> None:
        await client.listen()

    twins = [asyncio.create_task(Link(BrokerAddress.of(mosquitto.url), "twin").run(use)) for _ in range(2)]
    done, waiting = await asyncio.wait(twins, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert [str(each.exception()) for each in done if "with our client id 'twin'" in str(each.exception())]
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@needs_mosquitto
async def test_a_client_that_is_thrown_out_each_time_says_so(tmp_path) -> None:
    (tmp_path / "acl").write_text("topic read x\n")
    (tmp_path / "acl").chmod(0o600)
    broker = Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path}/acl")
    broker.start()

    async def use(client: Connection) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.listen())
            await client.publish("x", b"1", qos=1)

    async def use_alone(client: Connection) -> None:
        try:
            await use(client)
        except BaseExceptionGroup as group:
            raise first_failure(group) from None

    with contextlib.suppress(TimeoutError), pytest.raises(BrokerError, match="use these topics"):
        # A Mosquitto that does not throw a client out for what it may not publish has nothing to show here.
        await asyncio.wait_for(Link(BrokerAddress.of(broker.url), "x").run(use_alone), 15)
    broker.stop()


async def never(client: Connection) -> None:
    raise AssertionError("there is no broker")


async def test_no_broker() -> None:
    with pytest.raises(BrokerError, match="cannot be reached: Connection refused"):
        await Link(BrokerAddress("127.0.0.1", free_port()), "x").run(never)


async def test_no_broker_yet(tmp_path) -> None:
    if MOSQUITTO is None:
        pytest.skip("needs Mosquitto")
    broker = Mosquitto(tmp_path)
    connecting = asyncio.create_task(
        Link(BrokerAddress.of(broker.url), "x", retry=True).run(lambda client: asyncio.sleep(0))
    )
    await asyncio.to_thread(broker.start)
    await asyncio.wait_for(connecting, 20)
    broker.stop()
