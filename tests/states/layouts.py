"""The layout of every stage's snapshot, beside its number: what `layouts.json` holds.

A layout that changes without its number would make states of the version before unreadable, or, worse, read wrong.
After a change: raise the number of the stage's `Schema`, give it a step from the number before, and run

    python tests/states/layouts.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ecg_stream.replay.demo import demo_record
from ecg_stream.stream.beats.label_memory import LabelMemory
from ecg_stream.stream.core.messages import Chunk
from ecg_stream.stream.pipeline import SCHEMA, Pipeline

FILE = Path(__file__).with_name("layouts.json")
CHANGING = {"guess", "ready", "gap", "weight", "certainty", "waiting"}
"""Parts of the windows' state whose length is the number of beats that wait."""


def layouts() -> dict[str, Any]:
    """Give the number and the layout of each stage, of a pipeline of two leads at 250 Hz."""
    pipeline = Pipeline()
    pipeline.push(Chunk(0, 250.0, ("MLII", "V5"), demo_record().signal(0, 2500)))
    state = pipeline.snapshot()
    cascade = state["stretch"]["cascade"]
    found = {
        name: {"number": part.pop("schema"), "layout": layout(part)}
        for name, part in cascade.items()
        if name != "n_samples"
    }
    memory = state["memory"]
    found["memory"] = {"number": memory.pop("schema"), "layout": layout(memory)}
    rhythm = state["rhythm"]
    rules, alerts = rhythm.pop("rules"), rhythm.pop("alerts")
    found["rhythm"] = {"number": rhythm.pop("schema"), "layout": layout(rhythm)}
    found["alerts"] = {"number": alerts.pop("schema"), "layout": layout(alerts)}
    found |= {f"rhythm {name}": {"number": part.pop("schema"), "layout": layout(part)} for name, part in rules.items()}
    found["pipeline"] = {"number": state["schema"], "layout": {"": sorted(state), "stretch": sorted(state["stretch"])}}
    assert found["memory"]["number"] == LabelMemory.schema.number
    assert found["pipeline"]["number"] == SCHEMA.number
    return found


def layout(state: dict[str, Any]) -> dict[str, str]:
    """Describe each array by its type and shape, and everything else by its type."""
    described = {}
    for name, value in sorted(state.items()):
        if isinstance(value, np.ndarray):
            shape = value.shape[1:] if name in CHANGING else value.shape
            fields = value.dtype.descr if value.dtype.names else value.dtype.str
            described[name] = f"{fields} {shape}"
        else:
            described[name] = type(value).__name__
    return described


if __name__ == "__main__":
    FILE.write_text(json.dumps(layouts(), indent=1) + "\n", encoding="utf-8")
