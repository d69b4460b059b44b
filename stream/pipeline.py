"""The pipeline of one patient: chunks in, classified beats and events out."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import RecordError, StreamError
from .beats.classifier import BeatClassifier
from .beats.features import NAMES
from .beats.kind_memory import KindMemory
from .cascade import Cascade, Described
from .core.messages import CLASSES, Beat, Chunk, Event, EventKind, Output
from .core.stage import State
from .qrs.detector import load_network
from .qrs.network import DetectorNetwork
from .strip.classifier import RecordClassifier
from .strip.model import RecordModel, load_record_model

DEFAULT_MODEL = "context"
DEFAULT_DETECTOR = "qrs"

LONGEST_FILL_S = 4.0
"""Missing samples are filled with NaN up to this long, so that time goes on; beyond it nothing remembered of the
signal reaches across the gap (search-back ends at 3.6 s), and the clock is set forward instead."""

LOWEST_FS, HIGHEST_FS = 50.0, 5000.0
"""Sampling rates, Hz: below, no QRS complex is left; above, nobody records an ECG."""


@dataclass(frozen=True, slots=True)
class Models:
    """The networks of a pipeline; loaded once, shared by any number of streams."""

    detector: DetectorNetwork
    classifier: BeatClassifier
    record: RecordModel | None = None
    fingerprint: str = field(init=False, compare=False, repr=False)
    """Tells models apart by what they would say of beats: weights, thresholds and multipliers."""

    def __post_init__(self) -> None:
        """Work the fingerprint out once: it goes into every snapshot."""
        digest = hashlib.sha256(msgspec.json.encode(self.classifier.card))
        for value in self.detector:
            digest.update(np.asarray(value).tobytes())
        object.__setattr__(self, "fingerprint", digest.hexdigest())


@lru_cache(maxsize=8)
def load_models(
    model: str = DEFAULT_MODEL, detector: str = DEFAULT_DETECTOR, record_model: str | None = None
) -> Models:
    """Load the detector, a beat bundle and, if one is named, a record bundle.

    Raises
    ------
    BundleError
        If one is missing, corrupt, or does not fit this version.
    """
    record = None if record_model is None else load_record_model(record_model)
    return Models(load_network(detector), BeatClassifier(model), record)


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Outputs whose beats wait for the classifier, so that one call can serve many streams.

    ``features`` is ``(n_beats, n_features)`` and ``kinds`` ``(n_beats, 3)``, see `windows.DescribedBeats`; `labelled`
    takes what the network made of these rows. What one pipeline gives is to be labelled in order, as the beats go into
    its memory.
    """

    outputs: list[Output]
    beat_places: list[int]
    features: NDArray[np.float32]
    kinds: NDArray[np.int64]
    memory: KindMemory
    classifier: BeatClassifier

    def labelled(self, probabilities: NDArray[np.float64]) -> list[Output]:
        """Put in labels and probabilities, given those of the network, ``(n_beats, 5)``."""
        weighed = self.memory(self.kinds, probabilities)
        classes = self.classifier.decide(weighed)
        rows = zip(self.beat_places, classes.tolist(), weighed.tolist(), strict=True)
        for place, index, row in rows:
            beat = self.outputs[place]
            assert isinstance(beat, Beat)
            self.outputs[place] = replace(beat, label=CLASSES[index], probabilities=tuple(row))
        return self.outputs


