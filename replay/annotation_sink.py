"""A sink that writes the beats and rhythms of a record as WFDB annotations, for ``bxb`` and every other WFDB tool."""

from __future__ import annotations

import tempfile
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RequestError
from ..stream.core.messages import Beat, Rhythm
from ..stream.run.engine import Step
from ..stream.run.sinks import ContextSink
from ..stream.run.summary import Summary
from .rhythm_marks import RhythmEpisodes, write_with_rhythms


@dataclass(slots=True)
class _Marks:
    fs: float = 0.0
    samples: array[int] = field(default_factory=lambda: array("q"))
    labels: bytearray = field(default_factory=bytearray)
    rhythms: RhythmEpisodes = field(default_factory=RhythmEpisodes)
    first: int | None = None
    stop: int = 0


class AnnotationSink(ContextSink):
    """Writes ``FOLDER/RECORD.ecs`` when a record ends; of one that fails, nothing is left.

    Beats are N S V F Q. Rhythms, if there was one, are ``+`` with ``(VT`` and so on, ``(N`` where none of them goes
    on, and ``[ ]`` around ventricular fibrillation. Until then the beats are held, 9 bytes each: a megabyte a day.

    Parameters
    ----------
    folder
        Where the files go; made if it is not there.

    Raises
    ------
    RequestError
        If the folder cannot be written, before anything is run.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise RequestError(f"cannot write to {folder}: {error.strerror}", about="annotations") from error
        self._folder = folder
        self._marks: dict[str, _Marks] = {}

    async def write(self, step: Step) -> None:
        """Keep the beats of a step."""
        marks = self._marks.setdefault(step.record, _Marks())
        if step.chunk is not None:
            marks.fs = step.chunk.fs
            marks.first = step.chunk.start if marks.first is None else marks.first
            marks.stop = step.chunk.start + len(step.chunk.samples)
        for output in step.outputs:
            if isinstance(output, Beat):
                marks.samples.append(output.sample)
                marks.labels += output.label.encode()
            elif isinstance(output, Rhythm):
                marks.rhythms.add(output)

    async def finish(self, record: str, summary: Summary) -> None:  # noqa: ARG002  the protocol of a sink
        """Write the file of a record that has ended."""
        marks = self._marks.pop(record, None)
        if marks is not None and marks.fs:
            rhythms = marks.rhythms.marks(marks.first or 0, marks.stop)
            write_with_rhythms(self._folder, record, marks.fs, marks.samples, marks.labels.decode(), rhythms)
