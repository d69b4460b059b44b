"""The API of a running server: what it answers, and what it does with those who are slow, lost or not let in."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import requests
from starlette.routing import BaseRoute, Route, WebSocketRoute
from web_ward import WebServer, alert_step, later, made_steps, running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ecg_stream.stream.core.messages import Beat, Chunk, Event, St
from ecg_stream.stream.run.attention import Around
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.web import feeds
from ecg_stream.stream.web.access import Access
from ecg_stream.stream.web.address import HttpAddress
from ecg_stream.stream.web.api import Api
from ecg_stream.stream.web.openapi import document
from ecg_stream.stream.web.patient import BEATS_KEPT
from ecg_stream.stream.web.ward import WebWard

TOKEN = "0123456789abcdef"


@pytest.fixture
def server() -> Iterator[WebServer]:
    with running() as started:
        yield started


def get(server: WebServer, path: str, status: int = 200, **headers: str) -> dict:
    answer = requests.get(server.url + path, headers=headers, timeout=5)
    assert answer.status_code == status, answer.text
    return answer.json()


def valid(found: object, name: str) -> None:
    """Check that an answer is what the OpenAPI document says."""
    schema = {**document(), "$ref": f"#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(schema).validate(found)


def post(server: WebServer, path: str, body: str, status: int = 200, **headers: str) -> dict:
    answer = requests.post(server.url + path, data=body, headers=headers, timeout=5)
    assert answer.status_code == status, answer.text
    return answer.json()


class Stream:
    """A client of the event stream."""

    def __init__(self, server: WebServer, query: str = "", **headers: str) -> None:
        self._answer = requests.get(server.url + "api/stream" + query, headers=headers, stream=True, timeout=5)
        assert self._answer.headers["content-type"].startswith("text/event-stream")
        self._lines = self._answer.iter_lines()

    def next(self) -> tuple[str, dict, str]:
        """Give kind, data and id of the next event."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.decode().partition(": ")
                fields[name] = value
            elif "event" in fields:
                return fields["event"], json.loads(fields["data"]), fields.get("id", "")
            else:
                fields = {}
        raise AssertionError("the stream has ended")

    def until(self, kind: str) -> dict:
        while True:
            found, data, _ = self.next()
            if found == kind:
                return data

    def close(self) -> None:
        self._answer.raw.close()
        self._answer.close()


def beats_of(*steps, patient: str = "bed-1") -> list[dict]:
    lines = (encode_line(patient, o, step.origin) for step in steps for o in step.outputs if isinstance(o, Beat))
    return [json.loads(line) for line in lines]


def bed(number: int = 1, seconds: float = 10.0) -> list:
    return [replace(step, record=f"bed-{number}") for step in made_steps(0.0, 30.0)[: round(5 * seconds)]]


def test_the_ward_and_a_patient(server) -> None:
    server.ward.ask(lambda patient: Around(online=patient != "bed-2"), lambda: False)
    server.write(*bed(1), *bed(2))
    ward = get(server, "api/patients")
    valid(ward, "WardAnswer")
    assert (ward["connected"], [each["patient"] for each in ward["patients"]]) == (False, ["bed-1", "bed-2"])
    assert [(each["need"], each["note"]) for each in ward["patients"]][1] == ("urgent", "device offline")
    found = get(server, "api/patients/bed-1")
    valid(found, "PatientAnswer")
    expected = beats_of(*bed(1))
    assert found["state"]["heart_rate"] in range(55, 95)
    assert found["state"]["last"] == expected[-1]["label"]
    assert [lead["name"] for lead in found["state"]["leads"]] == ["MLII", "V5"]
    assert sum(minute["beats"] for minute in found["trend"]) == len(expected)
    assert "no patient 'bed-9'" in get(server, "api/patients/bed-9", 404)["error"]
    server.finish("bed-2")
    assert [each["patient"] for each in get(server, "api/patients")["patients"]] == ["bed-1"]


