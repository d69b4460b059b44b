"""What others read: HL7 FHIR R4 `Observation` resources, as plain dicts, of beats and of the signal.

`summary_observation` is a stretch of a stream as heart rate, rate of ventricular beats and counts by class;
`waveform_observation` is its signal as `SampledData`. Codes are those of ISO/IEEE 11073-10101 (MDC), and LOINC's of
heart rate beside. Both are functions of what they are given: `FhirSink` collects that, for MQTT; whoever serves
``GET /fhir/Observation`` calls the same two.

Source: https://hl7.org/fhir/R4/observation.html and datatypes.html#SampledData.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np

from ... import __version__
from ..core.messages import CLASSES, Beat, Chunk
from .engine import Step
from .origin import Origin
from .sinks import ContextSink
from .summary import Summary

Resource: TypeAlias = dict[str, Any]

MDC = "urn:oid:2.16.840.1.113883.6.24"
UCUM = "http://unitsofmeasure.org"
WINDOW_S = 60.0
WAVEFORM_S = 10.0
DECIDED_S = 5.0  # search-back adds beats up to 3.6 s after their R peak

_ECG = (131328, "MDC_ECG_ELEC_POTL")
_HEART_RATE = (147842, "MDC_ECG_HEART_RATE")
_PVC_RATE = (148066, "MDC_ECG_V_P_C_RATE")
_LEADS = {name: 131328 + k for k, name in enumerate(("I", "II", "V1", "V2", "V3", "V4", "V5", "V6"), 1)} | {
    name: 131389 + k for k, name in enumerate(("III", "AVR", "AVL", "AVF"))
}
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_IDS = uuid.UUID("5b6f6f1e-2f0c-5a55-8f5b-0c6a3f5f9a52")  # the namespace of these ids, drawn once
_UV_PER_MV = 1000


def summary_observation(
    record: str, start: int, stop: int, fs: float, beats: Sequence[Beat], origin: Origin | None
) -> Resource:
    """Give beats of a stretch of a stream as one `Observation`.

    Parameters
    ----------
    record
        The patient, or the record.
    start, stop
        The stretch, in samples.
    fs
        Sampling rate, Hz.
    beats
        Those whose R peaks are in it.
    origin
        Its stream and time; without a time the observation has none.

    Returns
    -------
    dict
        Heart rate as its value (60 s over the mean RR interval; absent, with the reason, where there is none), and
        as components the rate of ventricular beats and the number of beats of each AAMI class.
    """
    rr_ms = [beat.rr_ms for beat in beats if beat.rr_ms]
    counts = {name: sum(beat.label == name for beat in beats) for name in CLASSES}
    code = _mdc(*_HEART_RATE, "Heart rate")
    code["coding"].append({"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"})
    rate = {"valueQuantity": _per_minute(60_000 * len(rr_ms) / sum(rr_ms))} if rr_ms else _absent()
    minutes = (stop - start) / fs / 60
    return {
        **_observation("summary", "vital-signs", record, start, stop, origin),
        "code": code,
        **rate,
        "component": [
            {
                "code": _mdc(*_PVC_RATE, "Rate of ventricular ectopic beats"),
                "valueQuantity": _per_minute(counts["V"] / minutes),
            },
            *(
                {"code": {"text": f"Beats of AAMI class {name}"}, "valueInteger": count}
                for name, count in counts.items()
            ),
        ],
    }


def waveform_observation(record: str, chunk: Chunk, origin: Origin | None) -> Resource:
    """Give samples as one `Observation`, a component of `SampledData` for each lead: microvolts, ``E`` where missing.

    Parameters
    ----------
    record
        The patient, or the record.
    chunk
        The samples, mV.
    origin
        See `summary_observation`.
    """
    return {
        **_observation("waveform", "procedure", record, chunk.start, _end(chunk), origin),
        "code": _mdc(*_ECG, "ECG"),
        "component": [
            {"code": _lead(name), "valueSampledData": _sampled(column, chunk.fs)}
            for name, column in zip(chunk.leads, chunk.samples.T, strict=True)
        ],
    }


def bundle(resources: Sequence[bytes]) -> bytes:
    """Give encoded resources as the answer to a search, a `Bundle`."""
    entries = b",".join(b'{"resource":%s}' % resource for resource in resources)
    return b'{"resourceType":"Bundle","type":"searchset","total":%d,"entry":[%s]}' % (len(resources), entries)


def _observation(kind: str, category: str, record: str, start: int, stop: int, origin: Origin | None) -> Resource:
    stream = "" if origin is None else origin.stream
    resource = {
        "resourceType": "Observation",
        "id": str(uuid.uuid5(_IDS, f"{kind}/{record}/{stream}/{start}")),
        "status": "preliminary",  # nobody has looked at it
        "category": [{"coding": [{"system": _CATEGORIES, "code": category}]}],
        "subject": {"identifier": {"value": record}},
        "device": {"display": f"ecg-stream {__version__}"},
    }
    if origin is not None and (begin := origin.at(start)) is not None and (end := origin.at(stop)) is not None:
        if origin.clock(start) == "record":  # its zone is not known, and a time without one is not allowed
            begin, end = begin[:10], end[:10]
        resource["effectivePeriod"] = {"start": begin, "end": end}
    return resource


def _mdc(code: int, name: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": MDC, "code": str(code), "display": name}], "text": text}


def _lead(name: str) -> dict[str, Any]:
    plain_name = name.upper().removeprefix("LEAD ").removeprefix("ML")
    if plain_name not in _LEADS:
        return _mdc(*_ECG, name)
    shown = plain_name.replace("AV", "aV") if plain_name.startswith("AV") else plain_name
    return _mdc(_LEADS[plain_name], f"MDC_ECG_ELEC_POTL_{plain_name}", name if name != plain_name else shown)


def _sampled(column: np.ndarray[tuple[int], np.dtype[np.float64]], fs: float) -> dict[str, Any]:
    values = ("E" if value != value else str(round(_UV_PER_MV * value)) for value in column.tolist())
    return {
        "origin": {"value": 0, "unit": "mV", "system": UCUM, "code": "mV"},
        "period": round(1000 / fs, 6),
        "factor": 1 / _UV_PER_MV,
        "dimensions": 1,
        "data": " ".join(values),
    }


def _per_minute(value: float) -> dict[str, Any]:
    return {"value": round(value, 1), "unit": "/min", "system": UCUM, "code": "/min"}


def _absent() -> dict[str, Any]:
    return {"dataAbsentReason": {"coding": [{"system": _ABSENT, "code": "unknown"}], "text": "no RR interval"}}


@dataclass(slots=True)
class _Minute:
    """A patient's minute in the making, with beats of the next one, and the signal of the last seconds."""

    start: int
    fs: float
    leads: tuple[str, ...]
    beats: list[Beat] = field(default_factory=list)
    parts: list[Chunk] = field(default_factory=list)

    @property
    def stop(self) -> int:
        """End of the minute of the stream in which this one began."""
        length = round(WINDOW_S * self.fs)
        return (self.start // length + 1) * length

    @property
    def end(self) -> int:
        """End of what has come."""
        return _end(self.parts[-1])

    def add(self, chunk: Chunk) -> None:
        """Take samples; forget what is too old to be shown."""
        self.parts.append(chunk)
        wanted = min(self.end - (WAVEFORM_S + DECIDED_S) * self.fs, self.stop - WAVEFORM_S * self.fs)
        while _end(self.parts[0]) < wanted:
            self.parts.pop(0)

    def next(self) -> _Minute:
        """Give the minute that follows, with what has come of it; over a gap it begins behind that."""
        parts = [part for part in self.parts if _end(part) > self.stop]
        beats = [beat for beat in self.beats if beat.sample >= self.stop]
        return _Minute(max(self.stop, parts[0].start), self.fs, self.leads, beats, parts)


class FhirSink(ContextSink):
    """Makes two observations of each minute of each stream: its beats, and the last ten seconds of its signal.

    Minutes are counted from sample 0. What is made again after a restart has the same id, which is made of patient,
    stream and first sample.

    Parameters
    ----------
    publish
        Called with the patient and a resource as JSON.
    """

    def __init__(self, publish: Callable[[str, bytes], None]) -> None:
        self._publish = publish
        self._minutes: dict[str, _Minute] = {}
        self._origins: dict[str, Origin | None] = {}

    async def write(self, step: Step) -> None:
        """Take samples and beats of a step; publish a minute once its beats are decided."""
        chunk, minute = step.chunk, self._minutes.get(step.record)
        if chunk is not None and len(chunk.samples):
            if minute is not None and (chunk.fs, chunk.leads) != (minute.fs, minute.leads):
                self._tell(step.record, minute, minute.end)
                minute = None
            self._origins[step.record] = step.origin
            if minute is None:
                minute = self._minutes[step.record] = _Minute(chunk.start, chunk.fs, chunk.leads)
            minute.add(chunk)
        if minute is None:
            return
        minute.beats += [output for output in step.outputs if isinstance(output, Beat)]
        while minute.end >= minute.stop + DECIDED_S * minute.fs:
            self._tell(step.record, minute, minute.stop)
            minute = self._minutes[step.record] = minute.next()

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Publish what there is of the last minute."""
        minute = self._minutes.pop(record, None)
        if minute is not None and minute.end > minute.start:
            self._tell(record, minute, minute.end)
        self._origins.pop(record, None)

    def _tell(self, record: str, minute: _Minute, stop: int) -> None:
        origin = self._origins[record]
        beats = [beat for beat in minute.beats if minute.start <= beat.sample < stop]
        resources: list[Mapping[str, Any]] = [summary_observation(record, minute.start, stop, minute.fs, beats, origin)]
        if (strip := _strip(minute, stop)) is not None:
            resources.append(waveform_observation(record, strip, origin))
        for resource in resources:
            self._publish(record, msgspec.json.encode(resource))


def _strip(minute: _Minute, stop: int) -> Chunk | None:
    """Give the last seconds before a sample, from the last gap on; None if there are none."""
    strip: Chunk | None = None
    first = stop - round(WAVEFORM_S * minute.fs)
    for part in minute.parts:
        begin, end = max(part.start, first), min(_end(part), stop)
        if begin >= end:
            continue
        samples = part.samples[begin - part.start : end - part.start]
        if strip is not None and _end(strip) == begin:
            samples, begin = np.concatenate([strip.samples, samples]), strip.start
        strip = Chunk(begin, minute.fs, minute.leads, samples)
    return strip


def _end(chunk: Chunk) -> int:
    return chunk.start + len(chunk.samples)
