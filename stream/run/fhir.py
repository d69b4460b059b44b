"""What others read: HL7 FHIR R4 `Observation` resources, as plain dicts, of beats and of the signal.

`summary_observation` is a stretch of a stream as heart rate, rate of ventricular beats and counts by class;
`waveform_observation` is its signal as `SampledData`. Codes are those of ISO/IEEE 11073-10101 (MDC), and LOINC's of
heart rate beside. Both are functions of what they are given, which `FhirSink` collects, for MQTT and for
``GET /fhir/Observation``.

Source: https://hl7.org/fhir/R4/observation.html and datatypes.html#SampledData.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ... import __version__
from ..core.messages import CLASSES, Beat, Chunk
from .origin import Origin

Resource: TypeAlias = dict[str, Any]

MDC = "urn:oid:2.16.840.1.113883.6.24"
UCUM = "http://unitsofmeasure.org"

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
        **_observation("waveform", "procedure", record, chunk.start, chunk.start + len(chunk.samples), origin),
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
