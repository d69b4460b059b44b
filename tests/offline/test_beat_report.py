"""The beat evaluation: a pipeline whose every mistake is known goes in, figures and a report come out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecg_stream.errors import RecordError, RequestError
from ecg_stream.offline.beat_figures import classification, delays, matched_beats, offsets
from ecg_stream.offline.beat_report import figures, fill_report
from ecg_stream.offline.beat_run import Conditions, DatabaseResult, RecordRun, rhythm_is_supraventricular, run_record
from ecg_stream.offline.beat_stretches import worst_stretches
from ecg_stream.offline.report_folder import writing_report
from ecg_stream.replay.annotations import Annotations, marks
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.labels import AAMI_CLASS
from ecg_stream.replay.record import Record
from ecg_stream.stream.core.messages import CLASSES, Beat, Chunk, Event, Output

CONDITIONS = Conditions("scripted", start_s=0.0)
LATE_BY = 4  # samples: 16 ms at 250 Hz


class Scripted:
    """A pipeline that knows the demo's beats: it calls V beats N, misses some, and is late in telling others."""

    def __init__(self, record: Record, missed: Sequence[int] = (), late: Sequence[int] = ()) -> None:
        reference = record.annotations()
        assert reference is not None
        beats = reference.beats()
        self.beats = [
            self._beat(record.fs, int(sample), AAMI_CLASS[symbol], 900.0 if k in late else 150.0)
            for k, (sample, symbol) in enumerate(zip(beats.samples, beats.symbols, strict=True))
            if k not in missed
        ]
        self.leads: tuple[str, ...] = ()

    def _beat(self, fs: float, sample: int, label: str, delay_ms: float) -> Beat:
        called = "N" if label == "V" else label
        probabilities = tuple(0.8 if one == called else 0.05 for one in CLASSES)
        return Beat(sample + LATE_BY, (sample + LATE_BY) / fs, called, probabilities, None, delay_ms)

    def push(self, chunk: Chunk) -> Sequence[Output]:
        self.leads = chunk.leads
        stop = chunk.start + len(chunk.samples)
        due = [beat for beat in self.beats if chunk.start <= beat.sample < stop]
        return [Event(chunk.start, chunk.start / chunk.fs, "lead-on"), *reversed(due)]

    def flush(self) -> Sequence[Output]:
        return []


@pytest.fixture(scope="module")
def demo() -> Record:
    return find_record("demo")


@pytest.fixture(scope="module")
def run(demo: Record) -> RecordRun:
    return run_record("demo", demo, Scripted(demo, missed=(100, 101, 102, 400), late=(50,)), CONDITIONS)


def truth(demo: Record) -> list[str]:
    reference = demo.annotations()
    assert reference is not None
    return [AAMI_CLASS[symbol] for symbol in reference.beats().symbols]


class TestRun:
    def test_beats_are_put_in_order_and_scored(self, demo: Record, run: RecordRun) -> None:
        assert (np.diff(run.samples) > 0).all()
        assert len(run.samples) == len(truth(demo)) - 4
        assert run.score.counts[:, -2].sum() == 4
        assert run.probabilities.shape == (len(run.samples), len(CLASSES))

    def test_the_pipeline_sees_all_leads_or_the_first(self, demo: Record) -> None:
        for first, expected in ((False, demo.leads), (True, demo.leads[:1])):
            pipeline = Scripted(demo)
            again = run_record("demo", demo, pipeline, replace(CONDITIONS, first_lead=first))
            assert pipeline.leads == again.leads == expected

    def test_a_silent_pipeline_misses_everything(self, demo: Record) -> None:
        silent = run_record("demo", demo, Scripted(demo, missed=range(10_000)), CONDITIONS)
        assert silent.score.counts[:, -2].sum() == len(truth(demo))
        assert delays([silent]).p50 is None
        assert classification(matched_beats([silent])).accuracy is None

    def test_a_record_that_is_over_before_scoring_begins_is_refused(self, demo: Record) -> None:
        with pytest.raises(RecordError, match="demo ends at 600 s, before scoring begins at 600 s"):
            run_record("demo", demo, Scripted(demo), replace(CONDITIONS, start_s=600.0))


