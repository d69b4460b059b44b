"""Reading PTB-XL: which records count, how they are labelled, and the cached arrays."""

import numpy as np
import pytest
from synthetic_ptbxl import signal, write_database, write_record

from ecg_stream.errors import RecordError
from ecg_stream.offline.ptbxl import LEADS, read_index
from ecg_stream.offline.ptbxl_signals import load_records
from ecg_stream.stream.signal.highpass import HighPass


@pytest.fixture
def database(tmp_path):
    folder = tmp_path / "ptb-xl"
    folder.mkdir()
    return folder, write_database(folder, per_fold=2, folds=3)


def rewrite(folder, table):
    table.to_csv(folder / "ptbxl_database.csv", index=False)


def test_records_of_other_classes_and_of_poor_quality_are_left_out(database):
    folder, table = database
    table["burst_noise"] = table["burst_noise"].astype(object)
    table.loc[0, "burst_noise"] = "V4"
    table.loc[1, "scp_codes"] = "{'ASMI': 50.0}"
    rewrite(folder, table)
    index = read_index(folder)
    assert len(index) == len(table) - 2
    assert index.dropped == {"quality": 1, "another class": 1}
    assert index.positive.tolist() == [False, True, False, True]
    assert index.fold.tolist() == [2, 2, 3, 3]


@pytest.mark.parametrize(
    ("codes", "first", "any_of_them"),
    [
        ("{'IMI': 15.0, 'ASMI': 100.0}", "IMI", "IMI"),
        ("{'ASMI': 100.0, 'IMI': 15.0}", None, "IMI"),
        ("{'NORM': 100.0, 'IMI': 15.0}", "NORM", None),
        ("{'SR': 0.0}", None, None),
    ],
)
def test_the_first_code_decides_or_any(database, codes, first, any_of_them):
    folder, table = database
    table.loc[0, "scp_codes"] = codes
    rewrite(folder, table.iloc[:1])
    for label, expected in (("first", first), ("any", any_of_them)):
        index = read_index(folder, label=label)
        got = [("NORM", "IMI")[int(p)] for p in index.positive]
        assert got == ([] if expected is None else [expected])


def test_signals_are_what_the_live_high_pass_gives(database, tmp_path):
    folder, _ = database
    records = load_records(folder, read_index(folder), rate=100, leads=("I", "aVR"), cache=tmp_path / "cache")
    assert records.signals.shape == (6, 1000, 2)
    stored = np.round(signal(True, seed=1), 3)
    expected = HighPass(100, 12).push(stored)[:, [0, 3]]
    np.testing.assert_allclose(records.signals[1], expected, atol=1e-4)


def test_the_cache_serves_the_second_time_and_not_after_a_change(database, tmp_path):
    folder, _ = database
    index, cache = read_index(folder), tmp_path / "cache"

    def load(leads=LEADS):
        return load_records(folder, index, rate=100, leads=leads, cache=cache).signals

    first = np.array(load())
    (stored,) = cache.iterdir()
    made = stored.stat().st_mtime_ns
    np.testing.assert_array_equal(load(), first)
    assert stored.stat().st_mtime_ns == made
    load(leads=("II",))
    assert len(list(cache.iterdir())) == 2
    write_record(folder / index.names[0], 2.0 * signal(False), fs=100)
    assert not np.array_equal(load()[0], first[0])
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_missing_and_broken_files_are_named_and_not_fatal(database, tmp_path):
    folder, _ = database
    index = read_index(folder)
    (folder / f"{index.names[0]}.dat").unlink()
    (folder / f"{index.names[1]}.hea").write_text("this is no header\n")
    write_record(folder / index.names[2], signal(False, seconds=3.0), fs=100)
    lead_lost = signal(True)
    lead_lost[:, 0] = np.nan
    write_record(folder / index.names[3], lead_lost, fs=100)
    records = load_records(folder, index, rate=100, leads=("I",), cache=tmp_path / "cache")
    assert records.missing == index.names[:4]
    assert records.index.names == index.names[4:]
    assert len(records.signals) == 2
    assert np.isfinite(records.signals).all()


def test_no_file_at_all_is_refused(database, tmp_path):
    folder, _ = database
    with pytest.raises(RecordError, match=r"none of the 6 records .* 500 Hz .* download ptb-xl"):
        load_records(folder, read_index(folder, rate=500), rate=500, leads=LEADS, cache=tmp_path)


def test_folds_keep_patients_together_and_need_both_classes(database, tmp_path):
    folder, table = database
    index = read_index(folder)
    records = load_records(folder, index, rate=100, leads=("I",), cache=tmp_path / "cache")
    signals, positive, patient = records.folds(2)
    assert signals.shape == (2, 1000, 1)
    assert positive.tolist() == [False, True]
    assert patient.tolist() == table[table.strat_fold == 2].patient_id.tolist()
    with pytest.raises(RecordError, match=r"folds 9 .* 0 NORM and 0 IMI .* choose among 1, 2, 3"):
        records.folds(9)


def test_a_csv_that_is_missing_or_another_one_gets_one_clear_line(tmp_path):
    with pytest.raises(RecordError, match=r"no .*ptbxl_database.csv: fetch"):
        read_index(tmp_path)
    (tmp_path / "ptbxl_database.csv").write_text("ecg_id,patient_id\n1,2\n")
    with pytest.raises(RecordError, match=r"lacks the columns strat_fold, scp_codes") as caught:
        read_index(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "ptbxl_database.csv").write_text("")
    with pytest.raises(RecordError, match="cannot be read as a CSV"):
        read_index(tmp_path)


def test_scp_codes_that_are_no_dict_get_one_clear_line(database):
    folder, table = database
    table.loc[2, "scp_codes"] = "NORM 100"
    rewrite(folder, table)
    with pytest.raises(RecordError, match="'NORM 100'"):
        read_index(folder)


def test_real_labels_split_by_patient():
    from ecg_stream.replay.catalog import data_folder

    folder = data_folder() / "ptb-xl"
    if not (folder / "ptbxl_database.csv").is_file():
        pytest.skip(f"PTB-XL is not in {folder}")
    index = read_index(folder)
    folds_of_patient = {}
    for patient, fold in zip(index.patient, index.fold, strict=True):
        folds_of_patient.setdefault(int(patient), set()).add(int(fold))
    assert max(map(len, folds_of_patient.values())) == 1
    assert set(index.fold) == set(range(1, 11))
    assert 0.15 < index.positive.mean() < 0.35
