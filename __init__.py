"""A live ECG beat classifier: WFDB records or MQTT in, AAMI-classified beats out.

::

    import ecg_stream as es

    result = es.classify("demo")  # a record, a path, or an array with fs=
    pipeline = es.Pipeline(fs=250, leads=["II"])  # samples in, beats and events out, a chunk at a time

What stands in `__all__` is public; everything else, the modules of the rooms too, is private. ``docs/api.md`` says what
is promised. Each name is imported when it is first asked for, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
import os
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors, testing
    from .front.classify import classify
    from .front.live import stream
    from .front.recording import Recording, read_record
    from .front.result import Intervals, Result
    from .front.scoring import Score, score
    from .replay.annotations import Annotations
    from .stream.beats.features import NAMES as FEATURES
    from .stream.core.messages import Alert, Beat, Chunk, Event, Probabilities, Rhythm, Signal, St
    from .stream.pipeline import Pipeline
    from .stream.run.summary import Summary
else:
    from . import stream

# Nothing leaves the machine unasked: ONNX Runtime from 1.29 on and Ray report to their makers unless told not to.
# Whatever uses them is inside this package, so this is run before they are imported, in every process.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

__version__ = "0.2.0"

__all__ = [
    "FEATURES",
    "Alert",
    "Annotations",
    "Beat",
    "Chunk",
    "Event",
    "Intervals",
    "Pipeline",
    "Probabilities",
    "Recording",
    "Result",
    "Rhythm",
    "Score",
    "Signal",
    "St",
    "Summary",
    "__version__",
    "classify",
    "errors",
    "read_record",
    "score",
    "stream",
    "testing",
]

_PLACES = {
    "Alert": "stream.core.messages.Alert",
    "Annotations": "replay.annotations.Annotations",
    "Beat": "stream.core.messages.Beat",
    "Chunk": "stream.core.messages.Chunk",
    "Event": "stream.core.messages.Event",
    "FEATURES": "stream.beats.features.NAMES",
    "Intervals": "front.result.Intervals",
    "Pipeline": "stream.pipeline.Pipeline",
    "Probabilities": "stream.core.messages.Probabilities",
    "Recording": "front.recording.Recording",
    "Result": "front.result.Result",
    "Rhythm": "stream.core.messages.Rhythm",
    "Score": "front.scoring.Score",
    "Signal": "stream.core.messages.Signal",
    "St": "stream.core.messages.St",
    "Summary": "stream.run.summary.Summary",
    "classify": "front.classify.classify",
    "read_record": "front.recording.read_record",
    "score": "front.scoring.score",
}
"""Where each name stands; modules are not in it."""


class _CallableRoom(types.ModuleType):
    """The package ``ecg_stream.stream``, whose name is also that of a public function: it can be called as that."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call `front.live.stream`."""
        return importlib.import_module(".front.live", __name__).stream(*arguments, **options)


if not TYPE_CHECKING:
    stream.__class__ = _CallableRoom


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _PLACES:
        module, _, attribute = _PLACES[name].rpartition(".")
        found = getattr(importlib.import_module(f".{module}", __name__), attribute)
    elif name in __all__:
        found = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Show what is public."""
    return list(__all__)