def test_the_last_minute_as_fhir(server) -> None:
    from fhir.resources.R4B.bundle import Bundle

    assert "no patient 'bed-9'" in get(server, "fhir/Observation?patient=bed-9", 404)["error"]
    seconds = (Chunk(250 * k, 250.0, ("II",), np.zeros((250, 1))) for k in range(66))
    server.write(*(Step("bed-1", chunk, [], 0.1, 0.0) for chunk in seconds))
    answer = requests.get(server.url + "fhir/Observation?patient=bed-1", timeout=5)
    assert answer.headers["content-type"] == "application/fhir+json"
    Bundle.model_validate_json(answer.content)
    found = answer.json()
    assert found["total"] == 2
    codes = [entry["resource"]["code"]["coding"][0]["code"] for entry in found["entry"]]
    assert codes == ["147842", "131328"]


def test_fhir_is_for_those_who_may_look() -> None:
    with running(token=TOKEN) as server:
        assert requests.get(server.url + "fhir/Observation?patient=bed-1", timeout=5).status_code == 401


def test_beats_since_a_cursor_are_all_beats(server) -> None:
    steps = bed(1, 30.0)
    server.write(*steps[:50])
    first = get(server, "api/patients/bed-1/beats")
    valid(first, "BeatsAnswer")
    server.write(*steps[50:])
    rest = get(server, f"api/patients/bed-1/beats?since={first['cursor']}")
    assert first["beats"] + rest["beats"] == beats_of(*steps)
    assert not rest["lost"]
    assert get(server, f"api/patients/bed-1/beats?since={rest['cursor']}")["beats"] == []
    pages, cursor = [], "another-0"
    while (page := get(server, f"api/patients/bed-1/beats?since={cursor}&limit=7"))["beats"]:
        pages += page["beats"]
        cursor = page["cursor"]
    assert pages == beats_of(*steps)
    assert get(server, "api/patients/bed-1/beats?limit=3")["beats"] == beats_of(*steps)[-3:]
    assert "valid are 1 to" in get(server, "api/patients/bed-1/beats?limit=0", 400)["error"]
    assert "valid are 1 to" in get(server, "api/patients/bed-1/beats?limit=²", 400)["error"]


def test_who_asks_for_more_beats_than_are_kept_is_told(server) -> None:
    steps = bed(1, 30.0)
    server.write(*(later(step, "bed-1", 30.0 * turn) for turn in range(20) for step in steps))
    found = get(server, "api/patients/bed-1/beats?since=")
    assert (len(found["beats"]), found["lost"]) == (BEATS_KEPT, True)
    assert not get(server, f"api/patients/bed-1/beats?since={found['cursor']}")["lost"]


def test_the_stream_has_every_output_as_json_has_it(server) -> None:
    server.write(*bed(1, 2.0))
    stream = Stream(server)
    ward = stream.until("ward")
    valid(ward, "WardAnswer")
    assert [each["patient"] for each in ward["patients"]] == ["bed-1"]
    valid(stream.until("tick"), "Tick")
    expected = beats_of(*bed(1, 20.0)[10:])
    server.write(*bed(1, 20.0)[10:])
    assert [stream.until("beat") for _ in expected] == expected
    server.finish("bed-1")
    assert stream.until("gone") == {"patient": "bed-1"}
    stream.close()


def test_what_is_known_is_seen_until_it_is_something_else(server) -> None:
    online = [False]
    server.ward.ask(lambda patient: Around(online=online[0]), lambda: True)
    server.write(*bed(1))
    path = "api/patients/bed-1/acknowledge"
    stream = Stream(server, "?patients=bed-1")
    assert not stream.until("ward")["patients"][0]["seen"]
    state = post(server, path, '{"seconds": 60}')
    valid(state, "PatientState")
    assert (state["need"], state["note"], state["seen"]) == ("urgent", "device offline", True)
    assert stream.until("patient")["seen"]
    stream.close()
    online[0] = True
    assert not get(server, "api/patients/bed-1")["state"]["seen"]
    online[0] = False
    assert get(server, "api/patients/bed-1")["state"]["seen"]
    assert not post(server, path, '{"seconds": 0}')["seen"]
    assert "valid are 0 to 3600" in post(server, path, '{"seconds": 1e9}', 400)["error"]
    assert "seconds" in post(server, path, '{"second": 1}', 400)["error"]
    post(server, "api/patients/bed-2/acknowledge", "", 404)
    post(server, path, "", 403, Origin="http://evil.example")
    assert requests.get(server.url + path, timeout=5).status_code == 405


