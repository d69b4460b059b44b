"""A stream from its first chunk to its last: stretches, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import StreamError
from .batch import Passage
from .core.messages import Chunk
from .core.stage import MakeSideStage, State
from .intake import check_rate
from .qrs.network import DetectorNetwork
from .stretch import Stretch


class Timeline:
    """Chunks in, decided beats and events out; a changed rate or changed leads end a stretch and begin another.

    Parameters
    ----------
    network
        Of the QRS detector.
    side_stages
        Make the stages that stand beside the cascade.
    """

    def __init__(self, network: DetectorNetwork, side_stages: Sequence[MakeSideStage]) -> None:
        self._network = network
        self._side_stages = side_stages
        self._stretch: Stretch | None = None

    @property
    def due(self) -> int:
        """Index of the sample that comes next; 0 before the first."""
        return 0 if self._stretch is None else self._stretch.due

    def push(self, chunk: Chunk) -> list[Passage]:
        """Take the next chunk.

        Raises
        ------
        StreamError
            If the samples do not have one column a lead, or the sampling rate is not that of an ECG.
        """
        if chunk.samples.ndim != 2 or chunk.samples.shape[1] != len(chunk.leads) or not chunk.leads:
            raise StreamError(f"got samples of shape {chunk.samples.shape} for the leads {chunk.leads}")
        check_rate(chunk.fs)
        if self._stretch is None:
            self._stretch = self._begin(chunk.start, chunk.fs, chunk.leads)
        elif (change := self._stretch.change(chunk)) is not None:
            before = self._stretch.flush()
            self._stretch = self._begin(chunk.start, chunk.fs, chunk.leads)
            after = self._stretch.push(chunk.start, chunk.samples)
            told_first = after._replace(outputs=[change, *after.outputs], decided=[chunk.start, *after.decided])
            return [before, told_first]
        return [self._stretch.push(chunk.start, chunk.samples)]

    def flush(self) -> list[Passage]:
        """End the stream; give what was held back. The next chunk begins a new one."""
        stretch, self._stretch = self._stretch, None
        return [] if stretch is None else [stretch.flush()]

    def lead_quality(self) -> dict[str, float]:
        """Signal-to-noise of each lead as the detector sees it: QRS level over what stands between beats, dB.

        0 where a lead cannot be used now.
        """
        if self._stretch is None:
            return {}
        ratio = np.maximum(self._stretch.cascade.detector.signal_to_noise(), 1.0)
        return dict(zip(self._stretch.leads, (20.0 * np.log10(ratio)).tolist(), strict=True))

    def snapshot(self) -> State | None:
        """Copy the state out; None where no stream has begun."""
        return None if self._stretch is None else self._stretch.snapshot()

    def restore(self, state: State | None) -> list[str]:
        """Put a copied state back; give which stages begin afresh, see `Stretch.restore`."""
        stretch, afresh = None, []
        if state is not None:
            stretch = self._begin(int(state["origin"]), float(state["fs"]), tuple(state["leads"]))
            afresh = stretch.restore(state)
        self._stretch = stretch
        return afresh

    def _begin(self, start: int, fs: float, leads: tuple[str, ...]) -> Stretch:
        return Stretch(start, fs, leads, self._network, self._side_stages)
