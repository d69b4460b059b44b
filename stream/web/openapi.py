"""The OpenAPI document of the API, made from the types that it answers with; and a plain page made of the document."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any

import msgspec

from ... import __version__
from ..run.jsonl import AlertLine, BeatLine, EventLine, RhythmLine, StLine
from .access import COOKIE
from .messages import (
    Acknowledged,
    BeatsAnswer,
    DroppedMessage,
    ErrorAnswer,
    Gone,
    Lost,
    PatientAnswer,
    SamplesMessage,
    Tick,
    TokenGiven,
    Want,
    WardAnswer,
)
from .patient import BEATS_KEPT

_TYPES = (
    WardAnswer,
    PatientAnswer,
    BeatsAnswer,
    ErrorAnswer,
    BeatLine,
    EventLine,
    RhythmLine,
    AlertLine,
    StLine,
    Gone,
    Lost,
    Tick,
    Want,
    SamplesMessage,
    DroppedMessage,
    TokenGiven,
    Acknowledged,
)

_PATIENT = {
    "name": "patient",
    "in": "path",
    "required": True,
    "description": "A patient's id.",
    "schema": {"type": "string"},
}

_STREAM = """Server-sent events, as they happen. The data of each is one JSON object.

- `beat`, `event`, `rhythm`, `alert`, `st`: a line of `--format json`. The `id` is a cursor.
- `ward`: everybody's state, a WardAnswer; the first event.
- `patient`: a PatientState that has changed.
- `gone`: a patient's session has ended.
- `tick`: every two seconds, the service is there.
- `lost`: this client was too slow, or was away. Fetch what came after `since`: `/api/patients/{patient}/beats`.
"""

_SAMPLES = """A WebSocket. The client sends a Want, as text, whenever it wants to see others.

