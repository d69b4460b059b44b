"""The record ``demo``: a generated ECG whose every beat is known.

Source: P. E. McSharry, G. D. Clifford, L. Tarassenko and L. A. Smith, "A dynamical model for generating synthetic
electrocardiogram signals", IEEE Trans Biomed Eng 50 (2003) 289, https://doi.org/10.1109/TBME.2003.808805: each wave
of a beat is a Gaussian in the phase of the heart's cycle, and RR intervals have a spectrum with a Mayer-wave peak at
0.1 Hz and a respiratory one at 0.25 Hz.

Differences from the paper:

- The trajectory starts on its limit cycle and stays there, so it is written down in closed form instead of integrated;
  the relaxation to the baseline, which only bends the baseline, falls away.
- Every beat runs its own cycle from its own R peak, and the waves of neighbours add up, so that the P wave of an early
  beat can lie on the T wave before it.
- P wave and QRS complex keep their times at any rate; the T wave moves with the square root of the sinus RR interval
  (Bazett), and not with the single interval, which for an early beat would squeeze it.
- The RR spectrum is a sum of sinusoids of random phase, taken at each beat; respiration moves intervals, amplitudes and
  baseline together.
- Ventricular, supraventricular, fusion and unclassifiable beats, a second lead, and the noises are added.

Random numbers are taken from the raw stream of PCG64, which NumPy keeps the same in all versions, and samples are
rounded to the steps of a 12-bit converter, which swallows the last bits in which sines differ between machines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..stream.core.messages import Samples
from .annotations import Annotations, marks
from .record import Record, Signal
from .source import MemorySource

LEADS = ("MLII", "V5")
GAIN = 200.0  # converter steps per millivolt
RAIL_MV = 2047 / GAIN
DEMO_SEED = 2003

Floats = NDArray[np.float64]


class Wave(NamedTuple):
    """A Gaussian of a beat: place and width in ms from the R peak, height in mV on each of `LEADS`."""

    at_ms: float
    width_ms: float
    mlii: float
    v5: float
    moves: bool = False
    """Whether its place goes with the square root of the RR interval."""


NORMAL_QRS = (Wave(-27, 8, -0.09, -0.13), Wave(0, 10.5, 1.15, 1.40), Wave(27, 9, -0.22, -0.28))
NORMAL_T = (Wave(235, 48, 0.11, 0.12, moves=True), Wave(290, 34, 0.21, 0.25, moves=True))
VENTRICULAR = (
    Wave(-32, 17, 0.32, -0.20),
    Wave(0, 20, 1.45, -1.10),
    Wave(44, 20, 0.75, -0.65),
    Wave(265, 62, -0.55, 0.48, moves=True),
)

WAVES: dict[str, tuple[Wave, ...]] = {
    "N": (Wave(-165, 20, 0.13, 0.08), *NORMAL_QRS, *NORMAL_T),
    "A": (Wave(-128, 15, -0.10, -0.06), *NORMAL_QRS, *NORMAL_T),
    "V": VENTRICULAR,
    "F": (
        Wave(-150, 20, 0.13, 0.08),
        *(wave._replace(mlii=0.65 * wave.mlii, v5=0.65 * wave.v5) for wave in (*NORMAL_QRS, *NORMAL_T)),
        *(wave._replace(mlii=0.35 * wave.mlii, v5=0.35 * wave.v5) for wave in VENTRICULAR),
    ),
    "Q": (Wave(-45, 13, 0.35, 0.15), Wave(0, 12, 0.60, -0.40), Wave(38, 15, -0.55, 0.35), Wave(250, 60, 0.06, -0.08)),
}
"""By WFDB symbol. An early atrial beat has a P wave from below and close to a normal QRS complex."""

EPISODES = (
    ("V",) * 22 + ("VV",) * 3 + ("VNVNVNV",) * 2 + ("VVVV",) + ("A",) * 17 + ("AAAA",) * 2 + ("F",) * 9 + ("Q",) * 2
)
"""What interrupts sinus rhythm in ten minutes, in an order drawn by the seed."""


class Draw:
    """Random numbers from the raw 64-bit stream of PCG64."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def uniform(self, low: float, high: float, size: int) -> Floats:
        """Draw evenly between `low` and `high`."""
        raw = np.asarray(self._bits.random_raw(size), dtype=np.uint64)
        return low + (high - low) * ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def between(self, low: float, high: float) -> float:
        """Draw one number."""
        return float(self.uniform(low, high, 1)[0])

    def noise(self, size: int) -> Floats:
        """Draw white noise of unit variance, each sample the sum of four even draws."""
        return np.asarray(self.uniform(-1.0, 1.0, 4 * size).reshape(4, size).sum(axis=0) * np.sqrt(3 / 4))

    def shuffled(self, items: Sequence[str]) -> list[str]:
        """Bring into a random order."""
        return [items[i] for i in np.argsort(self.uniform(0, 1, len(items)), kind="stable")]


