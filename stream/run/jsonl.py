"""Outputs as JSON, one object a line: what ``--format json`` prints and what goes to the MQTT beats topic.

The bytes depend on nothing but the output: keys stand in a fixed order, times are rounded to the millisecond,
intervals and delays to 0.1 ms, probabilities to four decimals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import msgspec

from ...words import plain_json
from ..core.messages import CLASSES, Alert, Beat, Output, Rhythm, St
from .engine import Step
from .origin import Origin
from .summary import Percentiles, Summary


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How lines begin, but those of beats, which have an id in between."""

    record: str
    stream: str | None = None
    at: str | None = None
    clock: str | None = None


class BeatLine(msgspec.Struct, tag_field="type", tag="beat", kw_only=True, omit_defaults=True):
    """A `Beat` as it is encoded; `learning` and `paced` are absent unless they are true.

    `quality` is absent where it is not known, and so are `stream` to `clock`: where they come from, `Origin` tells.
    """

    record: str
    stream: str | None = None
    id: str | None = None
    at: str | None = None
    clock: str | None = None
    sample: int
    time: float
    label: str
    probabilities: Mapping[str, float]
    rr_ms: float | None
    delay_ms: float
    learning: bool = False
    quality: float | None = None
    paced: bool = False


class EventLine(_Line, tag_field="type", tag="event", kw_only=True, omit_defaults=True):
    """An `Event` as it is encoded; `lead` is null where it is about the whole stream, `detail` absent if empty.

    `stream`, `at` and `clock` are absent where they are not known, see `Origin`.
    """

    sample: int
    time: float
    kind: str
    lead: str | None
    detail: str = ""


class RhythmLine(_Line, tag_field="type", tag="rhythm", kw_only=True, omit_defaults=True):
    """A `Rhythm` as it is encoded; `length_s` is there at its end, `ongoing` if anything goes on.

    `stream`, `at` and `clock` are absent where they are not known, see `Origin`.
    """

    name: str
    state: str
    sample: int
    time: float
    delay_ms: float
    why: str
    length_s: float | None = None
    ongoing: Sequence[str] = ()


class AlertLine(_Line, tag_field="type", tag="alert", kw_only=True, omit_defaults=True):
    """An `Alert` as it is encoded; `length_s` is there when it is repeated and at its end, `times` if above 1.

    `id` is the same from its beginning to its end; it, `stream`, `at` and `clock` are absent where they are not known,
    see `Origin`.
    """

    id: str | None = None
    name: str
    priority: str
    state: str
    sample: int
    time: float
    delay_ms: float
    why: str
    length_s: float | None = None
    times: int = 1


class StLine(_Line, tag_field="type", tag="st", kw_only=True, omit_defaults=True):
    """An `St` as it is encoded; `change_uv` is there from the reference on, `episode` where one begins or ends."""

    sample: int
    time: float
    lead: str
    uv: int
    slope: float
    change_uv: int | None = None
    beats: int
    episode: str | None = None


class SummaryLine(msgspec.Struct, tag_field="type", tag="summary"):
    """A `Summary` as it is encoded."""

    record: str
    samples: int
    beats: int
    counts: Mapping[str, int]
    events: Mapping[str, int]
    rhythms: Mapping[str, int]
    alerts: Mapping[str, int]
    delay_ms: Mapping[str, float | None]
    compute_ms: Mapping[str, float | None]
    lag_ms: Mapping[str, float | None]
    seconds: float
    realtime_factor: float | None


def _plain_line(line: msgspec.Struct) -> bytes:
    """Encode a line; of what cannot be printed in it there are escapes."""
    return plain_json(_encoder.encode(line))


_encoder = msgspec.json.Encoder()


def encode_line(record: str, output: Output, origin: Origin | None = None) -> bytes:
    """Encode one output as one JSON object, without line end.

    Parameters
    ----------
    record
        A record's or patient's name.
    output
        A beat, an event, a rhythm, an alert, or a reading of the ST segment.
    origin
        Its stream and time; None leaves out `stream`, `id`, `at` and `clock`.
    """
    place = _place(record, output, origin)
    if isinstance(output, Beat):
        return _plain_line(
            BeatLine(
                **place,
                id=None if origin is None else origin.beat_id(record, output.sample),
                label=output.label,
                probabilities={name: round(p, 4) for name, p in zip(CLASSES, output.probabilities, strict=True)},
                rr_ms=None if output.rr_ms is None else round(output.rr_ms, 1),
                delay_ms=round(output.delay_ms, 1),
                learning=output.learning,
                quality=None if output.quality is None else round(output.quality, 2),
                paced=output.paced,
            )
        )
    if isinstance(output, Rhythm):
        return _plain_line(
            RhythmLine(
                **place,
                name=output.name,
                state=output.state,
                delay_ms=round(output.delay_ms, 1),
                why=output.why,
                length_s=None if output.length_s is None else round(output.length_s, 3),
                ongoing=output.ongoing,
            )
        )
    if isinstance(output, Alert):
        return _plain_line(
            AlertLine(
                **place,
                id=None if origin is None else origin.alert_id(record, output.name, output.onset),
                name=output.name,
                priority=output.priority,
                state=output.state,
                delay_ms=round(output.delay_ms, 1),
                why=output.why,
                length_s=None if output.length_s is None else round(output.length_s, 3),
                times=output.times,
            )
        )
    if isinstance(output, St):
        return _plain_line(
            StLine(
                **place,
                lead=output.lead,
                uv=output.uv,
                slope=output.slope,
                change_uv=output.change_uv,
                beats=output.beats,
                episode=output.episode,
            )
        )
    return _plain_line(
        EventLine(
            **place,
            kind=output.kind,
            lead=output.lead,
            detail=output.detail,
        )
    )


def lines_of(step: Step) -> Sequence[bytes]:
    """Give the outputs of a step as lines, without line ends; encoded now, if nobody has done it before."""
    return step.lines or [encode_line(step.record, output, step.origin) for output in step.outputs]


class _Place(TypedDict):
    """The keys that every line has."""

    record: str
    stream: str | None
    at: str | None
    clock: str | None
    sample: int
    time: float


def _place(record: str, output: Output, origin: Origin | None) -> _Place:
    sample = output.sample
    return {
        "record": record,
        "stream": None if origin is None else origin.stream,
        "at": None if origin is None else origin.at(sample),
        "clock": None if origin is None else origin.clock(sample),
        "sample": sample,
        "time": round(output.time, 3),
    }


def encode_summary(record: str, summary: Summary) -> bytes:
    """Encode the summary of `record` as one JSON object, without line end."""
    factor = summary.realtime_factor
    return _plain_line(
        SummaryLine(
            record,
            summary.samples,
            summary.beats,
            summary.counts,
            summary.events,
            summary.rhythms,
            summary.alerts,
            _rounded(summary.delay_ms, "p95", 1),
            _rounded(summary.compute_ms, "p99", 3),
            _rounded(summary.lag_ms, "p95", 1),
            round(summary.seconds, 3),
            None if factor is None else round(factor, 1),
        )
    )


def _rounded(percentiles: Percentiles, high: str, digits: int) -> dict[str, float | None]:
    values = {"p50": percentiles.p50, high: percentiles.high, "max": percentiles.max}
    return {name: None if value is None else round(value, digits) for name, value in values.items()}
