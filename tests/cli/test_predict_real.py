"""`ecg-stream predict` with the shipped models on real records, as a user runs it."""

import json
import subprocess
import sys

import pytest

from ecg_stream.cli.app import run

TRAINING_ONLY = {"tensorflow", "keras", "sklearn", "matplotlib", "imblearn"}


@pytest.fixture
def pairs(data_folder):
    """Paths of the same records at 100 and at 500 Hz."""
    folder = data_folder / "ptb-xl"
    found = []
    for header in sorted(folder.glob("records500/*/*_hr.hea")):
        low = folder / "records100" / header.parent.name / header.name.replace("_hr", "_lr")
        if low.is_file():
            found.append((low.with_suffix(""), header.with_suffix("")))
    if not found:
        pytest.skip(f"{folder} holds no record at both rates")
    return found


@pytest.mark.parametrize("model", ["ptbxl-12-leads", "ptbxl-lead-i"])
def test_the_same_record_at_both_rates_gets_the_same_class(pairs, model, capsys):
    chosen = pairs[:: max(1, len(pairs) // 20)]
    probabilities = []
    for pair in chosen:
        answers = []
        for path in pair:
            assert run(["predict", str(path), "--model", model, "--json"]) == 0
            answers.append(json.loads(capsys.readouterr().out))
        probabilities.append([answer["probability"] for answer in answers])
        low, high = probabilities[-1]
        # The 500 Hz file of a record stands still at its end, the 100 Hz file goes on: only on the very threshold
        # may they differ.
        near = abs(low - answers[0]["threshold"]) < 0.06
        assert near or answers[0]["label"] == answers[1]["label"]
        assert low == pytest.approx(high, abs=0.1)
    assert sum((low >= 0.5) == (high >= 0.5) for low, high in probabilities) >= len(chosen) - 1


def test_needs_nothing_of_the_training_extra(pairs):
    program = (
        "import sys; from ecg_stream.cli.app import run; status = run(sys.argv[1:]); "
        "print(' '.join(sorted(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "predict", str(pairs[0][1]), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["leads"][0] == "I"
    assert not TRAINING_ONLY & set(done.stderr.split())
