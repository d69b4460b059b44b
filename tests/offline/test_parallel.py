"""The same results, in the same order, from any number of processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.beat_dataset import gather
from ecg_stream.offline.parallel import in_parallel
from ecg_stream.offline.training_records import TrainingRecord
from ecg_stream.offline.variations import Variation
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.labels import AAMI_CLASS
from ecg_stream.stream.core.messages import CLASSES
from ecg_stream.stream.qrs.detector import load_network


def of_demo(seed: int) -> TrainingRecord:
    record = demo_record(seed=seed)
    annotations = record.annotations()
    assert annotations is not None
    classes = np.array([CLASSES.index(AAMI_CLASS[symbol]) for symbol in annotations.symbols], dtype=np.int64)
    signal = record.signal().astype(np.float32)
    none = np.empty((0, 2), dtype=np.int64)
    return TrainingRecord(f"demo/{seed}", f"{seed}", record.fs, signal, annotations.samples, classes, none)


def test_results_come_in_order() -> None:
    assert list(in_parallel(divmod, ((n, 7) for n in range(20)), jobs=2)) == [divmod(n, 7) for n in range(20)]


def test_beats_to_train_on_are_the_same_for_any_number_of_jobs() -> None:
    pytest.importorskip("joblib")
    records, variations = [of_demo(1), of_demo(2)], (Variation(), Variation(leads="one", turned=True))
    told: list[str] = []
    one, two = (gather(records, variations, {}, load_network("qrs"), 3, told.append, jobs) for jobs in (1, 2))
    assert told == 2 * ["demo/1", "demo/1", "demo/2", "demo/2"]
    for name in ("features", "classes", "patients", "unaltered"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", ""])
def test_what_is_no_number_of_jobs(jobs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "beat", "--records", "demo", "--jobs", jobs]) == 2
    assert "valid for --jobs are whole numbers from 1, and ray" in capsys.readouterr().err