def test_an_alert_that_is_known_is_shown_and_not_repeated(server) -> None:
    path = "api/patients/bed-1/acknowledge"
    known = server.ward.known
    server.write(*bed(1, 8.0), alert_step("bed-1", "asystole", "high"), alert_step("bed-1", "bigeminy", "low"))
    state = get(server, "api/patients/bed-1")["state"]
    assert [(each["name"], each["priority"], each["known"]) for each in state["alerts"]] == [
        ("asystole", "high", False), ("bigeminy", "low", False),
    ]  # fmt: skip
    assert (state["need"], state["note"], state["seen"]) == ("urgent", "asystole", False)
    again = alert_step("bed-1", "asystole", "high", "repeat")
    assert known.heard(again) == again
    state = post(server, path, '{"seconds": 60, "alert": "asystole"}')
    valid(state, "PatientState")
    assert [each["known"] for each in state["alerts"]] == [True, False]
    assert not state["seen"]  # the other one is not known
    assert known.heard(again).outputs == []
    assert known.heard(alert_step("bed-2", "asystole", "high", "repeat")).outputs != []
    assert post(server, path, '{"seconds": 60}')["seen"]
    error = post(server, path, '{"alert": "pause"}', 409)["error"]
    assert error == "there is no alert 'pause' now: valid are asystole, bigeminy"
    # It ends, and begins anew: that is not known.
    over, anew = alert_step("bed-1", "asystole", "high", "end"), alert_step("bed-1", "asystole", "high")
    for step in (over, anew):
        assert known.heard(step) == step
        server.write(step)
    state = get(server, "api/patients/bed-1")["state"]
    assert [each["known"] for each in state["alerts"]] == [False, True]
    assert not post(server, path, '{"seconds": 0}')["alerts"][1]["known"]


def test_silence_is_for_medium_and_low_and_for_what_comes(server) -> None:
    server.write(*bed(1, 8.0), alert_step("bed-1", "pause", "medium"), alert_step("bed-1", "asystole", "high"))
    state = post(server, "api/patients/bed-1/acknowledge", '{"seconds": 60, "silence": true}')
    assert state["silent"]
    assert [(each["name"], each["known"]) for each in state["alerts"]] == [("asystole", False), ("pause", True)]
    server.write(alert_step("bed-1", "bigeminy", "low"), alert_step("bed-1", "ventricular-fibrillation", "high"))
    state = get(server, "api/patients/bed-1")["state"]
    assert {each["name"] for each in state["alerts"] if not each["known"]} == {"asystole", "ventricular-fibrillation"}
    state = post(server, "api/patients/bed-1/acknowledge", '{"seconds": 0, "silence": true}')
    assert not any(each["known"] for each in state["alerts"])
    server.finish("bed-1")
    assert server.ward.known.silent_s("bed-1") == 0


def test_a_client_hears_at_once_of_an_alert_and_that_it_is_known(server) -> None:
    server.write(*bed(1, 8.0))
    stream = Stream(server, "?patients=bed-1")
    stream.until("ward")
    step = alert_step("bed-1", "asystole", "high")
    server.write(step)
    assert stream.until("alert") == json.loads(encode_line("bed-1", step.outputs[0]))
    assert [each["known"] for each in stream.until("patient")["alerts"]] == [False]
    post(server, "api/patients/bed-1/acknowledge", "")
    assert [each["known"] for each in stream.until("patient")["alerts"]] == [True]
    stream.close()
    valid(get(server, "api/patients/bed-1"), "PatientAnswer")


def test_a_client_may_ask_for_some_patients_only(server) -> None:
    stream = Stream(server, "?patients=bed-2,bed-3")
    server.write(*bed(1), *bed(2))
    assert stream.until("beat")["record"] == "bed-2"
    stream.close()


