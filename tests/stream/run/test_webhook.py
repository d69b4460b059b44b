"""Alerts by HTTP, to a real server: one that takes them, one that fails, one that hangs up, and none."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading

import pytest
from webhook_server import AlertServer, alert_server

from ecg_stream.errors import RequestError
from ecg_stream.stream.core.messages import Alert, Beat, Output, Priority
from ecg_stream.stream.run import webhook as webhook_module
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.webhook import MOST_WAITING, Webhook, WebhookAddress

BEAT = Beat(500, 2.0, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 148.0)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    """Tries again at once, and nothing of this machine's environment stands between."""
    monkeypatch.setattr(webhook_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(webhook_module, "LONGEST_PAUSE_S", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def alert(number: int, state: str = "begin", name: str = "asystole", priority: Priority = "high") -> Alert:
    return Alert(name, priority, state, number, number / 250, 4000.0, "no beat for 4 s", 0)  # type: ignore[arg-type]


def step(*outputs: Output, record: str = "bed-7") -> Step:
    return Step(record, None, list(outputs), 0.1, 0.0)


def hook(server: AlertServer) -> Webhook:
    return Webhook(WebhookAddress.of(server.url))


async def heard(server: AlertServer, number: int, attempts: int = 0) -> list[dict]:
    return await asyncio.to_thread(server.wait, number, attempts)


async def test_each_alert_is_posted_as_json_has_it(monkeypatch) -> None:
    monkeypatch.setenv("ECG_STREAM_ALERT_TOKEN", "a-token")
    with alert_server() as server:
        async with hook(server) as sink:
            await sink.write(step(alert(1), BEAT, alert(2, "end")))
            found = await heard(server, 2)
    assert found == [json.loads(encode_line("bed-7", each)) for each in (alert(1), alert(2, "end"))]
    assert server.headers[0]["content-type"] == "application/json"
    assert server.headers[0]["authorization"] == "Bearer a-token"
    assert server.headers[0]["user-agent"].startswith("ecg-stream/")


async def test_what_fails_is_tried_again_in_order_and_told_once(caplog) -> None:
    counted: list[str] = []
    with alert_server(503, 0, 429, 500, 500, 204) as server:
        sink = hook(server)
        sink.count = lambda outcome, waiting: counted.append(outcome)
        with caplog.at_level(logging.INFO, logger="ecg_stream.alerts"):
            async with sink:
                await sink.write(step(alert(1)))
                await sink.write(step(alert(2, "end")))
                found = await heard(server, 2)
    assert [each["sample"] for each in found] == [1, 2]
    assert counted == [*["failed"] * 5, "delivered", "delivered"]
    told = [record.getMessage() for record in caplog.records]
    shown = f"http://127.0.0.1:{server.port}"
    assert told[0] == f"alerts are not delivered to {shown}: it answered 503"
    assert told[-1] == f"alerts are delivered to {shown} again"
    assert len(told) == 5  # one for each reason: 503, hung up, 429, 500; and that it is over
    assert not any("hook" in line for line in told)  # the path may be a secret


@pytest.mark.parametrize("status", [302, 400, 404])
async def test_what_is_refused_for_good_does_not_stop_the_others(status, caplog) -> None:
    counted: list[str] = []
    with alert_server(status, 204) as server:
        sink = hook(server)
        sink.count = lambda outcome, waiting: counted.append(outcome)
        async with sink:
            await sink.write(step(alert(1), alert(2, "end")))
            found = await heard(server, 1)
    assert [each["sample"] for each in found] == [2]
    assert counted == ["refused", "delivered"]
    assert f"it answered {status}: it does not take them" in caplog.text


async def test_a_repetition_takes_the_place_of_one_that_waits() -> None:
    with alert_server(500) as server:
        async with hook(server) as sink:
            await sink.write(step(alert(1)))
            await heard(server, 0, attempts=3)
            for number in range(2, 8):
                await sink.write(step(alert(number, "repeat")))
            await sink.write(step(alert(9, "repeat", "pause", "medium"), record="bed-8"))
            with server.changed:
                server.answers[:] = [204]
            found = await heard(server, 3)
    assert [(each["record"], each["state"], each["sample"]) for each in found] == [
        ("bed-7", "begin", 1), ("bed-7", "repeat", 7), ("bed-8", "repeat", 9),
    ]  # fmt: skip


async def test_what_waits_is_bounded_and_the_oldest_goes(caplog) -> None:
    counted: list[str] = []
    with alert_server() as server:
        pass  # nobody listens any more
    sink = hook(server)
    sink.count = lambda outcome, waiting: counted.append(outcome)
    async with sink:
        for number in range(MOST_WAITING + 50):
            await sink.write(step(alert(number)))
            assert len(sink) <= MOST_WAITING
    assert counted.count("dropped") == 50
    assert "no connection" in caplog.text
    assert f"{MOST_WAITING} alerts were not delivered to http://127.0.0.1:{server.port}: they are lost" in caplog.text


async def test_the_most_pressing_goes_first_and_the_least_is_given_up_first(monkeypatch) -> None:
    monkeypatch.setattr(webhook_module, "MOST_WAITING", 4)
    with alert_server(500) as server:
        async with hook(server) as sink:
            await sink.write(step(alert(1, name="couplet", priority="low")))
            await heard(server, 0, attempts=2)
            await sink.write(step(alert(2, name="pause", priority="medium"), alert(3, name="bigeminy", priority="low")))
            await sink.write(step(alert(4), alert(5, "end")))
            with server.changed:
                server.answers[:] = [204]
            found = await heard(server, 4)
    samples = [each["sample"] for each in found]
    assert sorted(samples) in ([1, 2, 4, 5], [2, 3, 4, 5])  # one that was being posted is not given up
    assert [each for each in samples if each in (2, 4, 5)] == [4, 5, 2]


async def test_an_address_that_does_not_answer_blocks_nothing(monkeypatch, caplog) -> None:
    monkeypatch.setattr(webhook_module, "ANSWER_S", 0.05)
    failed = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it listens, and takes no connection
        sink = Webhook(WebhookAddress.of(f"http://127.0.0.1:{silent.getsockname()[1]}/"))
        sink.count = lambda outcome, waiting: failed.set()
        async with sink:
            await asyncio.wait_for(sink.write(step(alert(1))), 1.0)
            assert await asyncio.to_thread(failed.wait, 30)
    assert "no answer within 0.05 s" in caplog.text
    assert len(sink) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alerts",
        "ftp://host/",
        "http:///path",
        "http://host:port/",
        "http://host:70000/",
        "http://[::1/",
        "http://a b/",
    ],
)
def test_what_is_no_address_is_refused(text) -> None:
    with pytest.raises(RequestError, match="the address for alerts is no URL"):
        WebhookAddress.of(text)


def test_a_secret_is_not_shown() -> None:
    with pytest.raises(RequestError) as refused:
        WebhookAddress.of("htp://user:hidden@host/secret")
    assert "hidden" not in str(refused.value)
    assert "secret" not in str(refused.value)
    address = WebhookAddress.of("https://user:hidden@host:8443/secret")
    assert address.shown == "https://host:8443"
    assert WebhookAddress.of("http://[::1]/x").shown == "http://[::1]"