class Band:
    """A narrow-band signal of unit variance, known at any time: sinusoids of random phase under a Gaussian spectrum."""

    def __init__(self, draw: Draw, seconds: float, centre_hz: float, width_hz: float, lines: int = 24) -> None:
        z = np.linspace(-2, 2, lines)
        height = np.exp(-(z**2) / 4)  # of the amplitude; its square is the spectrum
        phase = draw.uniform(0, 2 * np.pi, lines)
        self._at = np.arange(0.0, seconds + 1.0, 0.04)
        angle = 2 * np.pi * np.outer(self._at, centre_hz + width_hz * z) + phase
        self._value = (height * np.sin(angle)).sum(axis=1) * np.sqrt(2 / (height**2).sum())

    def __call__(self, t: Floats | float) -> Floats:
        """Give its value at times in seconds."""
        return np.asarray(np.interp(t, self._at, self._value))


@lru_cache(maxsize=8)
def demo_record(fs: float = 250.0, seconds: float = 600.0, seed: int = DEMO_SEED) -> Record:
    """Generate the record ``demo``: two leads, N, S, V, F and Q beats, every kind of noise and a stretch of lead-off.

    The same arguments give the same samples, on any machine; another sampling rate gives the same heart with other
    noise. Beats are marked at the sample of their R peak, with the symbols N, V, A, F and Q.

    Parameters
    ----------
    fs
        Sampling rate, Hz.
    seconds
        Length, at least 10.
    seed
        Another seed is another patient.
    """
    draw = Draw(seed)
    respiration = Band(draw, seconds, 0.25, 0.012)
    mayer = Band(draw, seconds, 0.10, 0.010)

    def sinus_rr(t: float) -> float:
        """Interval to the next sinus beat; LF to HF power is 1 to 2, as in the paper."""
        return float(0.86 - 0.06 * np.sin(2 * np.pi * t / 400) + 0.017 * mayer(t) + 0.024 * respiration(t))

    times, symbols = _rhythm(draw, seconds, sinus_rr)
    height = 1 + 0.04 * respiration(times) + 0.015 * draw.noise(len(times))
    stretch = np.sqrt([sinus_rr(t) / 0.86 for t in times])
    peaks = np.round(times * fs).astype(np.int64)
    n_samples = round(seconds * fs)

    samples = heart(WAVES, peaks, symbols, height, stretch, n_samples, fs)
    samples = converted(samples + _noise(draw, n_samples, fs, seconds, respiration))
    samples[round(0.70 * n_samples) : round(0.70 * n_samples) + round(20 * fs), LEADS.index("V5")] = np.nan
    samples.setflags(write=False)
    return generated("demo", fs, samples, marks(peaks, symbols), seed)


def generated(name: str, fs: float, samples: Samples, reference: Annotations, seed: int) -> Record:
    """Make a record of generated samples and their marks."""
    return Record(
        name=name,
        path=None,
        fs=float(fs),
        leads=LEADS,
        n_samples=len(samples),
        signals=tuple(Signal(lead, "mV", GAIN, 0, 12, float(fs)) for lead in LEADS),
        comments=(f"generated by ecg-stream after McSharry et al. 2003, seed {seed}: nobody's heart",),
        source=MemorySource(samples, reference),
    )


def converted(samples: Samples) -> Samples:
    """Round to the steps of the converter, within its range; mV."""
    return np.asarray(np.clip(np.round(samples * GAIN) / GAIN, -RAIL_MV, RAIL_MV))


