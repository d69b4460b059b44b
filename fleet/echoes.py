"""What a shard had told before it died, known from what the broker passes back to it.

A shard is subscribed to the beats and events of its own patients, and acknowledges them when a snapshot holds what
they came of. After its death the broker therefore has, in the same session, the waves that the last snapshot does not
hold and the outputs that were published of them. The waves go through the pipelines again; outputs that were told are
kept back.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import msgspec

from ..stream.run.jsonl import BeatLine, EventLine, RhythmLine
from ..stream.run.turn import Turn
from ..stream.service.ledger import ToldLine

SAME_BEAT_S = 0.15
"""Two marks of one patient that are not further apart are one beat, as in EC57. Where waves were lost at the edge of
the snapshot, a beat near the edge may be found again a little off its place."""

KEPT_S = 10.0
"""Stream time after the last told output at which nothing of it can come out again; search-back ends at 3.6 s."""


class Echoes:
    """Outputs by patient that are not to be told again."""

    def __init__(self) -> None:
        self._lines: dict[str, Counter[bytes]] = {}

    def add(self, patient: str, line: bytes) -> None:
        """Take a line that the broker has."""
        self._lines.setdefault(patient, Counter())[line] += 1

    def first(self, patient: str) -> ToldLine | None:
        """Give what the first of a patient's lines says of its stream and time; None if there is none."""
        line = _decoded(next(iter(self._lines.get(patient, ())), b""))
        return None if line is None else ToldLine(line.stream, line.sample, line.at, line.clock)

    def knows(self, patient: str) -> bool:
        """Tell whether there is anything of a patient."""
        return patient in self._lines

    def remove(self, patient: str, line: bytes) -> bool:
        """Count off one line; tell whether it was there."""
        lines = self._lines.get(patient)
        if lines is None or not lines[line]:
            return False
        lines[line] -= 1
        if not lines[line]:
            del lines[line]
        if not lines:
            del self._lines[patient]
        return True

    def take(self, turn: Turn, content: bytes) -> bool:
        """Tell whether an output had been told, and count it off."""
        patient = turn.patient
        if patient not in self._lines:
            return False
        if self.remove(patient, content):
            return True
        output = _decoded(content)
        if output is None:  # a summary: the stream has ended, and the next may repeat it
            self.forget(patient)
            return False
        told = [(line, other) for line in self._lines[patient] if (other := _decoded(line)) is not None]
        for line, other in told:
            both_beats = isinstance(output, BeatLine) and isinstance(other, BeatLine)
            if both_beats and abs(other.time - output.time) <= SAME_BEAT_S:
                return self.remove(patient, line)
        if output.time > max((_told_s(other) for _, other in told), default=0.0) + KEPT_S:
            self.forget(patient)
        return False

    def forget(self, patient: str) -> None:
        """Forget a patient."""
        self._lines.pop(patient, None)

    def snapshot(self) -> dict[str, list[bytes]]:
        """Give all lines, by patient."""
        return {patient: list(lines.elements()) for patient, lines in self._lines.items()}


_Line: TypeAlias = BeatLine | EventLine | RhythmLine
_decode = msgspec.json.Decoder(_Line).decode


def _told_s(line: _Line) -> float:
    """Stream time at which a line was told, or before: a rhythm may have begun long before it is."""
    return line.time + line.delay_ms / 1000 if isinstance(line, RhythmLine) else line.time


def _decoded(line: bytes) -> _Line | None:
    try:
        output: _Line = _decode(line)
        return output
    except msgspec.DecodeError:
        return None
