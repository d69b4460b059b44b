"""Figures that are kept: a slower commit is seen, and what differs within the spread is not taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.offline.bench.kept import compared, kept, read, save


def rounds(speed: float, ms: float, noise: float = 0.01, **changed: object) -> list[dict]:
    return [
        {
            "record": "demo", "fs": 250.0, "leads": 2, "model": "aami5",
            "compute_ms": {"20": {"p50": ms * k}}, "realtime_factor": speed * k,
            "ward": {"patients": 20, "compute_ms": {"p99": ms * k}},
            "peers": {
                "ecg-stream": {"realtime_factor": speed * k},
                "xqrs": {"realtime_factor": 7.0, "ratio": speed / 7.0},
            },
        } | changed
        for k in (1.0, 1.0 + noise, 1.0 - noise)
    ]  # fmt: skip


def verdicts(then: list[dict], now: list[dict]) -> dict[str, str]:
    return {change.name: change.verdict for change in compared(kept(then), kept(now))}


def test_slower_and_faster_are_told_whichever_way_a_figure_is_better():
    assert set(verdicts(rounds(100.0, 2.0), rounds(80.0, 2.5)).values()) == {"slower"}
    assert set(verdicts(rounds(100.0, 2.0), rounds(120.0, 1.6)).values()) == {"faster"}


def test_what_differs_within_the_spread_or_by_little_is_the_same():
    assert set(verdicts(rounds(100.0, 2.0, 0.3), rounds(85.0, 2.3, 0.3)).values()) == {"same", "slower"}
    assert verdicts(rounds(100.0, 2.0, 0.3), rounds(85.0, 2.3, 0.3))["realtime_factor"] == "same"
    assert verdicts(rounds(100.0, 2.0, 0.001), rounds(97.0, 2.05, 0.001))["realtime_factor"] == "same"


def test_only_what_we_take_is_compared():
    names = verdicts(rounds(100.0, 2.0), rounds(100.0, 2.0))
    assert "peers.xqrs.ratio" in names
    assert not {"peers.xqrs.realtime_factor", "ward.patients", "fs"} & set(names)


def test_a_file_gives_back_what_was_saved_and_others_are_refused(tmp_path: Path):
    found = kept(rounds(100.0, 2.0))
    save(tmp_path / "a.json", found)
    assert read(tmp_path / "a.json") == found
    (tmp_path / "b.json").write_text("[]")
    for path in (tmp_path / "b.json", tmp_path / "missing.json"):
        with pytest.raises(RequestError, match=path.name):
            read(path)
    with pytest.raises(RequestError, match="missing"):
        save(tmp_path / "missing" / "a.json", found)
    with pytest.raises(RequestError, match="record e0103, these of demo: measure the same"):
        compared(kept(rounds(100.0, 2.0, record="e0103")), found)