def _rhythm(draw: Draw, seconds: float, sinus_rr: Callable[[float], float]) -> tuple[Floats, list[str]]:
    """Time of each R peak in seconds and its symbol: sinus rhythm, interrupted by one of `EPISODES` now and then."""
    episodes = draw.shuffled(EPISODES)
    pending, next_episode = "", 10.0
    t = sinus = 0.5  # the last beat; the last discharge of the sinus node
    times, symbols = [t], ["N"]
    while True:
        rr = sinus_rr(sinus)
        if not pending and t > next_episode:
            pending = episodes.pop()
            episodes = episodes or draw.shuffled(EPISODES)
            next_episode = t + draw.between(6, 13)
        last, symbol, pending = symbols[-1], pending[:1] or "N", pending[1:]
        if symbol == "V":  # early; the sinus node goes on undisturbed, and its next impulse meets a tired ventricle
            t += draw.between(0.40, 0.45) if last == "V" else draw.between(0.54, 0.62) * rr
        elif symbol == "F":  # a ventricular beat so late that the sinus impulse is half-way down
            t += draw.between(0.92, 0.96) * rr
        elif symbol == "A":  # early; resets the sinus node
            t += draw.between(0.52, 0.56) * rr if last == "A" else draw.between(0.62, 0.72) * rr
            sinus = t
        elif last in "VF":  # the compensatory pause: the first sinus impulse that finds the ventricle rested
            sinus += rr * np.ceil((t + 0.6 * rr - sinus) / rr)
            t = sinus
        else:
            sinus = t = sinus + rr * (draw.between(1.05, 1.15) if last == "A" else 1.0)
        if t > seconds - 0.5:
            return np.array(times), symbols
        times.append(t)
        symbols.append(symbol)


def heart(
    shapes: Mapping[str, tuple[Wave, ...]],
    peaks: NDArray[np.int64],
    names: Sequence[str],
    height: Floats,
    stretch: Floats,
    n_samples: int,
    fs: float,
) -> Samples:
    """Sum the waves of all beats.

    Parameters
    ----------
    shapes
        The waves of each shape of beat, by name.
    peaks, names, height, stretch
        ``(n_beats,)`` each: sample of the R peak, which shape, factor of all heights, and factor of the places of
        waves that move.
    n_samples, fs
        Length, and sampling rate in Hz.

    Returns
    -------
    Samples
        ``(n_samples, 2)`` mV.
    """
    around = np.arange(round(-0.4 * fs), round(0.7 * fs))
    at_ms = around * 1000 / fs
    margin = len(around)
    total = np.zeros((n_samples + 2 * margin, len(LEADS)))
    kinds = np.array(names)
    for name, waves in shapes.items():
        beats = np.flatnonzero(kinds == name)
        shape = np.zeros((len(beats), len(around), len(LEADS)))
        for wave in waves:
            place = wave.at_ms * (stretch[beats, None] if wave.moves else np.ones((1, 1)))
            gaussian = np.exp(-0.5 * ((at_ms - place) / wave.width_ms) ** 2)
            shape += gaussian[:, :, None] * np.array([wave.mlii, wave.v5])
        np.add.at(total, margin + peaks[beats, None] + around, height[beats, None, None] * shape)
    return total[margin:-margin]


def _noise(draw: Draw, n_samples: int, fs: float, seconds: float, respiration: Band) -> Samples:
    """Baseline wander, muscle and mains, ``(n_samples, 2)`` in millivolts."""
    t = np.arange(n_samples) / fs
    noise = np.outer(respiration(t), [0.06, -0.04])
    muscle = np.full(n_samples, 0.006)
    for burst in np.arange(0.05, 1.0, 0.12) * seconds:  # of five seconds
        muscle += 0.05 * _bump(t, burst, 5.0)
    mains = 0.004 + 0.03 * _bump(t, 0.35 * seconds, 0.2 * seconds)
    phase = draw.between(0, 2 * np.pi)
    for column in range(len(LEADS)):
        noise[:, column] += 0.07 * Band(draw, seconds, 0.035, 0.012)(t)
        for moved in draw.uniform(0.05, 0.95, 4) * seconds:  # the patient turns
            noise[:, column] += draw.between(-0.9, 0.9) * _bump(t, moved, 3.0)
        white = draw.noise(n_samples + 1)
        noise[:, column] += muscle * (white[1:] - 0.5 * white[:-1])
        noise[:, column] += mains * np.sin(2 * np.pi * 50 * t + phase + column)
    return noise


def _bump(t: Floats, start: float, length: float) -> Floats:
    """Rise from 0 to 1 and fall again, from `start` on."""
    return np.where((t > start) & (t < start + length), np.sin(np.pi * (t - start) / length) ** 2, 0.0)