class TestFigures:
    def test_classes(self, demo: Record, run: RecordRun) -> None:
        labels = [label for k, label in enumerate(truth(demo)) if k not in (100, 101, 102, 400)]
        found = classification(matched_beats([run]))
        wrong = labels.count("V")
        assert found.beats == len(labels)
        assert found.accuracy == pytest.approx(100 * (1 - wrong / len(labels)))
        n, s, v, _, _ = found.classes
        assert (n.beats, s.beats, v.beats) == (labels.count("N"), labels.count("S"), wrong)
        assert (v.sensitivity, v.specificity, v.positive_predictivity) == (0.0, 100.0, None)
        assert n.sensitivity == 100.0
        assert n.specificity == pytest.approx(100 * (1 - wrong / (len(labels) - labels.count("N"))))
        assert s.auc == 1.0
        assert s.average_precision == 1.0
        assert found.confusion[2][0] == wrong
        right = 0.2**2 + 4 * 0.05**2
        called_wrong = 0.8**2 + 0.95**2 + 3 * 0.05**2
        assert found.brier == pytest.approx((right * (len(labels) - wrong) + called_wrong * wrong) / len(labels))
        assert found.calibration_error == pytest.approx(100 * abs(0.8 - (1 - wrong / len(labels))))

    def test_delays(self, run: RecordRun) -> None:
        found = delays([run])
        assert (found.p50, found.p95, found.max) == (150.0, 150.0, 900.0)
        assert found.late_percent == pytest.approx(100 / found.beats)

    def test_offsets(self, run: RecordRun) -> None:
        found = offsets(matched_beats([run]).offset_ms)
        assert (found.median, found.p5, found.p95) == (16.0, 16.0, 16.0)

    def test_the_worst_stretches_hold_the_errors(self, run: RecordRun) -> None:
        detection, wrong_class = worst_stretches([run])
        assert (detection.kind, detection.errors, detection.in_record) == ("detection", 3, 4)
        assert wrong_class.kind == "class"
        assert 0 < wrong_class.errors <= wrong_class.in_record

    def test_a_faultless_run_has_no_worst_stretch(self, demo: Record) -> None:
        class Faultless(Scripted):
            def _beat(self, fs: float, sample: int, label: str, delay_ms: float) -> Beat:
                return Beat(sample, sample / fs, label, (0.2,) * 5, None, delay_ms)

        assert worst_stretches([run_record("demo", demo, Faultless(demo), CONDITIONS)]) == []


class TestSupraventricularRhythm:
    def rhythm(self, *changes: tuple[int, str], beats: str = "") -> bool:
        samples = [*(sample for sample, _ in changes), *range(10_000, 10_000 + len(beats))]
        annotations = marks(samples, ["+"] * len(changes) + list(beats))
        noted = Annotations(
            annotations.samples,
            annotations.symbols,
            annotations.subtypes,
            (*(note for _, note in changes), *("" for _ in beats)),
        )
        return rhythm_is_supraventricular(noted, 1000)

    def test_by_the_rhythm_of_more_than_half_of_the_record(self) -> None:
        assert self.rhythm((10, "(AFIB"))
        assert self.rhythm((0, "(AFL"), (300, "(N"), (700, "(SVTA"))
        assert not self.rhythm((0, "(AFIB"), (500, "(N"))
        assert not self.rhythm((0, "(VT"))
        assert not self.rhythm()

    def test_by_the_beats_where_no_rhythm_is_noted(self) -> None:
        assert self.rhythm(beats="NSSSN")
        assert not self.rhythm(beats="NSNS")
        assert not self.rhythm(beats="Nejn")


class TestReport:
    def test_the_folder_has_text_figures_and_pictures(self, demo: Record, run: RecordRun, tmp_path: Path) -> None:
        results = [DatabaseResult("demo", (run,), ("demo/lost",))]
        folder = tmp_path / "made" / "report"
        with writing_report(folder) as part:
            fill_report(part, results, CONDITIONS, "ecg-stream evaluate beat --records demo", tmp_path)
        text = (folder / "report.md").read_text()
        for expected in (
            "`ecg-stream evaluate beat --records demo`",
            "1 record; not at hand, and skipped: demo/lost.",
            "| gross |",
            "### Matched beats",
            "p50 150 ms, p95 150 ms, max 900 ms",
        ):
            assert expected in text
        pictures = {
            line.split("](")[1].split(")")[0] for line in text.replace("![", "\n![").splitlines() if "](" in line
        }
        assert {picture for picture in pictures if (folder / picture).read_bytes().startswith(b"\x89PNG")} == pictures
        assert len(pictures) == 8
        written = json.loads((folder / "report.json").read_text())
        assert written == json.loads(json.dumps(figures(results, CONDITIONS)))
        assert written["databases"][0]["records"][0]["counts"]["Vn"] == truth(demo).count("V")
        assert [entry.name for entry in tmp_path.joinpath("made").iterdir()] == ["report"]

    def test_subsets_name_what_they_leave_out(self, run: RecordRun) -> None:
        flutter = replace(run, name="edb/other", supraventricular=True)
        paced = replace(run, name="mitdb/104")
        (answer,) = figures([DatabaseResult("mixed", (run, flutter, paced), ())], CONDITIONS)["databases"]
        assert answer["without_paced"]["left_out"] == ["mitdb/104"]
        rest = answer["without_supraventricular_rhythm"]
        assert rest["left_out"] == ["edb/other"]
        assert 3 * rest["gross"]["counts"]["Nn"] == 2 * answer["gross"]["counts"]["Nn"]

    def test_an_old_report_is_replaced_whole(self, tmp_path: Path) -> None:
        for content in ("old", "new"):
            with writing_report(tmp_path / "report") as part:
                (part / "report.json").write_text(content)
                (part / content).touch()
        assert {entry.name for entry in (tmp_path / "report").iterdir()} == {"report.json", "new"}

    def test_a_report_that_fails_leaves_the_old_one(self, tmp_path: Path) -> None:
        with writing_report(tmp_path / "report") as part:
            (part / "report.json").write_text("old")

        def fail() -> None:
            with writing_report(tmp_path / "report") as part:
                (part / "report.json").write_text("half")
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert (tmp_path / "report" / "report.json").read_text() == "old"
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_folder_of_other_things_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        with pytest.raises(RequestError, match="something else than a report"), writing_report(tmp_path):
            pass
        with pytest.raises(RequestError, match="something else"), writing_report(tmp_path / "thesis.tex"):
            pass
