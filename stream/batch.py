"""Labels for decided beats, of one stream or of a whole ward, in one call of the classifier.

A call of the network costs the same for one beat as for some tens. So on a turn all patients' streams are described
first, and all their beats are labelled together. Each patient gets what the patient's stream alone would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .beats.label_memory import LabelMemory
from .beats.state import JOINED
from .core.messages import CLASSES, Beat, Event, Heard, Probabilities
from .networks import Models

LEFT = 0.1
"""What a classifier says of a paced beat counts for so much: it knows beats of a heart that paces itself."""
_Q = CLASSES.index("Q")


class DecidedBeat(NamedTuple):
    """A heartbeat that was found and described, and has no label yet.

    Attributes
    ----------
    sample, time, rr_ms, delay_ms, learning, paced
        See `Beat`.
    features
        ``(n_features,)`` float32, what is known of it, see `ecg_stream.stream.beats.features`.
    joined
        Which of the patient's kinds of beats it joined: a record of `beats.state.JOINED`, as a tuple.
    """

    sample: int
    time: float
    rr_ms: float | None
    delay_ms: float
    features: NDArray[np.float32]
    joined: tuple[int, int, bool]
    learning: bool = False
    paced: bool = False

    def labelled(self, index: int, probabilities: Probabilities, quality: float) -> Beat:
        """Make a beat of it: of the class at `index` in `CLASSES`."""
        label, rr_ms, delay_ms = CLASSES[index], self.rr_ms, self.delay_ms
        return Beat(self.sample, self.time, label, probabilities, rr_ms, delay_ms, self.learning, quality, self.paced)


DecidedOutput: TypeAlias = DecidedBeat | Event


class Passage(NamedTuple):
    """What has come of a stretch of a stream since it was asked last.

    Attributes
    ----------
    fs, leads
        Of the stretch: sampling rate (Hz), and the name of each lead.
    outputs
        Decided beats and events, in the order of the samples at which they were decided.
    decided
        These samples.
    heard
        What the stages heard, in order; where samples are missing for long, there is a hole.
    due
        Index of the sample that comes next.
    ended
        Whether the stretch is over.
    """

    fs: float
    leads: tuple[str, ...]
    outputs: list[DecidedOutput]
    decided: list[int]
    heard: list[Heard]
    due: int
    ended: bool


class Described(NamedTuple):
    """What a stream has come to, before its beats are labelled.

    Attributes
    ----------
    passages
        What its stretches have come to: mostly one, more where one ends and another begins.
    outputs
        Decided beats and events, in the order of the samples at which they were decided.
    beats
        The beats among them.
    memory
        What the stream's earlier beats say of the next, as it stood before the first of these.
    """

    passages: list[Passage]
    outputs: list[DecidedOutput]
    beats: list[DecidedBeat]
    memory: LabelMemory

    @classmethod
    def of(cls, passages: list[Passage], memory: LabelMemory) -> Described:
        """Look the outputs, and the beats among them, out once."""
        if len(passages) == 1:
            outputs = passages[0].outputs
        else:
            outputs = [output for passage in passages for output in passage.outputs]
        return cls(passages, outputs, [output for output in outputs if isinstance(output, DecidedBeat)], memory)


class Labelled(NamedTuple):
    """What `label` makes of one `Described`.

    Attributes
    ----------
    outputs
        Beats and events, in the same order.
    memory
        The same as it stands now; to be given back by `Pipeline.remember`.
    """

    outputs: list[Beat | Event]
    memory: LabelMemory


def label(models: Models, described: Sequence[Described]) -> list[Labelled]:
    """Label the beats of any number of streams in one call of the classifier; nothing that is given is changed.

    Parameters
    ----------
    models
        What all the streams share.
    described
        At most one of each stream, as a stream's beats are weighed by its beats before.

    Returns
    -------
    list[Labelled]
        One for each `Described`, in their order.
    """
    features = [beat.features for each in described for beat in each.beats]
    if not features:  # as with most chunks
        return [_only_events(each) for each in described]
    rows = features[0][np.newaxis] if len(features) == 1 else np.concatenate(features).reshape(len(features), -1)
    probabilities, quality, trusted = models.classifier(rows), models.quality(rows), models.quality.trusted_of(rows)
    labelled, first = [], 0
    for each in described:
        after = first + len(each.beats)
        if after > first:
            here = slice(first, after)
            labelled.append(_labelled(each, probabilities[here], quality[here], trusted[here]))
        else:
            labelled.append(_only_events(each))
        first = after
    return labelled


def paced_as_q(probabilities: NDArray[np.float64], paced: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give ``(n, 5)`` probabilities in which Q is by far the most probable class of `paced` beats, as EC57 asks."""
    changed = np.where(paced[:, np.newaxis], LEFT * probabilities, probabilities)
    changed[:, _Q] += np.where(paced, 1.0 - LEFT, 0.0)
    return changed


def _only_events(described: Described) -> Labelled:
    return Labelled([output for output in described.outputs if isinstance(output, Event)], described.memory)


def _labelled(
    described: Described,
    probabilities: NDArray[np.float64],
    quality: NDArray[np.float64],
    trusted: NDArray[np.float64],
) -> Labelled:
    memory = described.memory.copy()
    told = memory(np.array([beat.joined for beat in described.beats], dtype=JOINED), probabilities, quality, trusted)
    if any(beat.paced for beat in described.beats):
        told = paced_as_q(told, np.array([beat.paced for beat in described.beats]))
    rows = zip(told.argmax(axis=1).tolist(), told.tolist(), quality.tolist(), strict=True)
    outputs: list[Beat | Event] = []
    for output in described.outputs:
        if isinstance(output, DecidedBeat):
            index, row, trust = next(rows)
            outputs.append(output.labelled(index, Probabilities._make(row), trust))
        else:
            outputs.append(output)
    return Labelled(outputs, memory)
