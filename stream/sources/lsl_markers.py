"""A sink that sends each beat as a marker of Lab Streaming Layer, stamped with the time of its R peak."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ..core.messages import Beat
from ..run.engine import Step
from ..run.sinks import ContextSink
from .lsl_library import load_pylsl


class LslMarkers(ContextSink):
    """An LSL stream of type Markers, one channel of text: the class of each beat.

    A marker is sent when its beat is decided, some 140 ms after the R peak. Its time stamp is that of the R peak, on
    LSL's clock on this machine. Where the source is an LSL stream, it is the time stamp of the peak's own sample.
    Else the source has no time on that clock. The stamp is then the arrival of the chunk, less the samples after
    the peak in it; of all chunks so far the one that came soonest counts, as the others were held up on their way.

    Parameters
    ----------
    name
        Of the stream.
    local_time
        Gives when a sample was measured, on LSL's clock; None where the source does not know.

    Raises
    ------
    MissingExtraError
        If pylsl is not installed.
    """

    def __init__(self, name: str, local_time: Callable[[int], float | None]) -> None:
        self._pylsl = load_pylsl()
        self._name = name
        self._local_time = local_time
        self._outlet: Any = None
        self._origin_s: float | None = None

    async def __aenter__(self) -> Self:
        """Open the outlet."""
        pylsl = self._pylsl
        info = pylsl.StreamInfo(
            self._name, "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, f"ecg-stream-{self._name}"
        )
        info.set_channel_labels(["AAMI class"])
        self._outlet = pylsl.StreamOutlet(info)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close it."""
        self._outlet = None

    async def write(self, step: Step) -> None:
        """Send the beats of a step."""
        chunk = step.chunk
        if chunk is not None:
            origin_s = self._pylsl.local_clock() - (chunk.start + len(chunk.samples)) / chunk.fs
            self._origin_s = origin_s if self._origin_s is None else min(origin_s, self._origin_s)
        for output in step.outputs:
            if isinstance(output, Beat):
                stamp = self._local_time(output.sample)
                if stamp is None:
                    stamp = (self._origin_s or 0.0) + output.time
                self._outlet.push_sample([output.label], stamp)
