"""A small database in PTB-XL's layout: made-up beats, whose polarity in the first lead is the class."""

from pathlib import Path

import numpy as np
import pandas as pd
import wfdb

LEADS = ("I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6")


def signal(positive: bool, *, fs: int = 100, seconds: float = 10.0, seed: int = 0) -> np.ndarray:
    """``(n, 12)`` mV: a narrow peak a second on an offset, downward in lead I if positive."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * fs)) / fs
    beat = np.exp(-0.5 * (((time + rng.uniform()) % 0.8 - 0.4) / 0.02) ** 2)
    gains = np.ones(12)
    gains[0] = -1.0 if positive else 1.0
    return 0.3 + beat[:, None] * gains + rng.normal(0.0, 0.02, (len(time), 12))


def write_record(path: Path, samples: np.ndarray, *, fs: int, leads: tuple[str, ...] = LEADS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        path.name,
        fs=fs,
        units=["mV"] * len(leads),
        sig_name=list(leads),
        p_signal=samples,
        fmt=["16"] * len(leads),
        adc_gain=[1000.0] * len(leads),
        baseline=[0] * len(leads),
        write_dir=str(path.parent),
    )


def write_database(folder: Path, *, per_fold: int = 8, folds: int = 9, rates: tuple[int, ...] = (100,)) -> pd.DataFrame:
    """Write CSV and records; half of each fold is IMI, and a person has validated three of four. Gives the table."""
    rows = []
    for number in range(per_fold * folds):
        positive = number % 2 == 1
        ecg_id = number + 1
        row = {
            "ecg_id": ecg_id,
            "patient_id": 1000 + number // 2,
            "strat_fold": number // per_fold + 1,
            "scp_codes": "{'IMI': 100.0, 'SR': 0.0}" if positive else "{'NORM': 100.0, 'SR': 0.0}",
            "validated_by_human": number % 8 < 6,
            "burst_noise": None,
            "electrodes_problems": None,
            "extra_beats": None,
        }
        for rate, column, suffix in ((100, "filename_lr", "lr"), (500, "filename_hr", "hr")):
            row[column] = f"records{rate}/00000/{ecg_id:05d}_{suffix}"
            if rate in rates:
                write_record(folder / row[column], signal(positive, fs=rate, seed=number), fs=rate)
        rows.append(row)
    table = pd.DataFrame(rows)
    table.to_csv(folder / "ptbxl_database.csv", index=False)
    return table
