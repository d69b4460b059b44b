"""`ecg-stream predict`: windows, leads, and everything that it refuses in one line."""

import json

import numpy as np
import pytest
from record_bundles import write_bundle
from synthetic_ptbxl import LEADS, signal, write_record

from ecg_stream.cli.app import run
from ecg_stream.stream.core.messages import Signal
from ecg_stream.stream.signal.guard import SignalGuard
from ecg_stream.stream.signal.highpass import HighPass
from ecg_stream.stream.strip.classifier import RecordClassifier
from ecg_stream.stream.strip.model import load_record_model


@pytest.fixture
def model(tmp_path):
    return str(write_bundle(tmp_path / "lowest"))


def refused(capsys, *arguments: str) -> str:
    """The one line of a refusal."""
    assert run(["predict", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ecg-stream: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("positive", "label"), [(True, "IMI"), (False, "NORM")])
@pytest.mark.parametrize("fs", [100, 250, 500])
def test_one_window_as_json(tmp_path, model, capsys, positive, label, fs):
    write_record(tmp_path / "r1", signal(positive, fs=fs), fs=fs)
    assert run(["predict", str(tmp_path / "r1"), "--model", model, "--json"]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    answer = json.loads(out)
    assert (answer["record"], answer["fs"], answer["model"], answer["leads"]) == ("r1", fs, "lowest", ["I"])
    assert answer["label"] == label
    assert (answer["probability"] >= answer["threshold"]) == positive
    assert answer["windows"] == [
        {"start": 0.0, "end": 10.0, "label": label, "probability": answer["probability"], "no_measurement": []}
    ]
    assert err == ""


def test_a_longer_record_is_read_ten_seconds_at_a_time(tmp_path, model, capsys):
    samples = np.concatenate([signal(False), signal(True), signal(False), signal(False, seconds=4.0)])
    samples[2500, 0] = np.nan
    write_record(tmp_path / "long", samples, fs=100)
    assert run(["predict", str(tmp_path / "long"), "--model", model]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "long: 34 s at 100 Hz, model lowest, leads I"
    assert lines[1].split() == ["seconds", "class", "probability", "of", "IMI", "(called", "from", "0.500)"]
    assert [line.split()[:4] for line in lines[2:]] == [
        ["0", "to", "10", "NORM"],
        ["10", "to", "20", "IMI"],
        ["20", "to", "30", "-"],
    ]
    assert lines[4].endswith("no measurement on I")


def test_says_what_the_live_classification_says(tmp_path, model, capsys):
    fs = 360
    samples = np.concatenate([signal(False, fs=fs), signal(True, fs=fs)])[:, :1]
    write_record(tmp_path / "live", samples, fs=fs, leads=("I",))
    assert run(["predict", str(tmp_path / "live"), "--model", model, "--json"]) == 0
    windows = json.loads(capsys.readouterr().out)["windows"]
    guarded = SignalGuard(fs, ("I",)).push(np.round(samples, 3))
    live = RecordClassifier(load_record_model(model), fs, ("I",))
    events = live.push(Signal(HighPass(fs, 1).push(guarded.samples), guarded.good))
    at = {event.time: event.detail for _, event in events}
    for window in windows:
        assert at[window["end"]] == f"{window['label']}, probability of IMI {window['probability']:.3f}"


def test_refuses_three_seconds(tmp_path, model, capsys):
    write_record(tmp_path / "short", signal(True, seconds=3.0), fs=100)
    assert "record short has 3 s: record models need at least 10 s" in refused(
        capsys, str(tmp_path / "short"), "--model", model
    )


def test_refuses_leads_it_was_not_trained_on(tmp_path, model, capsys):
    write_record(tmp_path / "holter", signal(True)[:, :2], fs=100, leads=("MLII", "V5"))
    line = refused(capsys, str(tmp_path / "holter"), "--model", model)
    assert "record holter has the leads MLII, V5: the model was trained on I " in line
    assert "lead" in refused(capsys, str(tmp_path / "holter"))


def test_refuses_a_lead_without_measurement(tmp_path, model, capsys):
    for name, value in (("lost", np.nan), ("flat", 0.1)):
        samples = signal(True)
        samples[:, 0] = value
        write_record(tmp_path / name, samples, fs=100)
        line = refused(capsys, str(tmp_path / name), "--model", model)
        assert f"record {name} has no ten seconds with a measurement" in line
        assert "lead I is missing, flat or at its rail" in line


def test_refuses_a_rate_too_low(tmp_path, model, capsys):
    write_record(tmp_path / "slow", signal(True, fs=60), fs=60)
    assert "has 60 Hz: record models need at least 100 Hz" in refused(capsys, str(tmp_path / "slow"), "--model", model)


def test_refuses_a_bundle_of_another_task_or_another_preprocessing(tmp_path, capsys):
    write_record(tmp_path / "r1", signal(True), fs=100)
    beats = write_bundle(tmp_path / "beats", task="beat")
    assert "is for the task 'beat', not 'record'" in refused(capsys, str(tmp_path / "r1"), "--model", str(beats))
    other = write_bundle(tmp_path / "other", preprocessing="record-window/0")
    assert "asks for preprocessing 'record-window/0'" in refused(capsys, str(tmp_path / "r1"), "--model", str(other))
    assert "no model 'nonsense'" in refused(capsys, str(tmp_path / "r1"), "--model", "nonsense")


def test_takes_the_richest_shipped_model_that_fits(tmp_path, capsys):
    write_record(tmp_path / "twelve", signal(False), fs=100)
    write_record(tmp_path / "one", signal(False)[:, :1], fs=100, leads=LEADS[:1])
    for name, leads in (("twelve", 12), ("one", 1)):
        assert run(["predict", str(tmp_path / name), "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["leads"]) == leads
