"""What is measured of the pipeline, where it is a claim and not a figure."""

from __future__ import annotations

from ecg_stream.offline.bench.pipeline import hours, whole
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.pipeline import load_models


def test_hours_of_signal_take_no_more_memory() -> None:
    models = load_models()
    growth = hours(models, whole(demo_record(), 60.0), 3)
    assert growth["hours"] == 3
    assert abs(growth["growth_kb"]) < 1000