class Pipeline:
    """All stages of one patient's stream.

    Sampling rate and leads are taken from the first chunk. `Chunk.start` decides about order: samples seen
    before are dropped (``overlap``), missing ones are a ``gap``; a changed rate or changed leads flush what was
    held back and start afresh.

    Parameters
    ----------
    model
        Shipped name or folder of a beat bundle, or models loaded before.

    Raises
    ------
    BundleError
        If a bundle is missing, corrupt, or does not fit this version.
    """

    def __init__(self, model: str | os.PathLike[str] | Models = DEFAULT_MODEL) -> None:
        self._models = model if isinstance(model, Models) else load_models(os.fspath(model))
        self._cascade: Cascade | None = None
        self._memory = KindMemory(self._models.classifier.card.kind_memory)
        self._record: RecordClassifier | None = None
        self._record_at = 0  # index in the stream of the sample that the record classifier waits for
        self._fs = 0.0
        self._leads: tuple[str, ...] = ()
        self._origin = 0  # index in the stream of the cascade's sample 0

    def push(self, chunk: Chunk) -> list[Output]:
        """Take the next chunk; give beats and events in the order in which they were decided.

        Raises
        ------
        StreamError
            If the samples do not have one column a lead, or the sampling rate is not that of an ECG.
        """
        return self._label(self.advance(chunk))

    def flush(self) -> list[Output]:
        """End the stream; give what was held back. The next chunk starts a new stream."""
        return self._label(self.finish())

    def advance(self, chunk: Chunk) -> Unlabelled:
        """Take the next chunk as `push` does, but leave the beats to be labelled by the caller."""
        if chunk.samples.ndim != 2 or chunk.samples.shape[1] != len(chunk.leads) or not chunk.leads:
            raise StreamError(f"got samples of shape {chunk.samples.shape} for the leads {chunk.leads}")
        if not LOWEST_FS <= chunk.fs <= HIGHEST_FS:
            raise StreamError(f"got a sampling rate of {chunk.fs:g} Hz: valid are {LOWEST_FS:g} to {HIGHEST_FS:g} Hz")
        parts: list[tuple[int, Described]] = []
        told: list[tuple[int, Event]] = []
        if self._cascade is not None and (chunk.fs, chunk.leads) != (self._fs, self._leads):
            kind: EventKind = "rate-change" if chunk.fs != self._fs else "leads-change"
            detail = f"{self._fs:g} to {chunk.fs:g} Hz" if kind == "rate-change" else " ".join(chunk.leads)
            ended = self.finish()
            self._begin(chunk)
            event = Event(chunk.start, chunk.start / chunk.fs, kind, None, detail)
            begun = self.advance(chunk)
            n = len(ended.outputs) + 1
            return replace(
                begun,
                outputs=[*ended.outputs, event, *begun.outputs],
                beat_places=ended.beat_places + [n + place for place in begun.beat_places],
                features=np.concatenate([ended.features, begun.features]),
                kinds=np.concatenate([ended.kinds, begun.kinds]),
            )
        if self._cascade is None:
            self._begin(chunk)
        assert self._cascade is not None
        samples = chunk.samples
        due = self._origin + self._cascade.n_samples
        missing = chunk.start - due
        if missing < 0:
            samples = samples[-missing:]
            if len(samples) < len(chunk.samples):
                detail = f"{min(-missing, len(chunk.samples)) / self._fs:.3f} s seen before"
                told.append((chunk.start, self._event(chunk.start, "overlap", detail)))
        elif missing > 0:
            told.append((due, self._event(due, "gap", f"{missing / self._fs:.3f} s missing")))
            fill = min(missing, round(LONGEST_FILL_S * self._fs))
            parts.append((self._origin, self._cascade.push(np.full((fill, len(self._leads)), np.nan))))
            self._origin += missing - fill
        parts.append((self._origin, self._cascade.push(samples)))
        return self._collect(parts, told)

    def finish(self) -> Unlabelled:
        """End the stream as `flush` does, but leave the beats to be labelled by the caller."""
        if self._cascade is None or self._cascade.n_samples == 0:
            self._cascade = None
            return self._collect([], [])
        ended = self._collect([(self._origin, self._cascade.flush())], [])
        self._cascade = None
        return ended

    def lead_quality(self) -> dict[str, float]:
        """Signal-to-noise of each lead as the detector sees it: QRS level over what stands between beats, dB.

        0 where a lead cannot be used now.
        """
        if self._cascade is None:
            return {}
        ratio = np.maximum(self._cascade.detector.signal_to_noise(), 1.0)
        return dict(zip(self._leads, (20.0 * np.log10(ratio)).tolist(), strict=True))

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "fs": self._fs,
            "leads": list(self._leads),
            "origin": self._origin,
            "model": self._models.fingerprint,
            "cascade": None if self._cascade is None else self._cascade.snapshot(),
            "memory": self._memory.snapshot(),
            "record_at": self._record_at,
            "record": None if self._record is None else self._record.snapshot(),
        }

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it was taken with another model or does not fit.
        """
        if state["model"] != self._models.fingerprint:
            raise StreamError("the snapshot was taken with other models: start the stream afresh")
        self._fs, self._leads, self._origin = float(state["fs"]), tuple(state["leads"]), int(state["origin"])
        self._cascade = None
        if state["cascade"] is not None:
            self._cascade = Cascade(self._fs, self._leads, self._models.detector)
            self._cascade.restore(state["cascade"])
        self._memory.restore(state["memory"])
        self._record_at = int(state["record_at"])
        self._record = None
        if state["record"] is not None and self._models.record is not None:
            self._record = RecordClassifier(self._models.record, self._fs, self._leads)
            self._record.restore(state["record"])

    def _begin(self, chunk: Chunk) -> None:
        self._fs, self._leads, self._origin = chunk.fs, chunk.leads, chunk.start
        self._cascade = Cascade(chunk.fs, chunk.leads, self._models.detector)
        self._listen_from(chunk.start)

    def _listen_from(self, start: int) -> None:
        """Begin to classify the last ten seconds, where there is a model for it and the stream has its leads."""
        self._record, self._record_at = None, start
        if self._models.record is not None:
            try:
                self._record = RecordClassifier(self._models.record, self._fs, self._leads, start=start)
            except RecordError:
                return  # who asks for one stream checks before; of many patients, some may lack the leads

    def _record_events(self, origin: int, described: Described) -> list[Event]:
        n = len(described.filtered)
        if self._record is None or n == 0:
            return []
        start = origin + described.start
        if start != self._record_at:  # the clock was set forward across a long gap
            self._listen_from(start)
        self._record_at = start + n
        return self._record.push(described.filtered, described.good)

    def _event(self, sample: int, kind: EventKind, detail: str) -> Event:
        return Event(sample, sample / self._fs, kind, None, detail)

    def _label(self, unlabelled: Unlabelled) -> list[Output]:
        if not unlabelled.beat_places:
            return unlabelled.outputs
        return unlabelled.labelled(self._models.classifier(unlabelled.features))

    def _collect(self, parts: list[tuple[int, Described]], told: list[tuple[int, Event]]) -> Unlabelled:
        """Put beats and events in the order of the samples at which they were decided."""
        rows: list[tuple[int, int, Output, int]] = [(decided, -1, event, -1) for decided, event in told]
        n = 0
        for origin, described in parts:
            for decided, event in described.events:
                sample = event.sample + origin
                moved = replace(event, sample=sample, time=sample / self._fs)
                rows.append((decided + origin, 0, moved, -1))
            # An event of the last ten seconds is decided by their last sample; its own is the one after.
            rows += [(event.sample - 1, 2, event, -1) for event in self._record_events(origin, described)]
            beats = described.beats
            columns = (beats.mark.tolist(), beats.decided.tolist(), beats.interval.tolist())
            for mark, decided, interval in zip(*columns, strict=True):
                beat = Beat(
                    sample=mark + origin,
                    time=(mark + origin) / self._fs,
                    label="",
                    probabilities=(),
                    rr_ms=interval * 1000.0 if interval >= 0.0 else None,
                    delay_ms=(decided - mark) / self._fs * 1000.0,
                )
                rows.append((decided + origin, 1, beat, n))
                n += 1
        rows.sort(key=lambda row: (row[0], row[1], row[2].sample))
        places = [0] * n
        for place, row in enumerate(rows):
            if row[3] >= 0:
                places[row[3]] = place
        return Unlabelled(
            [row[2] for row in rows],
            places,
            _stacked([described.beats.features for _, described in parts], len(NAMES), np.float32),
            _stacked([described.beats.kinds for _, described in parts], 3, np.int64),
            self._memory,
            self._models.classifier,
        )


def _stacked(parts: list[NDArray[Any]], n_columns: int, kind: DTypeLike) -> NDArray[Any]:
    if not parts:
        return np.empty((0, n_columns), dtype=kind)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
