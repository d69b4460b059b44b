"""The pipeline of one patient: chunks in, classified beats and events out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..errors import SchemaError, StreamError
from .batch import DecidedBeat, Described, Labelled, Passage, label
from .core.messages import Beat, Chunk, Event, Output
from .core.stage import MakeSideStage, Schema, State
from .intake import Intake
from .networks import DEFAULT_DETECTOR, DEFAULT_MODEL, Models, ModelSource, as_models, load_models
from .rhythm.alert_table import AlertTable
from .rhythm.limits import RhythmLimits
from .rhythm.rule import RhythmBeat
from .rhythm.rules import RULES
from .rhythm.st import StRule
from .rhythm.stage import Decided, RhythmStage
from .stretch import LONGEST_FILL_S
from .strip.classifier import listening
from .timeline import Timeline

__all__ = ["DEFAULT_DETECTOR", "DEFAULT_MODEL", "LONGEST_FILL_S", "Models", "Pipeline", "load_models"]


def _from_version_0_1(state: State) -> State:
    """Give a state of version 0.1 its stretch: rate, leads, origin and cascade stood beside the memory."""
    stretch = None
    if state["cascade"] is not None:
        stretch = {name: state[name] for name in ("fs", "leads", "origin", "cascade")}
        stretch |= {"side": [state["record"]], "news": []}
    return {"model": state["model"], "memory": state["memory"], "stretch": stretch}


def _without_rhythm(state: State) -> State:
    """Give a state of layout 2 a rhythm that begins afresh."""
    return {**state, "rhythm": None}


SCHEMA = Schema(3, {1: _from_version_0_1, 2: _without_rhythm})


class Pipeline:
    """All stages of one patient's stream.

    It takes arrays, which follow one another, or chunks, which say where they begin, at which rate, and of which leads.
    `Chunk.start` decides about order: samples seen before are dropped (``overlap``), missing ones are a ``gap``. A
    changed rate or changed leads flush what was held back and start afresh.

    `push` is `describe`, then `batch.label`, then `remember`. Who has many streams calls the three, so that one call of
    the classifier serves all.

    Parameters
    ----------
    model
        Shipped name or folder of a beat bundle, models loaded before, or a classifier of your own: a function that
        takes ``(n_beats, n_features)`` float32 and gives ``(n_beats, 5)`` probabilities.
    fs, leads, unit
        Of arrays: sampling rate in Hz, name of each lead (``ECG1`` and so on unless given), and V, mV, uV or nV.
    detector, record_model
        Shipped name or folder of a bundle; `record_model` classifies the last ten seconds as well, every two.
    stages
        Make stages of your own beside the others, see `core.stage.MakeSideStage`.
    rhythms
        Limits of the rhythms, where they are to be others than those of ``ecg-stream rhythms``.
    st
        Whether the ST segment of each lead is read as well, each ten seconds: `St`.
    alerts
        What somebody is to look at, where it is to be other than ``ecg-stream rhythms`` says.

    Raises
    ------
    BundleError
        If a bundle is missing, corrupt, or does not fit this version.
    StreamError
        If the rate is not that of an ECG, or leads or unit are none.
    """

    def __init__(
        self,
        model: ModelSource = DEFAULT_MODEL,
        *,
        fs: float | None = None,
        leads: str | Sequence[str] | None = None,
        unit: str = "mV",
        detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
        record_model: str | os.PathLike[str] | None = None,
        stages: Sequence[MakeSideStage] = (),
        rhythms: RhythmLimits | None = None,
        st: bool = False,
        alerts: AlertTable | None = None,
    ) -> None:
        self.models = as_models(model, detector, record_model)
        self._intake = Intake(fs, leads, unit)
        self._timeline = Timeline(self.models.detector, (*listening(self.models.record), *stages))
        self._memory = self.models.label_memory()
        self._limits = RhythmLimits() if rhythms is None else rhythms
        self._rules = {**RULES, "st": StRule} if st else RULES
        self._alerts = AlertTable() if alerts is None else alerts
        self._rhythm: RhythmStage | None = None
        self._passages: list[Passage] | None = None  # described, and not given back yet

    def push(self, samples: Chunk | ArrayLike) -> list[Output]:
        """Take the next samples; give beats, events, rhythms and alerts in the order in which they were decided.

        Parameters
        ----------
        samples
            ``(n_samples, n_leads)`` that follow those before, or ``(n_samples,)`` of one lead, NaN where there is no
            measurement; or a `Chunk`.

        Raises
        ------
        StreamError
            If the samples do not have one column a lead, or the sampling rate is missing or not that of an ECG.
        """
        return self._label(self.describe(self._intake.chunk(samples, self._timeline.due)))

    def flush(self) -> list[Output]:
        """End the stream; give what was held back. The next chunk starts a new stream."""
        return self._label(self.finish())

    def describe(self, chunk: Chunk) -> Described:
        """Take the next chunk as `push` does; give beats that are decided and have no label yet, and events.

        Raises
        ------
        StreamError
            As `push`, and if beats described before have not been given back to `remember`.
        """
        self._expect_labels()
        return self._described(self._timeline.push(chunk))

    def finish(self) -> Described:
        """End the stream as `flush` does, but without labels."""
        self._expect_labels()
        return self._described(self._timeline.flush())

    def remember(self, labelled: Labelled) -> list[Output]:
        """Take on what the beats just labelled say of their kinds, and of the rhythm; give the outputs."""
        self._memory = labelled.memory
        passages, self._passages = self._passages or [], None
        outputs: list[Output] = []
        first = 0
        for passage in passages:
            after = first + len(passage.outputs)
            outputs += self._told(passage, labelled.outputs[first:after])
            first = after
        return outputs

    def lead_quality(self) -> dict[str, float]:
        """Signal-to-noise of each lead, dB, see `Timeline.lead_quality`."""
        return self._timeline.lead_quality()

    def snapshot(self) -> State:
        """Copy the state out.

        Raises
        ------
        StreamError
            If beats that were described have not been given back to `remember`: they would be lost.
        """
        self._expect_labels()
        memory = self._memory.schema.label(self._memory.snapshot())
        rhythm = None if self._rhythm is None else self._rhythm.schema.label(self._rhythm.snapshot())
        return SCHEMA.label(
            {
                "model": self.models.fingerprint,
                "memory": memory,
                "stretch": self._timeline.snapshot(),
                "rhythm": rhythm,
            }
        )

    def restore(self, state: State) -> list[str]:
        """Put a copied state back, of this version or an earlier one, taken with these models or others.

        Returns
        -------
        list[str]
            What could not be taken up as it was, a line each: other models, and stages that begin afresh.

        Raises
        ------
        StreamError
            If it is no state of a pipeline, or one of a later version.
        """
        try:
            return self._restore(SCHEMA.upgrade(state))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StreamError(f"no state of a pipeline ({error!r}): what `snapshot` gave is valid") from None

    def _restore(self, state: State) -> list[str]:
        notes = [] if state["model"] == self.models.fingerprint else ["the state was taken with other models"]
        memory = self.models.label_memory()
        try:
            memory.restore(memory.schema.upgrade(state["memory"]))
        except SchemaError as error:
            notes.append(f"memory of labels: {error}")
        notes += self._timeline.restore(state["stretch"])
        self._memory, self._passages, self._rhythm = memory, None, None
        if state["rhythm"] is not None and state["stretch"] is not None:
            fs, leads = float(state["stretch"]["fs"]), tuple(state["stretch"]["leads"])
            stage = RhythmStage(self._limits, fs, leads, self._timeline.due, self._rules, self._alerts)
            try:
                notes += stage.restore(stage.schema.upgrade(state["rhythm"]))
                self._rhythm = stage
            except SchemaError as error:
                notes.append(f"rhythm: {error}")
        return notes

    def _described(self, passages: list[Passage]) -> Described:
        self._passages = passages
        return Described.of(passages, self._memory)

    def _label(self, described: Described) -> list[Output]:
        try:
            return self.remember(*label(self.models, [described]))
        finally:  # beats that a classifier of one's own fails on are lost, and the stream goes on
            self._passages = None

    def _told(self, passage: Passage, labelled: Sequence[Beat | Event]) -> list[Output]:
        """Take what has come of a stretch through the rules of the rhythm; give it with what they find."""
        stage = self._rhythm
        if stage is None:
            start = passage.heard[0].start if passage.heard else passage.due
            stage = self._rhythm = RhythmStage(
                self._limits, passage.fs, passage.leads, start, self._rules, self._alerts
            )
        decided: list[Decided] = []
        for sample, before, output in zip(passage.decided, passage.outputs, labelled, strict=True):
            if isinstance(before, DecidedBeat) and isinstance(output, Beat):
                decided.append((sample, RhythmBeat(output, *before.joined, before.features)))
            elif isinstance(output, Event):
                decided.append((sample, output))
        outputs = stage.push(decided, passage.heard, passage.due)
        if passage.ended:
            outputs += stage.finish(passage.due)
            self._rhythm = None
        return outputs

    def _expect_labels(self) -> None:
        if self._passages is not None and any(passage.outputs for passage in self._passages):
            raise StreamError("beats described before have no labels yet: give what `label` made of them to `remember`")
