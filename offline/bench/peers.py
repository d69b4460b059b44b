"""QRS detection by other libraries on the same lead, for ratios taken in one run.

They are given the whole record at once, which is easier than what the live pipeline does, and they detect only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...replay.recording import full_speed_chunk_ms
from ...stream.core.messages import Chunk
from ...stream.pipeline import Models
from .pipeline import cut, median_seconds, run

Lead = NDArray[np.float64]


def _xqrs(x: Lead, fs: float) -> Any:
    from wfdb.processing import xqrs_detect

    return xqrs_detect(x, fs, verbose=False)


def _neurokit2(x: Lead, fs: float) -> Any:
    import neurokit2

    return neurokit2.ecg_peaks(neurokit2.ecg_clean(x, sampling_rate=round(fs)), sampling_rate=round(fs))


def _biosppy(x: Lead, fs: float) -> Any:
    from biosppy.signals import ecg, tools

    band = {"ftype": "FIR", "band": "bandpass", "frequency": [0.67, 45], "order": int(1.5 * fs)}
    filtered, _, _ = tools.filter_signal(x, sampling_rate=fs, **band)
    return ecg.hamilton_segmenter(filtered, fs)


def _sleepecg(x: Lead, fs: float) -> Any:
    import sleepecg

    return sleepecg.detect_heartbeats(x, fs)


PEERS: dict[str, tuple[str, Callable[[Lead, float], Any]]] = {
    "xqrs": ("wfdb", _xqrs),
    "neurokit2": ("neurokit2", _neurokit2),
    "biosppy": ("biosppy", _biosppy),
    "sleepecg": ("sleepecg", _sleepecg),
}
"""Name, what must be installed, and the call."""


def peers(models: Models, stream: Chunk, rounds: int = 3) -> dict[str, Any]:
    """Multiples of real time of each peer that is installed, and of the whole live pipeline on the same lead, in turn.

    ``ratio`` is the pipeline's speed over the peer's.
    """
    lead = np.ascontiguousarray(stream.samples[:, 0])
    present = {
        name: call
        for name, (module, call) in PEERS.items()
        if find_spec(module) is not None and _runs(call, lead, stream.fs)
    }
    one = Chunk(0, stream.fs, stream.leads[:1], lead[:, np.newaxis])
    chunks = cut(one, full_speed_chunk_ms(stream.fs, 1))
    times: dict[str, list[float]] = {name: [] for name in ("ecg-stream", *present)}
    for _ in range(rounds):
        times["ecg-stream"].append(median_seconds(partial(run, models, chunks), 1))
        for name, call in present.items():
            times[name].append(median_seconds(partial(call, lead.copy(), stream.fs), 1))
    length_s = len(lead) / stream.fs
    factor = {name: length_s / float(np.median(each)) for name, each in times.items()}
    ours = factor.pop("ecg-stream")
    return {
        "ecg-stream": {"realtime_factor": round(ours, 1)},
        **{name: {"realtime_factor": round(f, 1), "ratio": round(ours / f, 2)} for name, f in factor.items()},
    }


def _runs(call: Callable[[Lead, float], Any], lead: Lead, fs: float) -> bool:
    """Whether a peer runs at all: one that lacks a module of its own is left out like one that is not installed."""
    try:
        call(lead[: round(60.0 * fs)].copy(), fs)
    except ImportError:
        return False
    return True
