"""The first start on a machine: the loops are compiled on two cores instead of one after the other.

Numba compiles one function at a time in a process, so that the second one takes a second process. Later starts
find the machine code on disk.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np

from .beats.kernel import describe_beats
from .beats.kind_memory import KindMemory
from .beats.state import JOINED
from .beats.tree_sums import compile_tree_sums
from .beats.windows import BeatWindows, Found
from .core.compiled import can_cache, is_cached
from .core.messages import CLASSES, Signal
from .qrs.detector import Detections, QrsDetector, load_network
from .qrs.kernel import detect
from .rhythm.activity import compile_activity
from .rhythm.atrial import compile_atrial
from .rhythm.fibrillation_window import compile_fibrillation
from .signal.denoise import WaveletDenoiser
from .signal.grid import Grid
from .signal.guard import SignalGuard
from .signal.highpass import HighPass
from .signal.spikes import SpikeRemover

FS = 250.0


def compile_loops() -> None:
    """Compile all loops of the pipeline, if that was not done before. The results are the same without this."""
    if not can_cache(describe_beats) or is_cached(describe_beats) or is_cached(detect) or (os.cpu_count() or 1) < 2:
        return
    code = f"from {__name__} import compile_rhythm, compile_windows; compile_windows(); compile_rhythm()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        compile_front()


def compile_front() -> None:
    """Run all loops but that of the beat windows on nothing."""
    nothing = SignalGuard(FS, ("",)).push(np.empty((0, 1)))
    signal = Signal(HighPass(FS, 1).push(nothing.samples), nothing.good)
    SpikeRemover(FS, 1, 0).push(signal)
    WaveletDenoiser(FS, 1).push(signal)
    QrsDetector(load_network(), 1).push(Grid(FS, 1).push(signal).signal)
    compile_activity()
    compile_tree_sums()
    KindMemory(0.5)(np.empty(0, dtype=JOINED), np.empty((0, len(CLASSES))))


def compile_windows() -> None:
    """Run the loop of the beat windows on nothing."""
    none = np.empty(0, dtype=np.int64)
    found = Detections(none, none, np.empty(0), np.empty((0, 1)), np.empty(0, dtype=np.bool_))
    BeatWindows(FS, 1, 0).push(Found(np.empty((0, 1)), found, none))


def compile_rhythm() -> None:
    """Run the loops of the rhythm's rules on nothing."""
    compile_fibrillation()
    compile_atrial()