def test_who_was_away_is_told_since_when_to_fetch(server) -> None:
    server.write(*bed(1, 10.0))
    stream = Stream(server)
    kind, _, cursor = stream.next()
    stream.close()
    assert kind == "ward"
    server.write(*bed(1, 20.0)[50:])
    back = Stream(server, **{"Last-Event-ID": cursor})
    since = back.until("lost")["since"]
    back.close()
    assert since == cursor
    missed = get(server, f"api/patients/bed-1/beats?since={since}")["beats"]
    assert missed == beats_of(*bed(1, 20.0)[50:])


@pytest.fixture
def raw() -> Iterator[socket.socket]:
    with socket.socket() as opened:
        yield opened


def test_a_client_that_does_not_read_costs_no_memory_and_is_told(server, raw) -> None:
    """It reads nothing while far more comes than is kept for it; then it hears that it missed some, and since when."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", server.port))
    raw.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    seen = raw.recv(1000)
    steps = bed(1, 30.0)
    turns = 160
    for turn in range(turns):
        server.write(*(replace(later(step, "bed-1", 30.0 * turn), chunk=None) for step in steps if step.outputs))
    (feed,) = server.ward._lines
    assert feed._bytes <= feeds.MOST_LINES_BYTES
    assert feed.dropped > 0
    raw.settimeout(5)
    while b"event: lost" not in seen:
        more = raw.recv(1 << 16)
        assert more
        seen = seen[-5000:] + more
    at = seen.index(b"event: lost")
    while seen.count(b"\n", at) < 2:
        seen += raw.recv(1 << 16)
    since = json.loads(seen[at:].split(b"\n")[1].removeprefix(b"data: "))["since"]
    assert 0 < server.ward.number(since) < turns * len(beats_of(*steps))


def samples(server: WebServer, **headers: str):
    return connect(f"ws://127.0.0.1:{server.port}/api/samples", additional_headers=headers)


def want(client, **patients: str) -> None:
    client.send(json.dumps({"patients": {name.replace("_", "-"): which for name, which in patients.items()}}))


def messages(client, number: int) -> list[dict]:
    found: list[dict] = []
    while len(found) < number:
        found += [json.loads(line) for line in client.recv(timeout=5).split("\n") if line]
    return found


def test_samples_of_whom_a_client_wants(server) -> None:
    server.write(*bed(1, 4.0), *bed(2, 4.0))
    with samples(server) as client:
        want(client, bed_1="all")
        (before,) = messages(client, 1)
        valid(before, "SamplesMessage")
        assert (before["patient"], before["time"], before["fs"], before["leads"]) == (
            "bed-1",
            0.0,
            250.0,
            ["MLII", "V5"],
        )
        expected = [step.chunk.samples for step in bed(1, 4.0)]
        assert before["uv"] == [[round(1000 * x) for chunk in expected for x in chunk[:, k].tolist()] for k in range(2)]
        server.write(*bed(2, 6.0)[20:], *bed(1, 6.0)[20:])
        assert {message["patient"] for message in messages(client, 10)} == {"bed-1"}
        want(client, bed_2="one")
        assert messages(client, 1)[0]["leads"] == ["MLII"]


def test_a_lead_without_measurements_is_not_the_one_that_is_shown(server) -> None:
    steps = [replace(step, record="bed-1") for step in made_steps(0.0, 10.0, 1.0, True)]
    assert any(isinstance(each, Event) and each.lead == "V5" for step in steps for each in step.outputs)
    server.write(*(_other_way(step) for step in steps))
    with samples(server) as client:
        want(client, bed_1="one")
        assert messages(client, 1)[0]["leads"] == ["MLII"]
        want(client, bed_1="all")
        assert messages(client, 1)[0]["uv"][0][-1] is None


def _other_way(step):
    """The same with the lead that is off in the first place."""
    chunk = step.chunk
    return replace(step, chunk=replace(chunk, leads=chunk.leads[::-1], samples=chunk.samples[:, ::-1].copy()))


def test_a_slow_client_of_samples_loses_some_and_is_told() -> None:
    feed = feeds.SampleFeed()
    for _ in range(20):
        feed.put(b"x" * 50_000)
    assert feed._bytes <= feeds.MOST_SAMPLES_BYTES
    assert feed.dropped == 10


@pytest.mark.parametrize("nonsense", ["", "{", '{"patients":{"a":"some"}}', "[]", '{"patients":{},"x":1}', b"\xff"])
def test_nonsense_ends_a_websocket(server, nonsense) -> None:
    with samples(server) as client:
        client.send(nonsense)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
        assert closed.value.rcvd.code in (1003, 1007)


def test_headers_of_every_answer(server) -> None:
    for path in ("", "app.js", "api", "api/openapi.json", "api/patients", "nothing"):
        answer = requests.get(server.url + path, timeout=5)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    assert requests.get(server.url + "..%2f..%2fapi.py", timeout=5).status_code == 404
    etag = requests.get(server.url + "app.js", timeout=5).headers["etag"]
    assert requests.get(server.url + "app.js", headers={"If-None-Match": etag}, timeout=5).status_code == 304


def test_a_foreign_host_or_origin_is_refused(server) -> None:
    assert "none of ours" in get(server, "api/patients", 421, Host="evil.example")["error"]
    with pytest.raises(InvalidStatus) as refused, samples(server, Origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_the_token_is_asked_for_and_changed_for_a_cookie() -> None:
    with running(token=TOKEN) as server:
        assert "Bearer TOKEN" in get(server, "api/patients", 401)["error"]
        assert get(server, "api/patients", Authorization=f"Bearer {TOKEN}")["patients"] == []
        assert requests.get(server.url, timeout=5).status_code == 200  # the page asks for it
        with pytest.raises(InvalidStatus), samples(server):
            pass
        with requests.Session() as browser:
            wrong = browser.post(server.url + "api/session", json={"token": "wrong" * 4}, timeout=5)
            assert (wrong.status_code, wrong.cookies.get_dict()) == (401, {})
            assert browser.post(server.url + "api/session", data=b"x" * 5000, timeout=5).status_code == 413
            assert browser.post(server.url + "api/session", data=b"[]", timeout=5).status_code == 400
            answer = browser.post(server.url + "api/session", json={"token": TOKEN}, timeout=5)
            assert answer.status_code == 204
            assert "HttpOnly" in answer.headers["set-cookie"]
            assert "SameSite=strict" in answer.headers["set-cookie"]
            assert TOKEN not in answer.headers["set-cookie"]
            assert browser.get(server.url + "api/patients", timeout=5).status_code == 200
            other = {"Origin": "http://evil.example"}
            assert (
                browser.post(server.url + "api/session", json={"token": TOKEN}, headers=other, timeout=5).status_code
                == 403
            )


def test_the_document_names_every_route_and_no_other() -> None:
    app = Api(WebWard("x"), Access.of(HttpAddress("127.0.0.1", 0))).app

    def path(route: BaseRoute) -> str:
        assert isinstance(route, Route | WebSocketRoute)
        return route.path

    paths = {path(route) for route in app.routes}
    routes = {each for each in paths if each.startswith(("/api/", "/fhir/"))} - {"/api/openapi.json"}
    assert set(document()["paths"]) == routes


def test_the_document_holds_every_type_that_it_refers_to() -> None:
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document())))
    assert referred <= set(document()["components"]["schemas"])


def test_the_document_knows_a_reading_of_the_st_segment(server) -> None:
    step = bed()[0]
    server.write(replace(step, outputs=[St(2500, 10.0, "V5", -120, -0.4, None, 9)]))
    found = get(server, f"api/patients/{step.record}")
    assert [event["type"] for event in found["events"]] == ["st"]
    valid(found, "PatientAnswer")


def test_the_page_of_the_api_names_every_path(server) -> None:
    answer = requests.get(server.url + "api", timeout=5)
    for path in document()["paths"]:
        assert path.replace("{", "{") in answer.text
    assert "<script" not in answer.text
