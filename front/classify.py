"""A whole recording through the live pipeline, at full speed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from numpy.typing import ArrayLike

from ..replay.preroll import PREROLL_S
from ..replay.preroll import preroll as prerolled
from ..replay.record import Record
from ..replay.record_origin import record_origin
from ..replay.recording import full_speed_chunk_ms
from ..stream.core.messages import Output
from ..stream.first_start import interpret_meanwhile
from ..stream.networks import DEFAULT_DETECTOR, DEFAULT_MODEL, ModelSource, as_models
from ..stream.pipeline import Pipeline
from ..stream.run.engine import Session
from ..stream.strip.classifier import RecordClassifier
from .advice import naming_parameters
from .recording import Recording, as_record
from .result import Result


@naming_parameters()
def classify(
    source: str | os.PathLike[str] | Recording | Record | ArrayLike,
    fs: float | None = None,
    *,
    leads: str | Sequence[str] | None = None,
    unit: str = "mV",
    start: float = 0.0,
    end: float | None = None,
    preroll: float = PREROLL_S,
    model: ModelSource = DEFAULT_MODEL,
    detector: str | os.PathLike[str] = DEFAULT_DETECTOR,
    record_model: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: Callable[[float, float], object] | None = None,
) -> Result:
    """Classify the beats of a recording, as the live pipeline would have while it was measured.

    Parameters
    ----------
    source
        A record, as `read_record` takes it: ``demo``, ``demo-rhythms``, a path, ``db/name``, a bare name or a file. Or
        what `read_record` gave. Or an array ``(n_samples, n_leads)``, where ``(n_samples,)`` is one lead and NaN is no
        measurement.
    fs
        Sampling rate of an array, or of a file that does not say it, Hz.
    leads
        Of a record, the leads to look at, by name or index from 0; of an array, the names of its columns. None is all.
    unit
        Of an array: V, mV, uV or nV. Of a file: what its values are in, where that is not mV or what it says.
    start, end
        Part of the recording, in seconds from its start. Beats stay counted from the start of the recording.
    preroll
        So much before `start`, in seconds, is run first, in silence, so that the patient is known; 0 is none.
    model, detector, record_model
        Shipped name or folder of a bundle; `record_model` classifies the last ten seconds as well, every two. `model`
        may be a classifier of your own, see `Pipeline`.
    name
        Of an array, what files and lines call it; ``array`` unless given.
    progress
        Called with the seconds that are done and all there are, after every ten.

    Raises
    ------
    RequestError
        If the record, a lead, the part, the preroll or a model is not there: one line says what is valid.
    StreamError
        If the array is none of samples, or the sampling rate is not that of an ECG.
    """
    record = as_record(source, fs, leads, unit, name)
    first, stop = record.sample_range(start, end)
    before = prerolled(record, start, preroll)
    models = as_models(model, detector, record_model)
    if models.record is not None:
        RecordClassifier(models.record, record.fs, record.leads)  # refuses leads that the model cannot do with
    origin = record_origin(record)
    session = Session(record.name, Pipeline(models), first, origin)
    interpret_meanwhile()
    for chunk in before:
        session.prepare(chunk)
    outputs: list[Output] = []
    for chunk in record.chunks(full_speed_chunk_ms(record.fs, len(record.leads)), start, end):
        outputs += session.push(chunk).outputs
        if progress is not None:
            progress((chunk.start + len(chunk.samples) - first) / record.fs, (stop - first) / record.fs)
    outputs += session.flush().outputs
    return Result(record.name, record.fs, record.leads, first, stop, tuple(outputs), session.summary(), origin)
