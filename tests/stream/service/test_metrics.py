from __future__ import annotations

import asyncio
import contextlib

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.stream.service.metrics import MOST_CONNECTIONS, Metrics, serve_metrics


async def get(port: int, request: bytes) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = (await asyncio.wait_for(reader.read(), 5)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.splitlines()[0] if head else "", body


async def test_the_page_and_the_health() -> None:
    metrics = Metrics()
    metrics.beats.labels("V").inc(3)
    metrics.refused.labels("content").inc()
    metrics.chunk_latency.observe(0.02)
    wrong = [""]
    server = await serve_metrics(metrics, lambda: wrong[0], 0)
    port = server.sockets[0].getsockname()[1]
    status, body = await get(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == "HTTP/1.1 200 OK"
    lines = body.splitlines()
    assert 'ecg_stream_beats_total{label="V"} 3.0' in lines
    assert 'ecg_stream_beats_total{label="S"} 0.0' in lines
    assert 'ecg_stream_refused_payloads_total{reason="content"} 1.0' in lines
    assert 'ecg_stream_chunk_latency_seconds_bucket{le="0.02"} 1.0' in lines
    assert await get(port, b"GET /healthz HTTP/1.0\r\n\r\n") == ("HTTP/1.1 200 OK", "ok\n")
    wrong[0] = "no connection to the broker"
    status, body = await get(port, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert (status, body) == ("HTTP/1.1 503 Service Unavailable", "no connection to the broker\n")
    assert (await get(port, b"GET /secret HTTP/1.0\r\n\r\n"))[0] == "HTTP/1.1 404 Not Found"
    assert (await get(port, b"POST /metrics HTTP/1.0\r\n\r\n"))[0] == "HTTP/1.1 405 Method Not Allowed"
    assert (await get(port, b"\r\n\r\n"))[0] == "HTTP/1.1 405 Method Not Allowed"
    with contextlib.suppress(ConnectionResetError):  # too long a line: closed, and still there
        await get(port, b"GET " + b"x" * 200_000 + b"\r\n\r\n")
    assert (await get(port, b"GET /healthz HTTP/1.0\r\n\r\n"))[0] == "HTTP/1.1 503 Service Unavailable"
    with pytest.raises(RequestError, match="cannot serve metrics on port"):
        await serve_metrics(metrics, lambda: "", port)
    server.close()
    await server.wait_closed()


async def test_two_services_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.messages.inc()
    assert one.registry.get_sample_value("ecg_stream_wave_messages_total") == 1
    assert other.registry.get_sample_value("ecg_stream_wave_messages_total") == 0


async def test_a_port_that_is_none() -> None:
    with pytest.raises(RequestError, match="cannot serve metrics on port"):
        await serve_metrics(Metrics(), lambda: "", 70_000)


async def test_who_keeps_connections_open_keeps_nobody_else_out_for_long() -> None:
    server = await serve_metrics(Metrics(), lambda: "", 0)
    port = server.sockets[0].getsockname()[1]
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST_CONNECTIONS)]
    closed = [asyncio.create_task(reader.read()) for reader, _ in idle]
    _, open_ = await asyncio.wait(closed, timeout=1.0)
    assert len(open_) == MOST_CONNECTIONS
    for _, writer in idle:
        writer.close()
    await asyncio.wait(closed)
    async with asyncio.timeout(5):
        while (await get(port, b"GET /healthz HTTP/1.0\r\n\r\n"))[1] != "ok\n":
            pass
    server.close()
    await server.wait_closed()
