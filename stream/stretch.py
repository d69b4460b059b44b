"""A stretch of a stream: as long as its sampling rate and leads stay the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import SchemaError
from .batch import DecidedBeat, DecidedOutput, Passage
from .beats.turns import FIRST_DOWN, SECOND_DOWN, SWAPPED
from .beats.windows import DescribedBeats
from .cascade import Cascade, Completed
from .core.messages import Chunk, Event, EventKind, Heard, Samples
from .core.stage import MakeSideStage, Schema, SideStage, State
from .qrs.network import DetectorNetwork

LONGEST_FILL_S = 4.0
"""Missing samples are filled with NaN up to this long, so that time goes on; beyond it nothing remembered of the
signal reaches across the gap (search-back ends at 3.6 s), and the clock is set forward instead."""

_Row: TypeAlias = tuple[int, int, DecidedOutput]  # decided at, rank among what was decided at one sample, output


class Stretch:
    """The clock of a stream, its cascade, and the stages beside it.

    Parameters
    ----------
    start
        Index of the first sample, counted from the start of the stream.
    fs
        Sampling rate, Hz.
    leads
        Name of each lead.
    network
        Of the QRS detector.
    side_stages
        Make the stages that stand beside the cascade.
    """

    def __init__(
        self,
        start: int,
        fs: float,
        leads: tuple[str, ...],
        network: DetectorNetwork,
        side_stages: Sequence[MakeSideStage],
    ) -> None:
        self.fs = fs
        self.leads = leads
        self.cascade = Cascade(fs, leads, network)
        self._origin = start  # index in the stream of the cascade's sample 0
        self._side_stages = side_stages
        self._news: list[Event] = []  # to be told with the next push
        self._listen(start)

    def change(self, chunk: Chunk) -> Event | None:
        """Tell what is another with this chunk, rate or leads, so that the stretch ends before it; None if neither."""
        kind: EventKind
        if chunk.fs != self.fs:
            kind, detail = "rate-change", f"{self.fs:g} to {chunk.fs:g} Hz"
        elif chunk.leads != self.leads:
            kind, detail = "leads-change", " ".join(chunk.leads)
        else:
            return None
        return Event(chunk.start, chunk.start / chunk.fs, kind, None, detail)

    @property
    def due(self) -> int:
        """Index of the sample that comes next."""
        return self._origin + self.cascade.n_samples

    def push(self, start: int, samples: Samples) -> Passage:
        """Take the samples from `start` on: what was seen before is dropped, what is missing is a gap."""
        rows = self._told_first()
        heard: list[Heard] = []
        due = self.due
        missing = start - due
        if missing < 0:
            seen_before = min(-missing, len(samples))
            samples = samples[seen_before:]
            if seen_before:
                rows.append(self._told(start, "overlap", f"{seen_before / self.fs:.3f} s seen before"))
        elif missing > 0:
            rows.append(self._told(due, "gap", f"{missing / self.fs:.3f} s missing"))
            fill = min(missing, round(LONGEST_FILL_S * self.fs))
            rows += self._decided(self.cascade.push(np.full((fill, len(self.leads)), np.nan)), heard)
            if missing > fill:
                rows += self._held_back()
                self._origin += missing - fill
                self._listen(start)
        rows += self._decided(self.cascade.push(samples), heard)
        return self._passage(rows, heard)

    def flush(self) -> Passage:
        """End the stretch; give what was held back."""
        rows = self._told_first()
        if self.cascade.n_samples:
            rows += self._decided(self.cascade.flush(), [])  # the signal came with the samples, without delay
            rows += self._held_back()
        return self._passage(rows, [], ended=True)

    def snapshot(self) -> State:
        """Copy the state out."""
        return {
            "fs": self.fs,
            "leads": list(self.leads),
            "origin": self._origin,
            "cascade": self.cascade.snapshot(),
            "side": [stage and _schema(stage).label(stage.snapshot()) for stage in self._side],
            "news": [list(astuple(event)) for event in self._news],
        }

    def restore(self, state: State) -> list[str]:
        """Put a copied state back; give which stages begin afresh, see `Cascade.restore`, which the next push tells."""
        self._origin = int(state["origin"])
        afresh = self.cascade.restore(state["cascade"])
        due = self.due
        self._listen(due)
        for stage, kept in zip(self._side, state["side"], strict=False):
            if stage is not None and kept is not None:
                try:
                    stage.restore(_schema(stage).upgrade(kept))
                except SchemaError as error:
                    afresh.append(f"{type(stage).__name__}: {error}")
        self._news = [Event(*event) for event in state["news"]]
        self._news += [Event(due, due / self.fs, "restart", None, why) for why in afresh]
        return afresh

    def _listen(self, start: int) -> None:
        """Let the stages beside the cascade begin with the sample at `start`."""
        self._side = [make(self.fs, self.leads, start) for make in self._side_stages]

    def _held_back(self) -> list[_Row]:
        """End the stages beside the cascade; give what they held back."""
        stages = (stage for stage in self._side if stage is not None)
        return [(decided, 2, event) for stage in stages for decided, event in stage.flush()]

    def _told_first(self) -> list[_Row]:
        """Give what a restore has left to be told."""
        news, self._news = self._news, []
        return [(event.sample, -2, event) for event in news]

    def _told(self, sample: int, kind: EventKind, detail: str) -> _Row:
        return sample, -1, Event(sample, sample / self.fs, kind, None, detail)

    def _decided(self, completed: Completed, heard: list[Heard]) -> list[_Row]:
        """Give beats and events with the sample of the stream at which each was decided, and a rank; fill `heard`."""
        rows: list[_Row] = []
        if len(completed.raw):
            start, late = completed.start + self._origin, self.cascade.spikes.delay
            heard.append(Heard(start, completed.raw, completed.signal, completed.despiked, late))
        for decided, event in completed.events:
            sample = event.sample + self._origin
            rows.append((decided + self._origin, 0, replace(event, sample=sample, time=sample / self.fs)))
        if len(completed.beats.mark):  # seldom: one chunk of 100 ms in eight
            rows += self._beats(completed.beats, completed.paced)
        for stage in self._side:
            if stage is not None and len(completed.signal.samples):
                rows += [(decided, 2, event) for decided, event in stage.push(completed.signal)]
        return rows

    def _passage(self, rows: list[_Row], heard: list[Heard], *, ended: bool = False) -> Passage:
        """Put rows in the order in which they were decided."""
        rows.sort(key=lambda row: (row[0], row[1], row[2].sample))
        outputs, decided = [output for *_, output in rows], [row[0] for row in rows]
        return Passage(self.fs, self.leads, outputs, decided, heard, self.due, ended)

    def _beats(self, beats: DescribedBeats, paced: NDArray[np.bool_]) -> Iterator[_Row]:
        columns = (
            beats.mark.tolist(),
            beats.decided.tolist(),
            beats.interval.tolist(),
            beats.kinds.tolist(),
            beats.learning.tolist(),
            beats.turn.tolist(),
            beats.turn_since.tolist(),
            paced.tolist(),
        )
        for mark, decided, interval, joined, learning, turn, since, is_paced, features in zip(
            *columns, beats.features, strict=True
        ):
            sample, rr_ms = mark + self._origin, interval * 1000.0 if interval >= 0.0 else None
            delay_ms = (decided - mark) / self.fs * 1000.0
            if turn >= 0:
                yield decided + self._origin, 1, self._turned(since + self._origin, turn)
            beat = DecidedBeat(sample, sample / self.fs, rr_ms, delay_ms, features, joined, learning, is_paced)
            yield decided + self._origin, 1, beat

    def _turned(self, sample: int, turn: int) -> Event:
        """Tell how the leads are turned since a sample, against how they were at first."""
        first, second = (*self.leads, "")[:2]
        told = [f"{first} and {second} swapped"] if turn & SWAPPED else []
        told += [f"{lead} upside down" for lead, bit in ((first, FIRST_DOWN), (second, SECOND_DOWN)) if turn & bit]
        return Event(sample, sample / self.fs, "leads-swapped", None, ", ".join(told) or "as at first")


def _schema(stage: SideStage) -> Schema:
    """Give the layout of a stage's snapshots; a stage of a user's own need not have one."""
    return getattr(stage, "schema", Schema(1))
