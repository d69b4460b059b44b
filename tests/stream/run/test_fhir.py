"""HL7 FHIR observations: valid by the published model, and what they say is what the stream said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record_origin import record_origin
from ecg_stream.stream.core.messages import Beat, Chunk
from ecg_stream.stream.pipeline import Pipeline
from ecg_stream.stream.run.engine import Session, Step
from ecg_stream.stream.run.fhir import summary_observation, waveform_observation
from ecg_stream.stream.run.fhir_sink import FhirSink
from ecg_stream.stream.run.origin import Anchor, Origin

ORIGIN = Origin("boot-7", (Anchor(0, 250.0, 1_900_065_600_000, "device"),))  # 2030-03-18 12:00 UTC


def beat(sample: int, label: Any, rr_ms: float | None) -> Beat:
    return Beat(sample, sample / 250, label, (1.0, 0.0, 0.0, 0.0, 0.0), rr_ms, 140.0)


BEATS = [beat(100, "N", None), beat(300, "V", 800.0), beat(500, "N", 800.0), beat(650, "V", 600.0)]


def checked(resource: dict[str, Any]) -> dict[str, Any]:
    """Validate by the R4 model (4.3.0, in which Observation is as in 4.0.1), and give it as JSON has it."""
    from fhir.resources.R4B.observation import Observation

    text = json.dumps(resource)
    Observation.model_validate_json(text)
    found: dict[str, Any] = json.loads(text)
    return found


def codes(part: dict[str, Any]) -> list[str]:
    return [coding["code"] for coding in part["code"]["coding"]]


def test_the_model_refuses_what_is_none() -> None:
    good = summary_observation("bed-7", 0, 7500, 250.0, BEATS, ORIGIN)
    for change in ({"status": None}, {"colour": "red"}, {"effectivePeriod": {"start": "noon"}}):
        with pytest.raises(ValueError, match="validation error"):
            checked({**good, **change})


def test_a_summary_of_beats() -> None:
    found = checked(summary_observation("bed-7", 0, 7500, 250.0, BEATS, ORIGIN))
    assert codes(found) == ["147842", "8867-4"]
    assert found["valueQuantity"]["value"] == pytest.approx(60_000 * 3 / 2200, abs=0.05)
    assert found["effectivePeriod"] == {"start": "2030-03-18T12:00:00.000Z", "end": "2030-03-18T12:00:30.000Z"}
    assert found["subject"]["identifier"]["value"] == "bed-7"
    pvc, *classes = found["component"]
    assert (codes(pvc), pvc["valueQuantity"]["value"]) == (["148066"], 4.0)
    assert [each["valueInteger"] for each in classes] == [2, 0, 2, 0, 0]


def test_without_an_interval_the_rate_is_absent_and_says_why() -> None:
    found = checked(summary_observation("bed-7", 0, 7500, 250.0, BEATS[:1], None))
    assert "valueQuantity" not in found
    assert found["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert "effectivePeriod" not in found


def test_a_waveform_is_the_signal() -> None:
    samples = np.array([[0.125, -1.0], [np.nan, 0.0004], [1.5, 2.0]])
    found = checked(waveform_observation("bed-7", Chunk(250, 500.0, ("MLII", "aVR"), samples), ORIGIN))
    assert codes(found) == ["131328"]
    first, second = found["component"]
    assert (codes(first), codes(second)) == (["131330"], ["131390"])
    data = first["valueSampledData"]
    assert (data["period"], data["data"], second["valueSampledData"]["data"]) == (2.0, "125 E 1500", "-1000 0 2000")
    numbers = [float(text) * data["factor"] + data["origin"]["value"] for text in ("125", "1500")]
    assert numbers == pytest.approx([0.125, 1.5])


def test_a_time_without_a_zone_is_a_date() -> None:
    origin = Origin("r", (Anchor(0, 250.0, 1_900_065_600_000, "record"),))
    found = checked(summary_observation("100", 0, 7500, 250.0, BEATS, origin))
    assert found["effectivePeriod"] == {"start": "2030-03-18", "end": "2030-03-18"}


async def minutes_of(chunk_ms: float, seconds: float = 130.0) -> tuple[list[dict[str, Any]], list[Beat]]:
    record, told, beats = demo_record(), [], []
    sink = FhirSink(lambda patient, line: told.append((patient, checked(json.loads(line)))))
    session = Session("bed-7", Pipeline(), origin=record_origin(record))
    for chunk in record.chunks(chunk_ms, 0, seconds):
        step = session.push(chunk)
        beats += [output for output in step.outputs if isinstance(output, Beat)]
        await sink.write(step)
    await sink.write(step := session.flush())
    beats += [output for output in step.outputs if isinstance(output, Beat)]
    await sink.finish("bed-7", session.summary())
    assert {patient for patient, _ in told} == {"bed-7"}
    return [resource for _, resource in told], beats


async def test_each_minute_of_a_stream_is_told_however_it_is_cut() -> None:
    told, beats = await minutes_of(480)
    assert [codes(each)[0] for each in told] == ["147842", "131328"] * 3
    assert len({each["id"] for each in told}) == 6
    summaries, waves = told[::2], told[1::2]
    for minute, summary in enumerate(summaries):
        inside = [b for b in beats if 15_000 * minute <= b.sample < 15_000 * (minute + 1)]
        assert sum(part["valueInteger"] for part in summary["component"][1:]) == len(inside)
    for wave, stop in zip(waves, (15_000, 30_000, 32_500), strict=True):
        lead = wave["component"][0]["valueSampledData"]
        expected = np.rint(1000 * demo_record().signal(stop - 2500, stop)[:, 0])
        assert [float(text) for text in lead["data"].split()] == expected.tolist()
    assert (await minutes_of(4000))[0] == told


async def test_a_minute_begins_behind_a_gap_and_memory_is_bounded() -> None:
    told: list[dict[str, Any]] = []
    sink = FhirSink(lambda _, line: told.append(json.loads(line)))
    for start in (*range(0, 20_000, 250), *range(1_000_000, 1_040_000, 250)):
        chunk = Chunk(start, 250.0, ("II",), np.zeros((250, 1)))
        await sink.write(Step("a", chunk, [], 0.0, 0.0, ORIGIN))
        assert len(sink._minutes["a"].parts) < 20
    starts = [each["effectivePeriod"]["start"] for each in told if codes(each)[0] == "147842"]
    assert starts == [ORIGIN.at(start) for start in (0, 15_000, 1_000_000, 1_005_000, 1_020_000)]
