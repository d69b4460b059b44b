"""The class of the last ten seconds, every two seconds, beside the beats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import RecordError, StreamError
from ..core.messages import DecidedEvent, Event, Samples, Signal
from ..core.stage import MakeSideStage, Schema, State, restored
from .input import WINDOW_S, check_rate, lead_columns, window_samples
from .model import RecordModel

EVERY_S = 2.0
"""Time from one classification to the next, seconds of the stream."""


class RecordClassifier:
    """Classify a rolling window as a whole.

    Windows end at 10, 12, 14, ... seconds of the stream's own clock, whatever its sampling rate and wherever it
    was joined. Each gives one `Event` of kind ``record``, whose sample is the first after the window: with label and
    probability, or saying that a lead was not good and there is no class.

    Parameters
    ----------
    model
        The record model.
    fs
        Sampling rate, Hz.
    leads
        Leads of the stream.
    start
        Index of the first sample, counted from the start of the stream.

    Raises
    ------
    RecordError
        If the stream lacks a lead of the model, or its rate is too low.
    """

    delay = 0
    schema = Schema(1)

    def __init__(self, model: RecordModel, fs: float, leads: Sequence[str], *, start: int = 0) -> None:
        check_rate(fs, what="the stream")
        self._columns = lead_columns(leads, model.card.leads, what="the stream")
        self._model = model
        self._fs = fs
        self._n_leads = len(leads)
        self._length = window_samples(fs)
        self._window = np.zeros((self._length, len(self._columns)))
        self._good = np.zeros((self._length, len(self._columns)), dtype=np.bool_)
        self._turn = max(0, math.ceil((start / fs - WINDOW_S) / EVERY_S))
        while self._end() - self._length < start:
            self._turn += 1
        self._next = start

    def push(self, signal: Signal, /) -> list[DecidedEvent]:
        """Take the next samples.

        Parameters
        ----------
        signal
            ``(n, n_leads)`` of all leads of the stream, after the stream's high-pass.

        Returns
        -------
        list[DecidedEvent]
            One for each window that these samples complete.

        Raises
        ------
        StreamError
            If a shape is another one.
        """
        samples, good = signal
        if samples.ndim != 2 or samples.shape[1] != self._n_leads or good.shape != samples.shape:
            raise StreamError(
                f"got samples of shape {samples.shape} and flags of {good.shape}: "
                f"this stage takes (n_samples, {self._n_leads}) for both"
            )
        x = samples[:, self._columns]
        fine = np.isfinite(x) & good[:, self._columns]
        events = []
        done = 0
        while done < len(x):
            stop = min(len(x), done + self._end() - self._next)
            self._keep(x[done:stop], fine[done:stop])
            done = stop
            if self._next == self._end():
                events.append(self._classified())
                self._turn += 1
        return events

    def flush(self) -> list[DecidedEvent]:
        """End the stream; a window that is not full is not classified."""
        return []

    def snapshot(self) -> State:
        """Copy the state out."""
        return {"window": self._window.copy(), "good": self._good.copy(), "next": self._next, "turn": self._turn}

    def restore(self, state: State) -> None:
        """Put a copied state back.

        Raises
        ------
        StreamError
            If it came from a stage of another sampling rate or number of leads.
        """
        self._window = restored(state, "window", self._window)
        self._good = restored(state, "good", self._good)
        self._next = int(state["next"])
        self._turn = int(state["turn"])

    def _end(self) -> int:
        """First sample after the window that is being filled."""
        return math.ceil((WINDOW_S + self._turn * EVERY_S) * self._fs - 1e-6)

    def _keep(self, x: Samples, fine: NDArray[np.bool_]) -> None:
        """Write into the ring: sample k of the stream lies at k modulo its length."""
        self._next += len(x)
        x, fine = x[-self._length :], fine[-self._length :]
        at = np.arange(self._next - len(x), self._next) % self._length
        self._window[at] = x
        self._good[at] = fine

    def _classified(self) -> DecidedEvent:
        bad = np.count_nonzero(~self._good, axis=0)
        worst = int(np.argmax(bad))
        if bad[worst]:
            lead, seconds = self._model.card.leads[worst], bad[worst] / self._fs
            return self._event(f"not classified: no measurement for {seconds:.2g} of the last 10 s", lead)
        order = np.arange(self._next - self._length, self._next) % self._length
        probability = self._model.probability(self._window[order], self._fs)
        positive = self._model.card.classes[1]
        return self._event(f"{self._model.label(probability)}, probability of {positive} {probability:.3f}")

    def _event(self, detail: str, lead: str | None = None) -> DecidedEvent:
        """Say something of the window that has ended: decided by its last sample, the event stands at the one after."""
        return self._next - 1, Event(self._next, self._next / self._fs, "record", lead, detail)


def listening(model: RecordModel | None) -> tuple[MakeSideStage, ...]:
    """Give what makes the stage beside the beats, if there is a model for it.

    Where a stream lacks the leads or the rate of the model, there is no stage: whoever asks for one stream checks
    before; of many patients, some may lack the leads.
    """
    if model is None:
        return ()

    def make(fs: float, leads: tuple[str, ...], start: int) -> RecordClassifier | None:
        try:
            return RecordClassifier(model, fs, leads, start=start)
        except RecordError:
            return None

    return (make,)
