"""Each probability and each label reaches a user under its own name: in JSON, annotations, lines and on the monitor.

The beats are made: each class in turn is the label, with probabilities that are all different, so that any two that
change places are seen.
"""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console

from ecg_stream.models.bundle import SHIPPED
from ecg_stream.replay.annotation_sink import AnnotationSink
from ecg_stream.replay.annotations import read_annotations
from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.core.messages import CLASSES, Beat, Chunk
from ecg_stream.stream.pipeline import DEFAULT_MODEL, Pipeline
from ecg_stream.stream.run.engine import Step
from ecg_stream.stream.run.jsonl import encode_line
from ecg_stream.stream.run.sinks import LineSink
from ecg_stream.stream.run.summary import RunningSummary
from ecg_stream.stream.screen.monitor import Screen
from ecg_stream.stream.screen.view import Title
from ecg_stream.stream.screen.watch import Watch

FS = 250.0
PROBABILITIES = {
    "N": {"N": 0.51, "S": 0.23, "V": 0.14, "F": 0.08, "Q": 0.04},
    "S": {"N": 0.23, "S": 0.52, "V": 0.13, "F": 0.07, "Q": 0.05},
    "V": {"N": 0.09, "S": 0.17, "V": 0.53, "F": 0.15, "Q": 0.06},
    "F": {"N": 0.12, "S": 0.04, "V": 0.22, "F": 0.54, "Q": 0.08},
    "Q": {"N": 0.18, "S": 0.07, "V": 0.11, "F": 0.09, "Q": 0.55},
}
"""What is told of each beat: by its label, the probability of each class."""

BEATS = [
    Beat(200 * k + 100, (200 * k + 100) / FS, label, tuple(p[name] for name in "NSVFQ"), 800.0, 140.0)
    for k, (label, p) in enumerate(PROBABILITIES.items())
]
STEP = Step("bed-7", Chunk(0, FS, ("II",), np.zeros((1250, 1))), list(BEATS), 0.1, 0.0)


@pytest.mark.parametrize("beat", BEATS, ids="NSVFQ")
def test_json_has_each_probability_under_its_name(beat: Beat) -> None:
    line = json.loads(encode_line("bed-7", beat))
    assert (line["label"], line["probabilities"]) == (beat.label, PROBABILITIES[beat.label])


async def test_annotations_have_the_symbol_of_each_label_at_its_sample(tmp_path: Path) -> None:
    async with AnnotationSink(tmp_path) as sink:
        await sink.write(STEP)
        await sink.finish("bed-7", RunningSummary().result(0.1))
    written = read_annotations(tmp_path / "bed-7", FS, "ecs")
    assert written is not None
    assert written.symbols == tuple("NSVFQ")
    assert written.samples.tolist() == [100, 300, 500, 700, 900]


async def test_lines_have_the_probability_of_the_label() -> None:
    out = io.StringIO()
    async with LineSink(out) as sink:
        await sink.write(STEP)
    assert [line.split()[1:3] for line in out.getvalue().splitlines()] == [
        ["N", "51.0%"], ["S", "52.0%"], ["V", "53.0%"], ["F", "54.0%"], ["Q", "55.0%"],
    ]  # fmt: skip


def test_the_monitor_has_each_probability_under_its_name_and_the_letter_over_its_beat() -> None:
    watch = Watch(Title("bed-7"))
    watch.take(STEP)
    console = Console(width=120, height=40, file=io.StringIO(), record=True, color_system=None)
    console.print(Screen(watch.view()), end="")
    shown = console.export_text().splitlines()
    assert ["".join(line.split()) for line in shown[1:2]] == ["NSVFQ"]
    panel = [line.split("│")[1].split() for line in shown if line.count("│") >= 2]
    names = next(row[:5] for row in panel if row[:5] == list("NSVFQ"))
    listed = {row[0]: row for row in panel if len(row) > 6}
    assert set(listed) == set("NSVFQ")
    for label, row in listed.items():
        percents = dict(zip(names, map(int, row[2:7]), strict=True))
        assert percents == {name: round(100 * p) for name, p in PROBABILITIES[label].items()}


# ---- what stands between the network and the label


def beats_of_demo(model: str | Path, leads: tuple[str, ...]) -> list[Beat]:
    pipeline = Pipeline(model)
    outputs = [output for chunk in demo_record().chunks(10_000.0, leads=leads) for output in pipeline.push(chunk)]
    return [output for output in [*outputs, *pipeline.flush()] if isinstance(output, Beat)]


def with_card(folder: Path, **fields: object) -> Path:
    """Copy the shipped bundle, with other fields in its card."""
    shutil.copytree(SHIPPED / DEFAULT_MODEL, folder)
    card = msgspec.json.decode((folder / "card.json").read_bytes())
    (folder / "card.json").write_bytes(msgspec.json.encode({**card, **fields}))
    return folder


def test_the_memory_of_kinds_keeps_normal_beats_of_the_demo_from_being_called_fusion(tmp_path: Path) -> None:
    """In one lead. The network, left alone with each, is not sure of them; their kind has been N all along."""
    shipped = beats_of_demo(DEFAULT_MODEL, ("MLII",))
    forgetful = beats_of_demo(with_card(tmp_path / "forgetful", kind_memory=0.0), ("MLII",))
    other = [(a.label, b.label) for a, b in zip(shipped, forgetful, strict=True) if a.label != b.label]
    assert set(other) == {("N", "F")}


@pytest.mark.parametrize("label", ["N", "S", "V"])
def test_a_multiplier_of_the_card_makes_a_label_more_frequent(label: str, tmp_path: Path) -> None:
    """And its probability: the label is always the most probable class as it is told."""
    plain = beats_of_demo(with_card(tmp_path / "plain", thresholds={}), ("MLII", "V5"))
    weighed = beats_of_demo(with_card(tmp_path / "weighed", thresholds={label: 1e9}), ("MLII", "V5"))
    # A V that is doubtful, alone, is Q whatever its odds are: see `beats/doubt.py`.
    judged = [beat for beat in weighed if label != "V" or (beat.quality or 0.0) >= 0.95]
    assert len(judged) > 0.9 * len(weighed)
    assert {beat.label for beat in judged} == {label}
    assert 0 < sum(beat.label == label for beat in plain) < len(plain)
    assert all(CLASSES[beat.probabilities.index(max(beat.probabilities))] == beat.label for beat in plain + weighed)
