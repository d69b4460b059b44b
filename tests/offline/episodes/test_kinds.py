"""Which comparisons are made."""

from __future__ import annotations

import numpy as np
import pytest

from ecg_stream.errors import RequestError
from ecg_stream.offline.episodes.kinds import Pair, compare_kind, kinds_of
from ecg_stream.replay.annotations import Annotations


def rhythms(*marks: tuple[int, str]) -> Annotations:
    return Annotations(
        samples=np.array([sample for sample, _ in marks], dtype=np.int64),
        symbols=("+",) * len(marks),
        subtypes=np.zeros(len(marks), dtype=np.int64),
        notes=tuple(note for _, note in marks),
    )


PAIR = Pair(
    "r",
    100.0,
    100_000,
    rhythms((0, "(N"), (40_000, "(AFIB"), (50_000, "(AFL"), (60_000, "(VT"), (61_000, "(N")),
    rhythms((0, "(N"), (45_000, "(AFIB"), (60_500, "(VT"), (61_000, "(VFIB"), (62_000, "(XYZ")),
)


def names(**wanted: object) -> list[str]:
    return [kind.name for kind in kinds_of([PAIR], **wanted)]  # type: ignore[arg-type]


class TestKinds:
    def test_those_of_epicmp_then_every_rhythm_that_stands_in_a_file(self) -> None:
        assert names() == ["AF", "VF", "ST0", "ST1", "ST", "(AFL", "(N", "(VFIB", "(VT", "(XYZ"]
        assert names(pause_s=2.0)[-1] == "pause"

    def test_chosen_by_name_with_or_without_the_bracket(self) -> None:
        assert names(chosen=["VT", "(XYZ", "ST", "(VT"]) == ["(VT", "(XYZ", "ST"]
        assert names(chosen=["VF"]) == ["VF"]
        assert names(chosen=["(VF", "AFIB", "(B"]) == ["(VF", "(AFIB", "(B"]

    @pytest.mark.parametrize("name", ["VTT", "pause", ""])
    def test_a_name_that_stands_nowhere_is_refused(self, name: str) -> None:
        with pytest.raises(RequestError, match="stands in these files: valid are AF, VF"):
            names(chosen=[name])

    @pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
    def test_a_pause_has_a_length(self, limit: float) -> None:
        with pytest.raises(RequestError, match="above 0"):
            names(pause_s=limit)

    def test_flutter_is_left_out_of_fibrillation_only(self) -> None:
        fibrillation, as_rhythm = kinds_of([PAIR], chosen=["AF", "(AFIB"])
        assert compare_kind(fibrillation, PAIR).test_s == 55.0
        assert compare_kind(as_rhythm, PAIR).test_s == 155.0

    def test_rhythm_marks_of_ventricular_fibrillation_on_request(self) -> None:
        for asked, seconds in ((False, 0.0), (True, 10.0)):
            (kind,) = kinds_of([PAIR], chosen=["VF"], vf_rhythms=asked)
            assert compare_kind(kind, PAIR).test_s == seconds

    def test_from_minute_5_unless_told_otherwise(self) -> None:
        (kind,) = kinds_of([PAIR], chosen=["N"])
        assert compare_kind(kind, PAIR).reference_s == 490.0
        assert compare_kind(kind, PAIR, 0.0).reference_s == 790.0
