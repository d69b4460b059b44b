"""Floors of sensitivity and positive predictivity by class, as EC57 counts them: on the demo and on real records.

A little under what the shipped model reaches, so that a change which costs beats is seen and one that moves a few is
not. These are no claims: the shipped model was trained on many of these records. `docs/results.md` has the figures of
patients that the models had not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ecg_stream.offline.ec57 import RecordScore, compare
from ecg_stream.offline.ec57_statistics import Rates, average, gross, statistics, total
from ecg_stream.replay.annotations import marks
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record
from ecg_stream.stream.core.messages import CLASSES, Beat
from ecg_stream.stream.pipeline import Pipeline

Score = Callable[[str], RecordScore]

Floor = tuple[float, float] | None
"""Se and +P in percent; None where the record has too few beats of the class to speak of."""


def scored(record: Record, start_s: float, leads: Sequence[str] = ()) -> RecordScore:
    """Run the pipeline over a record and compare its beats with the reference."""
    reference = record.annotations()
    assert reference is not None
    pipeline = Pipeline()
    chunks = record.chunks(10_000.0, leads=leads or record.leads)
    outputs = [output for chunk in chunks for output in pipeline.push(chunk)] + pipeline.flush()
    beats = [output for output in outputs if isinstance(output, Beat)]
    found = marks([beat.sample for beat in beats], "".join(beat.label for beat in beats))
    return compare(reference, found, record.fs, start_s=start_s, end_s=record.seconds, record=record.name)


def below(name: str, rates: Rates, floor: Floor) -> list[str]:
    """Say which of Se and +P is below its floor."""
    if floor is None:
        return []
    reached = (("Se", rates.sensitivity), ("+P", rates.positive_predictivity))
    return [
        f"{name} {what} {value}, floor {least}"
        for (what, value), least in zip(reached, floor, strict=True)
        if value is None or value < least
    ]


def share(score: RecordScore, reference: str, test: str) -> float:
    """Percent of the beats found of a reference class that were called one of the classes `test`."""
    row = score.counts[CLASSES.index(reference), : len(CLASSES)]
    return 100.0 * sum(int(row[CLASSES.index(label)]) for label in test) / int(row.sum())


# ---- the demo, everywhere


@pytest.fixture(scope="module", params=[("MLII", "V5"), ("MLII",)], ids=["two leads", "one lead"])
def demo_score(request: pytest.FixtureRequest) -> RecordScore:
    return scored(demo_record(), start_s=0.0, leads=request.param)


def test_the_demo(demo_score: RecordScore) -> None:
    reached = statistics(demo_score)
    told = below("QRS", reached.qrs, (99.5, 99.5)) + below("V", reached.v, (92.0, 97.0))
    assert told + below("S", reached.s, (96.0, 97.0)) == []


def test_each_class_of_the_demo_is_called_what_it_is(demo_score: RecordScore) -> None:
    assert share(demo_score, "N", "N") >= 99.0
    assert share(demo_score, "S", "S") >= 96.0
    assert share(demo_score, "V", "V") >= 92.0
    assert share(demo_score, "V", "NS") == share(demo_score, "S", "V") == 0.0


# ---- real records, where they are laid out

RECORDS: dict[str, tuple[Floor, Floor, Floor]] = {
    "mitdb/106": ((99.8, 99.7), (97.5, 98.5), None),
    "mitdb/118": ((99.8, 99.8), (93.0, 93.0), (95.0, 96.0)),
    "mitdb/119": ((99.8, 99.8), (99.0, 99.0), None),
    "mitdb/203": ((99.5, 99.3), (81.0, 98.5), None),
    "mitdb/207": ((99.8, 99.6), (94.0, 98.0), (96.0, 97.0)),
    "mitdb/208": ((99.7, 99.6), (97.5, 98.2), None),
    "mitdb/209": ((99.8, 99.8), None, (92.5, 94.0)),
    "mitdb/223": ((99.8, 99.8), (98.8, 98.8), (77.0, 93.0)),
    "svdb/800": ((99.8, 99.8), None, (86.0, 70.0)),
    "svdb/806": ((99.8, 99.8), (84.0, 95.0), (77.0, 92.0)),
    "svdb/820": ((99.8, 99.8), None, (98.0, 98.0)),
    "svdb/865": ((99.7, 99.8), (93.5, 93.0), (98.0, 97.8)),
    "svdb/892": ((99.8, 99.8), (97.0, 97.0), (92.5, 94.5)),
    "edb/e0103": ((99.8, 99.8), (90.0, 96.5), None),
    "edb/e0121": ((99.7, 99.7), None, None),
}
"""By record, of QRS, V and S, from the sixth minute on."""


@pytest.fixture(scope="module")
def score(real_record: Callable[[str], Record]) -> Score:
    """Scores a real record by name, once; the test is skipped where it is not laid out."""
    known: dict[str, RecordScore] = {}

    def find(name: str) -> RecordScore:
        if name not in known:
            known[name] = scored(real_record(name), start_s=300.0)
        return known[name]

    return find


@pytest.mark.parametrize("name", RECORDS)
def test_a_real_record(name: str, score: Score) -> None:
    reached, (qrs, v, s) = statistics(score(name)), RECORDS[name]
    assert below("QRS", reached.qrs, qrs) + below("V", reached.v, v) + below("S", reached.s, s) == []


def test_all_beats_of_all_records(score: Score) -> None:
    reached = gross([score(name) for name in RECORDS])
    told = below("QRS", reached.qrs, (99.92, 99.90)) + below("V", reached.v, (95.8, 98.3))
    assert told + below("S", reached.s, (96.0, 97.0)) == []


def test_the_mean_over_records(score: Score) -> None:
    """It counts a record with few ectopic beats as much as one with many."""
    reached = average([score(name) for name in RECORDS])
    told = below("QRS", reached.qrs, (99.92, 99.90)) + below("V", reached.v, (95.0, 94.0))
    assert told + below("S", reached.s, (87.0, 67.5)) == []


def test_each_class_is_called_what_it_is(score: Score) -> None:
    together = total([score(name) for name in RECORDS])
    assert share(together, "N", "N") >= 99.5
    assert share(together, "S", "S") >= 95.5
    assert share(together, "V", "V") >= 95.8
    assert share(together, "F", "VF") >= 87.0
    assert share(together, "N", "V") <= 0.1
    assert share(together, "S", "V") <= 1.3
    assert share(together, "V", "S") <= 0.6
    assert share(together, "V", "N") <= 2.6
