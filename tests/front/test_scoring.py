"""Beats against a reference, from whatever holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.cli.app import run
from ecg_stream.errors import RecordError, RequestError
from ecg_stream.replay.annotations import write_annotations

AT = np.arange(500, 100_000, 250)
SYMBOLS = ["V" if k % 10 == 0 else "S" if k % 10 == 5 else "N" for k in range(len(AT))]


@pytest.fixture(scope="module")
def result() -> es.Result:
    return es.classify("demo")


@pytest.fixture(scope="module")
def written(result, tmp_path_factory) -> Path:
    marks, _ = result.write(tmp_path_factory.mktemp("written"))
    return marks


def test_arrays_are_compared():
    called = ["N" if symbol == "S" else symbol for symbol in SYMBOLS]
    score = es.score((AT, SYMBOLS), (AT + 3, called), fs=250, start=0)
    assert score.qrs.sensitivity == score.qrs.positive_predictivity == 100.0
    assert (score.v.sensitivity, score.v.positive_predictivity) == (100.0, 100.0)
    assert (score.s.sensitivity, score.s.positive_predictivity) == (0.0, None)
    assert score.counts["Vv"] == SYMBOLS.count("V")
    assert score.counts["Sn"] == SYMBOLS.count("S")
    assert sum(score.counts.values()) == len(AT)
    assert score.rr_error_ms == 0.0


def test_missed_and_extra_beats_are_counted():
    score = es.score((AT, SYMBOLS), (np.delete(AT, 100), np.delete(SYMBOLS, 100)), fs=250, start=0)
    assert (score.counts["Vo"], score.counts["On"]) == (1, 0)
    score = es.score((AT, SYMBOLS), ([*AT, 30_125], [*SYMBOLS, "N"]), fs=250, start=0)
    assert score.counts["On"] == 1


def test_order_does_not_matter():
    turned = (AT[::-1].tolist(), SYMBOLS[::-1])
    assert es.score((AT, SYMBOLS), turned, fs=250, start=0).counts["Vv"] == SYMBOLS.count("V")


def test_the_same_beats_score_the_same_however_they_are_given(result, written):
    recording = es.read_record("demo")
    beats = ([beat.sample for beat in result], [beat.label for beat in result])
    reference = recording.reference
    assert reference is not None
    expected = es.score("demo", result).counts
    pairs = [
        (recording, result),
        (("demo", "atr"), result),
        (recording, written),
        ("demo", str(written)),
        ("demo", beats),
        ((reference.samples, reference.symbols), result),
        (reference, result),
    ]
    for one, other in pairs:
        assert es.score(one, other, end=600).counts == expected


def test_it_agrees_with_the_command(written, capsys):
    assert run(["score", "demo", "--annotations", str(written.parent), "--json"]) == 0
    line = capsys.readouterr().out
    score = es.score("demo", written)
    for key, count in score.counts.items():
        assert f'"{key}":{count}' in line


def test_a_file_beside_its_header_knows_rate_and_length(tmp_path, write_record):
    path = write_record(tmp_path, seconds=60)
    write_annotations(tmp_path, path.name, 250, AT[AT < 15_000], ["N"] * int((AT < 15_000).sum()), "ecs")
    score = es.score(path.with_suffix(".atr"), path.with_suffix(".ecs"), start=0)
    assert score.hours == pytest.approx(60 / 3600)
    assert score.counts == es.score(path, path, start=0).counts
    assert score.name == "r1"


def test_only_what_both_cover_is_compared():
    part = es.classify("demo", start=320, end=380)
    score = es.score("demo", part)
    assert score.hours == pytest.approx(60 / 3600)
    assert score.qrs.sensitivity == 100.0


def test_the_learning_period_is_left_out_unless_a_start_is_given(result):
    assert es.score("demo", result).hours == pytest.approx(300 / 3600)
    assert es.score("demo", result, start=0).hours == pytest.approx(600 / 3600)
    assert es.score("demo", result, start=0, end=60).hours == pytest.approx(60 / 3600)


def test_escape_beats_go_by_the_map():
    given = (AT, ["j"] * len(AT)), (AT, ["N"] * len(AT))
    assert es.score(*given, fs=250, start=0).counts["Nn"] == len(AT)
    assert es.score(*given, fs=250, start=0, label_map="bxb").counts["Sn"] == len(AT)


def test_a_score_shows_itself_in_one_line():
    score = es.score((AT, ["N"] * len(AT)), (AT, ["N"] * len(AT)), fs=250, start=0)
    assert repr(score) == "<Score beats: Se / +P in percent: QRS 100.00 / 100.00, V - / -, S - / ->"


@pytest.mark.parametrize(
    ("reference", "test", "options", "message"),
    [
        ((AT, SYMBOLS), (AT, SYMBOLS), {}, "beats without a sampling rate: give it in hertz, fs=250"),
        ("demo", (AT, SYMBOLS), {"fs": 360}, "sampling rates of 250 and 360 Hz"),
        ("demo", 3, {}, "got int as the test: valid are a Result"),
        ((AT, SYMBOLS[1:]), "demo", {}, "with 397 symbols as the reference"),
        ("demo", (AT / 2, SYMBOLS), {}, "type float64 .* as many whole numbers as symbols"),
        ("demo", (AT, SYMBOLS), {"start": 700}, "nothing is left to compare from 700 to 600 s"),
        ("demo", (AT, SYMBOLS), {"label_map": "own"}, "no label map 'own': valid are aami, bxb"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(reference, test, options, message):
    with pytest.raises(RequestError, match=message):
        es.score(reference, test, **options)


def test_annotations_that_are_not_there_are_told():
    with pytest.raises(RecordError, match="record demo has no annotations 'ecs'"):
        es.score("demo", "demo")
    with pytest.raises(RequestError, match="no reference annotations"):
        es.score(es.read_record("demo", annotator="qrs"), "demo")
