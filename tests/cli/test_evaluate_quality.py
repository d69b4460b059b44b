"""`evaluate quality`: quality against our own errors, on records with and without noise."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from ecg_stream.cli.app import run
from ecg_stream.offline.noise_stress import NoiseStress
from ecg_stream.offline.quality_evaluation import Told, separation
from ecg_stream.replay.record import Record


def told(patient: str, quality: list[float], right: list[bool]) -> Told:
    return Told(f"db/{patient}", patient, None, np.array(quality), np.array(right))


def test_the_mean_is_over_patients_with_enough_errors():
    perfect = told("a", [0.1] * 12 + [0.9] * 20, [False] * 12 + [True] * 20)
    guessing = told("b", [0.5] * 30, [False] * 10 + [True] * 20)
    few = told("c", [0.9, 0.1], [False, True])
    found = separation([perfect, guessing, few], 0.7)
    assert (found.beats, found.errors, found.patients) == (64, 23, 2)
    assert found.auc_mean == pytest.approx(0.75)
    assert found.below == (pytest.approx(22 / 23), pytest.approx(21 / 41))


def test_without_errors_there_is_no_auc():
    found = separation([told("a", [0.9, 0.8], [True, True])], 0.7)
    assert (found.auc, found.auc_mean, found.below) == (None, None, (0.0, 0.0))


def test_errors_in_noise_have_low_quality(real_record: Callable[[str], Record], capsys: pytest.CaptureFixture[str]):
    real_record("nstdb/em")
    from ecg_stream.offline.quality_evaluation import run_records
    from ecg_stream.replay.catalog import data_folder
    from ecg_stream.stream.beats.quality import load_quality
    from ecg_stream.stream.qrs.detector import load_network

    name = f"mitdb/{real_record('119').name}"
    noise = NoiseStress("em", 0.0)
    runs = list(run_records([name], [noise], True, load_network(), load_quality(), data_folder()))
    found = separation(runs, load_quality().trusted_in_run)
    assert found.errors > 50
    assert found.auc is not None
    assert found.auc > 0.85
    assert found.below[0] > 5 * found.below[1]


@pytest.mark.parametrize(
    ("arguments", "told_of"),
    [
        (["--noise", "em"], "--noise and --snr go together"),
        (["--noise", "white", "--snr", "0"], "--noise white: valid are em, ma, bw"),
        (["--noise", "em", "--snr", "nan"], "valid for --snr is -100 to 100"),
        (["--db", "nonsense"], "no record list 'nonsense'"),
        (["--model", "qrs"], "task"),
    ],
)
def test_a_wrong_request_gets_one_line_and_2(arguments, told_of, capsys: pytest.CaptureFixture[str]):
    assert run(["evaluate", "quality", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told_of in err
    assert err.count("\n") == 1


def test_json_is_one_object(real_record: Callable[[str], Record], capsys: pytest.CaptureFixture[str]):
    real_record("cpsc2019/data_00014")
    assert run(["evaluate", "quality", "--db", "cpsc2019", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["records"]) > 10
    assert found["quality"]["all"]["beats"] > 300
