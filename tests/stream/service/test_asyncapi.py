"""`docs/asyncapi.yaml` is valid, and says what the service takes and gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
import yaml
from broken_payloads import mutations

from ecg_stream.errors import PayloadError
from ecg_stream.stream.core.messages import Alert, Beat, Chunk, Event, Rhythm
from ecg_stream.stream.run.fhir import summary_observation
from ecg_stream.stream.run.jsonl import AlertLine, BeatLine, EventLine, RhythmLine, encode_line
from ecg_stream.stream.run.origin import Anchor, Origin
from ecg_stream.stream.service import topics as topics_module
from ecg_stream.stream.service.codec import (
    JsonWave,
    PackedWave,
    ServiceStatus,
    Wave,
    decode_wave,
    encode_status,
    encode_wave,
)
from ecg_stream.stream.service.refusals import RefusedLine
from ecg_stream.stream.service.topics import Topics, service_status_topic

FILE = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
CHUNK = Chunk(0, 250.0, ("II", "V5"), np.array([[0.1, -0.2], [np.nan, 1.0]]))
ORIGIN = Origin("boot-7", (Anchor(0, 250.0, 1_900_065_600_000, "device"),))
BEAT = Beat(500, 2.0, "N", (1.0, 0.0, 0.0, 0.0, 0.0), None, 148.0)


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def check(name: str, payload: bytes) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(payload))


def test_it_is_a_valid_document() -> None:
    from pydantic_asyncapi import AsyncAPIV3

    AsyncAPIV3.model_validate(document())
    for name, schema in document()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert name in {
            each["payload"]["$ref"].split("/")[-1] for each in document()["components"]["messages"].values()
        }


def test_its_topics_are_those_of_the_code() -> None:
    addresses = {channel["address"] for channel in document()["channels"].values()}
    kinds = ("wave", "status", *topics_module.OUTPUTS, topics_module.ERRORS, topics_module.FHIR)
    assert addresses == {*(Topics().of_patient("{patient}", kind) for kind in kinds), service_status_topic("{client}")}
    assert len(document()["operations"]) == len(document()["channels"])


@pytest.mark.parametrize(("name", "struct"), [("wave", JsonWave), ("packedWave", PackedWave)])
def test_its_limits_are_those_of_the_codec(name: str, struct: type[msgspec.Struct]) -> None:
    """Each number in the schema that the codec's types have is the same there."""
    ours = document()["components"]["schemas"][name]
    _, components = msgspec.json.schema_components([struct])
    theirs: Mapping[str, Any] = components[struct.__name__]
    assert set(ours["properties"]) == set(theirs["properties"])
    assert set(ours["required"]) == set(theirs["required"])
    for key, schema in theirs["properties"].items():
        for part in schema.get("anyOf", [schema]):
            for limit in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
                assert part.get(limit) == ours["properties"][key].get(limit) or part.get("type") == "null", (key, limit)


def test_what_is_sent_and_told_fits() -> None:
    for wave in (Wave(CHUNK), Wave(CHUNK, 7, "boot-7", end=True, t0=1.9e9)):
        check("wave", encode_wave(wave))
    check("deviceStatus", encode_status(CHUNK))
    check("serviceStatus", msgspec.json.encode(ServiceStatus(online=True, version="1", topic="ecg/+/wave")))
    check("serviceStatus", b'{"online":false}')
    rhythm = Rhythm("bradycardia", "end", 500, 2.0, 1000.0, "35 a minute", 12.5, ("pause",))
    begins = Alert("bradycardia", "medium", "begin", 500, 2.0, 1000.0, "35 a minute", 500)
    goes_on = Alert("extreme-bradycardia", "high", "repeat", 8000, 32.0, 0.0, "35 a minute", 500, 30.0, 2)
    for origin in (None, ORIGIN):
        check("alert", encode_line("bed-7", begins, origin))
        check("alert", encode_line("bed-7", goes_on, origin))
        check("beat", encode_line("bed-7", BEAT, origin))
        check("rhythm", encode_line("bed-7", rhythm, origin))
        check("event", encode_line("bed-7", Event(5, 0.02, "gap", None, "1 s missing"), origin))
    check("refused", msgspec.json.encode(RefusedLine("bed-7", 3, ["why"])))
    check("observation", msgspec.json.encode(summary_observation("bed-7", 0, 7500, 250.0, [BEAT], ORIGIN)))


@pytest.mark.parametrize(
    ("name", "line"), [("beat", BeatLine), ("event", EventLine), ("rhythm", RhythmLine), ("alert", AlertLine)]
)
def test_lines_have_the_keys_that_it_names(name: str, line: type[msgspec.Struct]) -> None:
    ours = document()["components"]["schemas"][name]
    assert set(ours["properties"]) == {"type", *(field.encode_name for field in msgspec.structs.fields(line))}


def test_what_it_refuses_the_service_refuses() -> None:
    """Broken messages that are JSON: none that the schema refuses is taken."""
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/wave", "components": document()["components"]}
    )
    refused = 0
    for payload in mutations(3000, seed=5):
        try:
            content = json.loads(payload)
        except ValueError:
            continue
        if validator.is_valid(content):
            continue
        refused += 1
        with pytest.raises(PayloadError):
            decode_wave(payload)
    assert refused > 20
