"""Beats of many patients that wait for one call of the classifier, in lists that get them later."""

from __future__ import annotations

from .batch import Described, label
from .core.messages import Chunk, Output
from .core.stage import State
from .networks import Models
from .pipeline import Pipeline


class Batch:
    """Outputs of any number of pipelines, waiting for one call of the classifier.

    Parameters
    ----------
    models
        What all pipelines of the batch share, see `load_models`.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._waiting: list[tuple[Pipeline, Described, list[Output]]] = []

    def pipeline(self) -> BatchedPipeline:
        """Give a fresh pipeline whose beats are labelled with those of the batch."""
        return BatchedPipeline(self._models, self)

    def add(self, pipeline: Pipeline, described: Described) -> list[Output]:
        """Let outputs wait; give the list in which `label` will put them."""
        outputs: list[Output] = []
        self._waiting.append((pipeline, described, outputs))
        return outputs

    def waits(self, pipeline: Pipeline) -> bool:
        """Tell whether outputs of this pipeline wait."""
        return any(each is pipeline for each, _, _ in self._waiting)

    def label(self) -> None:
        """Label all beats that wait, in the lists that `add` gave."""
        waiting, self._waiting = self._waiting, []
        for (pipeline, _, outputs), labelled in zip(
            waiting, label(self._models, [described for _, described, _ in waiting]), strict=True
        ):
            outputs += pipeline.remember(labelled)


class BatchedPipeline:
    """A `Pipeline` whose outputs come when `Batch.label` has been called; `flush` calls it."""

    def __init__(self, models: Models, batch: Batch) -> None:
        self._pipeline = Pipeline(models)
        self._batch = batch

    def push(self, chunk: Chunk) -> list[Output]:
        """Take the next chunk, see `Pipeline.push`."""
        if self._batch.waits(self._pipeline):
            self._batch.label()
        return self._batch.add(self._pipeline, self._pipeline.describe(chunk))

    def flush(self) -> list[Output]:
        """End the stream, see `Pipeline.flush`; labels the whole batch."""
        if self._batch.waits(self._pipeline):
            self._batch.label()
        outputs = self._batch.add(self._pipeline, self._pipeline.finish())
        self._batch.label()
        return outputs

    def snapshot(self) -> State:
        """Copy the state out; beats that wait for their label are no part of it."""
        return self._pipeline.snapshot()

    def restore(self, state: State) -> None:
        """Put a copied state back, see `Pipeline.restore`."""
        self._pipeline.restore(state)
