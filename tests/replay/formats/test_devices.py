"""Text as devices and programs write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record

ECG = demo_record().signal(0, 2000)

APPLE = (
    'Name,Jo\nDate of Birth,"Jan 1, 1970"\nRecorded Date,2023-01-01 10:00:00 +0100\nClassification,Sinus Rhythm\n'
    'Symptoms,\nDevice,"Watch6,1"\nSample Rate,512 hertz\n\n\nLead,Lead I\nUnit,µV\n\n'
)
APPLE_DE = 'Name,Jo\nGeburtsdatum,"1.1.1970"\nAbtastrate,512 Hertz\n\n\nAbleitung,Ableitung I\nEinheit,µV\n\n'
POLAR = "Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]\n"
OPENBCI = (
    "%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 200 Hz\n"
    "Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Timestamp, Timestamp (Formatted)\n"
)
OPENSIGNALS = '# OpenSignals Text File Format\n# {"00:07": {"sampling rate": 1000, "channels": [1]}}\n# EndOfHeader\n'

Row = Callable[[int, float, float], str]
DEVICES: dict[str, tuple[str, Row, dict[str, Any], float, tuple[str, ...]]] = {
    "apple watch": (APPLE, lambda k, a, b: f"{a * 1000:.3f}", {}, 512, ("Lead I",)),
    "apple watch, German": (
        APPLE_DE,
        lambda k, a, b: f"{a * 1000:.3f}".replace(".", ","),
        {},
        512,
        ("Ableitung I",),
    ),
    "polar": (
        POLAR,
        lambda k, a, b: (
            f"2023-01-01T10:00:{k / 130:06.3f};{599616 * 10**12 + k * 7692307};{k * 1000 / 130};{a * 1000:.0f}"
        ),
        {},
        130,
        ("ecg",),
    ),
    "openbci": (
        OPENBCI,
        lambda k, a, b: (
            f"{k % 200}, {a * 1000:.3f}, {b * 1000:.3f}, 0.01, {1.7e9 + k / 200:.4f}, 2023-01-01 10:00:00.000"
        ),
        {"unit": "uV"},
        200,
        ("EXG Channel 0", "EXG Channel 1"),
    ),
    "kaggle": (
        "'sample #','MLII','V5'\n",
        lambda k, a, b: f"{k},{round(a * 200)},{round(b * 200)}",
        {"fs": 360, "unit": "200/mV"},
        360,
        ("MLII", "V5"),
    ),
    "biopac": (
        "r.acq\n1 msec/sample\n2 channels\nECG\nmV\nRSP\nVolts\nmin\tCH1\tCH2\n",
        lambda k, a, b: f"{k / 60_000:.8f}\t{a:.4f}\t{b:.4f}",
        {},
        1000,
        ("CH1", "CH2"),
    ),
    "opensignals": (
        OPENSIGNALS,
        lambda k, a, b: f"{k % 16}\t0\t0\t{round(a * 200)}\t",
        {"columns": ["4"], "unit": "200/mV"},
        1000,
        ("ECG1",),
    ),
}


@pytest.mark.parametrize("device", DEVICES)
def test_a_file_of(device: str, tmp_path: Path) -> None:
    head, row, options, fs, leads = DEVICES[device]
    rows = "".join(f"{row(k, a, b)}\n" for k, (a, b) in enumerate(ECG.tolist()))
    (tmp_path / "x.txt").write_text(head + rows)
    record = find_record(str(tmp_path / "x.txt"), **options)
    assert (record.fs, record.leads, record.n_samples) == (fs, leads, len(ECG))
    np.testing.assert_allclose(record.signal(), ECG[:, : len(leads)], atol=0.0051)


def test_a_rate_that_is_asked_for_goes_before_one_above_the_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("# fs = 250\nII\n" + "0.1\n" * 500)
    assert find_record(str(tmp_path / "x.csv")).fs == 250
    assert find_record(str(tmp_path / "x.csv"), fs=500).fs == 500
