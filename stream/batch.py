"""A ward in one process: the pipelines of many patients stepped together, their beats labelled in one call.

A call of the network costs the same for one beat as for some tens, so on a tick all patients' pipelines are advanced
first, and all their beats are classified at once. Each patient gets what the patient's `Pipeline` alone would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .core.messages import Chunk, Output
from .core.stage import State
from .pipeline import Models, Pipeline, Unlabelled


class Batch:
    """Beats of any number of pipelines, waiting for one call of the classifier.

    Parameters
    ----------
    models
        What all pipelines of the batch share, see `load_models`.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._waiting: list[Unlabelled] = []

    def pipeline(self) -> BatchedPipeline:
        """Give a fresh pipeline whose beats are labelled with those of the batch."""
        return BatchedPipeline(self._models, self)

    def add(self, unlabelled: Unlabelled) -> list[Output]:
        """Let outputs wait; give the list in which `label` will put the labels."""
        if unlabelled.beat_places:
            self._waiting.append(unlabelled)
        return unlabelled.outputs

    def label(self) -> None:
        """Label all beats that wait, in the lists that `add` gave."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        probabilities = self._models.classifier(np.concatenate([each.features for each in waiting]))
        first = 0
        for each in waiting:
            rows = slice(first, first + len(each.beat_places))
            each.labelled(probabilities[rows])
            first = rows.stop


class BatchedPipeline:
    """A `Pipeline` whose beats have no label until `Batch.label` has been called; `flush` calls it."""

    def __init__(self, models: Models, batch: Batch) -> None:
        self._pipeline = Pipeline(models)
        self._batch = batch

    def push(self, chunk: Chunk) -> list[Output]:
        """Take the next chunk, see `Pipeline.push`."""
        return self._batch.add(self._pipeline.advance(chunk))

    def flush(self) -> list[Output]:
        """End the stream, see `Pipeline.flush`; labels the whole batch."""
        outputs = self._batch.add(self._pipeline.finish())
        self._batch.label()
        return outputs

    def snapshot(self) -> State:
        """Copy the state out; beats that wait for their label are no part of it."""
        return self._pipeline.snapshot()

    def restore(self, state: State) -> None:
        """Put a copied state back, see `Pipeline.restore`."""
        self._pipeline.restore(state)


class WardEngine:
    """Pipelines by patient, stepped on a tick.

    A patient is taken on with the first chunk. Synchronous, and as deterministic as `Pipeline`.

    Parameters
    ----------
    models
        What all patients' pipelines share, see `load_models`.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._pipelines: dict[str, Pipeline] = {}

    def __len__(self) -> int:
        """Give the number of patients."""
        return len(self._pipelines)

    def step(self, chunks: Iterable[tuple[str, Chunk]]) -> dict[str, list[Output]]:
        """Take what came since the last tick, any number of chunks a patient, each patient's in order.

        Returns
        -------
        dict[str, list[Output]]
            Outputs of every patient named in `chunks`, in the order in which they were decided.

        Raises
        ------
        StreamError
            If a chunk does not fit `Pipeline.push`; the chunks before it have been taken, and their outputs are lost.
        """
        advanced: list[tuple[str, Unlabelled]] = []
        for patient, chunk in chunks:
            pipeline = self._pipelines.get(patient)
            if pipeline is None:
                pipeline = self._pipelines[patient] = Pipeline(self._models)
            advanced.append((patient, pipeline.advance(chunk)))
        return self._labelled(advanced)

    def discharge(self, patients: Iterable[str]) -> dict[str, list[Output]]:
        """End the streams of these patients, give what was held back, and forget them.

        Raises
        ------
        KeyError
            If there is no such patient.
        """
        return self._labelled([(patient, self._pipelines.pop(patient).finish()) for patient in patients])

    def snapshot(self) -> dict[str, State]:
        """Copy the states out, by patient."""
        return {patient: pipeline.snapshot() for patient, pipeline in self._pipelines.items()}

    def restore(self, states: Mapping[str, State]) -> None:
        """Put copied states back, in place of all patients there are.

        Raises
        ------
        StreamError
            If one was taken with another model.
        """
        restored = {patient: Pipeline(self._models) for patient in states}
        for patient, pipeline in restored.items():
            pipeline.restore(states[patient])
        self._pipelines = restored

    def _labelled(self, advanced: list[tuple[str, Unlabelled]]) -> dict[str, list[Output]]:
        outputs: dict[str, list[Output]] = {patient: [] for patient, _ in advanced}
        batch = Batch(self._models)
        for _, each in advanced:
            batch.add(each)
        batch.label()
        for patient, each in advanced:
            outputs[patient] += each.outputs
        return outputs
