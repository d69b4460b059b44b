"""Record lists: complete, disjoint where they must be, and grouped by patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.offline.splits import (
    DS1,
    DS2,
    EDB,
    LISTS,
    NSTDB,
    PACED,
    SVDB,
    choose,
    missing_line,
    patient,
    patients,
    record_list,
    split_by_presence,
)


def test_lists_are_as_long_as_published_and_name_each_record_once() -> None:
    lengths = {name: len(entry.records) for name, entry in LISTS.items()}
    assert lengths == {
        "mitdb": 48,
        "mitdb-ds1": 22,
        "mitdb-ds2": 22,
        "mitdb-paced": 4,
        "svdb": 78,
        "edb": 90,
        "ltstdb-50hz": 86,
        "nstdb": 12,
    }
    for entry in LISTS.values():
        assert len(set(entry.records)) == len(entry.records)


def test_ds1_ds2_and_the_paced_records_share_nothing() -> None:
    assert not set(DS1) & set(DS2)
    assert not (set(DS1) | set(DS2)) & set(PACED)


def test_ds1_holds_the_beats_that_are_published_for_it(data_folder: Path) -> None:
    from ecg_stream.replay.annotations import read_annotations
    from ecg_stream.replay.labels import AAMI_CLASS

    present, missing = split_by_presence(DS1, data_folder)
    if missing:
        pytest.skip(missing_line(missing))
    counts = dict.fromkeys("NSVFQ", 0)
    for record in present:
        reference = read_annotations(data_folder / record, 360.0)
        assert reference is not None
        for label in map(AAMI_CLASS.get, reference.symbols):
            if label in counts:
                counts[label] += 1
    assert counts == {"N": 45866, "S": 944, "V": 3788, "F": 415, "Q": 8}


def test_lists_are_found_in_any_case_and_by_their_short_names() -> None:
    assert record_list("EDB").records == EDB
    assert record_list("ds2").records == record_list("MITDB-DS2").records == DS2
    with pytest.raises(RequestError, match="no record list 'cudb': valid are mitdb, mitdb-ds1"):
        record_list("cudb")


@pytest.mark.parametrize(
    "records",
    [
        ("mitdb/201", "mitdb/202"),
        ("edb/e0121", "edb/e0122"),
        ("edb/e0124", "edb/e0126"),
        ("edb/e0129", "edb/e0133"),
        ("edb/e0104", "edb/e0110", "edb/e0116", "edb/e0136"),
        ("mitdb/118", "nstdb/118e24", "nstdb/118e_6"),
        ("mitdb/119", "nstdb/119e00"),
    ],
)
def test_records_of_one_patient_are_one_group(records: tuple[str, ...]) -> None:
    assert len(set(patients(records))) == 1


def test_all_other_records_are_patients_of_their_own() -> None:
    everyone = [*DS1, *DS2, *PACED, *SVDB, *EDB, *NSTDB]
    assert len(set(patients(everyone))) == len(everyone) - 1 - 3 - 3 - len(NSTDB)
    assert patient("svdb/800") == "svdb/800"


def test_missing_records_are_told_apart_and_named(tmp_path: Path) -> None:
    (tmp_path / "svdb").mkdir()
    for name in ("svdb/800.hea", "svdb/800.atr", "svdb/801.hea"):
        (tmp_path / name).touch()
    present, missing = split_by_presence(["svdb/800", "svdb/801", "edb/e0103"], tmp_path)
    assert (present, missing) == (["svdb/800"], ["svdb/801", "edb/e0103"])
    line = missing_line(missing)
    assert "svdb/801 edb/e0103" in line
    assert "ecg-stream download edb && ecg-stream download svdb" in line
    assert missing_line([]) == ""


class TestChoose:
    def test_whole_lists(self) -> None:
        assert choose(["ds1", "edb"], []) == {"mitdb-ds1": DS1, "edb": EDB}

    def test_records_of_lists_by_either_name_in_the_order_of_the_list(self) -> None:
        assert choose(["mitdb", "svdb"], ["801", "mitdb/100", "800"]) == {
            "mitdb": ("mitdb/100",),
            "svdb": ("svdb/800", "svdb/801"),
        }

    def test_records_alone_are_found_in_the_databases(self) -> None:
        assert choose([], ["demo", "e0103", "118e_6"]) == {
            "edb": ("edb/e0103",),
            "nstdb": ("nstdb/118e_6",),
            "demo": ("demo",),
        }

    def test_a_record_in_none_of_the_lists_is_refused(self) -> None:
        with pytest.raises(RequestError, match="no record e0103 in mitdb-ds1"):
            choose(["ds1"], ["101", "e0103"])

    def test_nothing_asked_for_is_refused(self) -> None:
        with pytest.raises(RequestError, match="valid are lists, of mitdb, mitdb-ds1"):
            choose([], [])


def test_the_demo_record_is_always_present(tmp_path: Path) -> None:
    assert split_by_presence(["demo"], tmp_path) == (["demo"], [])


def test_patients_whose_name_is_in_that_of_the_record():
    assert patient("ltstdb-50hz/s20271p") == patient("ltstdb-50hz/s20273p") == "ltstdb-50hz/s2027"
    assert patient("cpsc2021/data_35_4") == patient("cpsc2021/data_35_10") != patient("cpsc2021/data_8_4")
    assert patient("vfdb/421") == "vfdb/421"