The service sends text: one or more lines, each a SamplesMessage or a DroppedMessage. It begins with the last ten
seconds. A client that is too slow loses samples, and is told of it; beats are in `/api/stream`.
"""


@lru_cache(1)
def document() -> dict[str, Any]:
    """Give the OpenAPI 3.1 document."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    line = {"oneOf": [_ref(f"{kind}Line") for kind in ("Event", "Rhythm", "Alert", "St")]}
    components["PatientAnswer"]["properties"]["events"]["items"] = line
    components["BeatsAnswer"]["properties"]["beats"]["items"] = _ref("BeatLine")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ecg-stream: the ward",
            "version": __version__,
            "description": "Patients, beats and samples of a running service. This is not a medical device.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}, {"cookie": []}],
        "paths": {
            "/api/patients": {"get": _get("The ward", "Everybody's state.", "WardAnswer")},
            "/api/patients/{patient}": {
                "parameters": [_PATIENT],
                "get": _get("One patient", "State, the last hour by the minute, latest events.", "PatientAnswer", 404),
            },
            "/api/patients/{patient}/beats": {
                "parameters": [_PATIENT],
                "get": {
                    **_get("Beats", f"The last {BEATS_KEPT} beats are kept.", "BeatsAnswer", 400, 404),
                    "parameters": [
                        _query("since", "A cursor: the beats after it, the oldest first. Without: the latest beats."),
                        _query("limit", f"How many at most, 1 to {BEATS_KEPT}.", {"type": "integer"}),
                    ],
                },
            },
            "/api/patients/{patient}/acknowledge": {
                "parameters": [_PATIENT],
                "post": {
                    "summary": "This is known",
                    "description": "What needs attention now is seen, for so long (an hour at most; 0 takes it back) or"
                    " until it is something else. It is still shown, but after what is not seen. An alert that is known"
                    " is not told again, here, on MQTT and elsewhere; that it ends is told.",
                    "requestBody": {"required": False, "content": _json("Acknowledged")},
                    "responses": {
                        "200": {"description": "So it is.", "content": _json("PatientState")},
                        **_errors(400, 401, 403, 404, 409, 413, 421),
                    },
                },
            },
            "/api/stream": {
                "get": {
                    **_get("Outputs as they come", _STREAM, None, 503),
                    "parameters": [
                        _query("patients", "Ids with commas between: whom to hear of. Without: everybody."),
                        _query("since", "A cursor up to which all is known; the header Last-Event-ID comes first."),
                    ],
                },
            },
            "/api/samples": {"get": {**_get("Samples as they come", _SAMPLES, None, 503)}},
            "/fhir/Observation": {
                "get": {
                    "summary": "The last minute, for systems that read HL7 FHIR R4",
                    "description": "A Bundle of two Observation resources: beats, and ten seconds of signal.",
                    "parameters": [_query("patient", "The patient's id.")],
                    "responses": {
                        "200": {
                            "description": "So it is.",
                            "content": {"application/fhir+json": {"schema": {"type": "object"}}},
                        },
                        **_errors(401, 403, 404, 421),
                    },
                },
            },
            "/api/session": {
                "post": {
                    "summary": "Sign in",
                    "description": "Changes the token for a cookie, for browsers.",
                    "security": [{}],
                    "requestBody": {"required": True, "content": _json("TokenGiven")},
                    "responses": {"204": {"description": "The cookie is set."}, **_errors(400, 401, 413)},
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _query(name: str, what: str, schema: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": what, "schema": schema or {"type": "string"}}


_REASONS = {
    400: "The question is wrong.",
    401: "Not known who asks.",
    403: "Not allowed.",
    404: "There is no such patient.",
    409: "There is no such alert now.",
    413: "Too long.",
    421: "The Host is none of ours.",
    503: "Too many clients.",
}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(each): {"description": _REASONS[each], "content": _json("ErrorAnswer")} for each in sorted(statuses)}


def _get(summary: str, description: str, answer: str | None, *errors: int) -> dict[str, Any]:
    content = {"text/event-stream": {"schema": {"type": "string"}}} if answer is None else _json(answer)
    good = {"200": {"description": "So it is.", "content": content}}
    return {"summary": summary, "description": description, "responses": good | _errors(401, 403, 421, *errors)}


def page() -> str:
    """Give the document as a page for people, without scripts."""
    found = document()
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(found['info']['title'])}: API</title><link rel=stylesheet href=/api.css>",
        f"<main><h1>{escape(found['info']['title'])}: API</h1><p>{escape(found['info']['description'])}",
        "<p>The same as <a href=/api/openapi.json>OpenAPI 3.1</a>. <a href=/>The ward</a>.",
    ]
    for path, item in found["paths"].items():
        for method in ("get", "post"):
            if method in item:
                parts += _operation(path, method, item[method], item.get("parameters", []))
    parts.append("<h2>Types</h2>")
    for name, schema in found["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "".join(parts) + "</main>"


def _operation(path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> list[str]:
    parts = [f"<h2><code>{method.upper()} {escape(path)}</code></h2><p><b>{escape(operation['summary'])}.</b> "]
    parts.append(_text(operation["description"]))
    parameters = shared + operation.get("parameters", [])
    if parameters:
        rows = (f"<dt><code>{escape(p['name'])}</code><dd>{escape(p['description'])}" for p in parameters)
        parts.append(f"<dl>{''.join(rows)}</dl>")
    parts.append("<ul>")
    for status, response in operation["responses"].items():
        names = (content["schema"].get("$ref", "") for content in response.get("content", {}).values())
        links = " ".join(_link(name) for name in names if name)
        parts.append(f"<li>{status}: {escape(response['description'])} {links}")
    return [*parts, "</ul>"]


def _text(description: str) -> str:
    """Write paragraphs and lists of a description."""
    shown = []
    for block in description.strip().split("\n\n"):
        if block.startswith("- "):
            items = "".join(f"<li>{escape(line[2:])}" for line in block.split("\n"))
            shown.append(f"<ul>{items}</ul>")
        else:
            shown.append(f"<p>{escape(block)}</p>")
    return "".join(shown)


def _link(ref: str) -> str:
    name = escape(ref.rpartition("/")[2])
    return f"<a href=#{name}>{name}</a>"


def _schema(name: str, schema: dict[str, Any]) -> list[str]:
    required = schema.get("required", ())
    rows = [
        f"<tr><td><code>{escape(key)}</code><td>{_kind(kind)}<td>{'' if key in required else 'may be absent'}"
        for key, kind in schema.get("properties", {}).items()
    ]
    what = escape(schema.get("description", ""))
    return [f"<h3 id={escape(name)}>{escape(name)}</h3><p>{what}<table>{''.join(rows)}</table>"]


def _kind(schema: dict[str, Any]) -> str:
    """Write a type in words."""
    if "$ref" in schema:
        return _link(schema["$ref"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_kind(each) for each in choices)
    if schema.get("type") == "array":
        items = schema.get("items")
        if isinstance(items, dict):
            return f"list of {_kind(items)}"
        return "list of " + ", ".join(_kind(each) for each in schema.get("prefixItems", ()))
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"by name: {_kind(schema['additionalProperties'])}"
    return escape(str(schema.get("type", "anything")))
