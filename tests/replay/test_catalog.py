"""Names of records: in which order they are looked up, what is fetched, and what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_physionet import FakePhysioNet

from ecg_stream.errors import DownloadError, RecordError
from ecg_stream.replay import catalog
from ecg_stream.replay.catalog import DATABASES, find_record, place_in_database

WriteRecord = Callable[..., Path]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, write_record: WriteRecord) -> Path:
    """A data folder with small records."""
    folder = tmp_path_factory.mktemp("data")
    write_record(folder / "edb", "e0103")
    write_record(folder / "mitdb", "119", fs=360)
    write_record(folder / "svdb", "800", fs=128)
    write_record(folder / "nstdb", "118e_6", fs=360)
    write_record(folder / "ptb-xl/records100/00000", "00001_lr", fs=100, seconds=10)
    write_record(folder / "ptb-xl/records500/21000", "21837_hr", fs=500, seconds=10)
    write_record(folder / "zdb", "119", fs=200)
    write_record(folder / "adb", "own")
    write_record(folder / "bdb", "own", fs=500)
    return folder


@pytest.fixture
def folder(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the data folder, beside an empty working folder."""
    folder = tmp_path / "data"
    shutil.copytree(records, folder)
    monkeypatch.setenv("ECG_STREAM_DATA", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("e0103", "edb/e0103"),
        ("edb/e0103", "edb/e0103"),
        ("edb/e0103.hea", "edb/e0103"),
        ("119", "mitdb/119"),
        ("zdb/119", "zdb/119"),
        ("800", "svdb/800"),
        ("118e_6", "nstdb/118e_6"),
        ("own", "adb/own"),
        ("bdb/own", "bdb/own"),
        ("00001_lr", "ptb-xl/records100/00000/00001_lr"),
        ("ptb-xl/00001_lr", "ptb-xl/records100/00000/00001_lr"),
        ("ptb-xl/records100/00000/00001_lr", "ptb-xl/records100/00000/00001_lr"),
        ("21837_hr", "ptb-xl/records500/21000/21837_hr"),
    ],
)
def test_names_in_the_data_folder(folder: Path, name: str, path: str) -> None:
    record = find_record(name, download=False)
    assert record.path == folder / path
    assert record.name == path.rpartition("/")[2]


@pytest.mark.parametrize("extension", ["", ".hea", ".dat", ".atr"])
def test_paths(folder: Path, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_record(f"{folder}/edb/e0103{extension}").path == folder / "edb/e0103"
    monkeypatch.chdir(folder / "zdb")
    assert find_record(f"119{extension}").fs == 200, "a file here goes before the data folder"
    assert find_record(f"./119{extension}").fs == 200
    assert find_record(f"../svdb/800{extension}").fs == 128


def test_the_data_folder_may_be_given(folder: Path, tmp_path: Path) -> None:
    assert find_record("800", data_folder=folder).fs == 128
    with pytest.raises(RecordError, match=f"the data folder is {re.escape(str(tmp_path / 'none'))}$"):
        find_record("800", data_folder=tmp_path / "none", download=False)


def test_demo_is_the_demo_unless_it_is_a_path(
    folder: Path, write_record: WriteRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(folder, "demo")
    monkeypatch.chdir(folder)
    assert find_record("demo").path is None
    assert find_record("./demo").path == Path("demo")


def test_the_data_folder_is_in_the_cache_unless_it_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ECG_STREAM_DATA", "~/records")
    assert catalog.data_folder() == tmp_path / "records"
    monkeypatch.delenv("ECG_STREAM_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert catalog.data_folder().name == "ecg-stream"
    assert catalog.data_folder().is_relative_to(tmp_path)


@pytest.mark.parametrize("name", ["nosuch", "e01033", "edb/../edb/e0103", "edb/", "/", "", "a b", "edb//e0103", "é/é"])
def test_an_unknown_name_is_told(folder: Path, name: str) -> None:
    with pytest.raises(RecordError, match="no record ") as told:
        find_record(name)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nosuch", "no record at nosuch: it has no header nosuch.hea: name a WFDB record"),
        ("/nosuch/x.dat", "no record at /nosuch/x.dat: it has no header /nosuch/x.hea"),
        (".", "no record at .: it is a folder, name a record in it"),
        ("notes.txt", "notes.txt has no row of numbers"),
        ("notes.doc", "no record at notes.doc: it has no header notes.hea"),
    ],
)
def test_a_path_without_a_record_is_told(folder: Path, name: str, message: str) -> None:
    for file in ("notes.txt", "notes.doc"):
        Path(file).write_text("notes")
    with pytest.raises(RecordError, match=re.escape(message)):
        find_record(name)


def test_a_record_of_a_known_database_at_another_rate_is_told(
    folder: Path, tmp_path: Path, write_record: WriteRecord
) -> None:
    write_record(folder / "mitdb", "203", fs=250)
    with pytest.raises(RecordError, match="record 203: its header says 250 Hz, the records of mitdb have 360 Hz"):
        find_record("203")
    write_record(tmp_path / "resampled", "203", fs=250)
    assert find_record(f"{tmp_path}/resampled/203").fs == 250, "a copy at another rate may lie elsewhere"
    write_record(tmp_path / "copy", "00001_lr", fs=250, seconds=4)
    with pytest.raises(RecordError, match="record 00001_lr: its header says 250 Hz, the records of ptb-xl have 100 Hz"):
        find_record(f"{tmp_path}/copy/00001_lr")


@pytest.mark.parametrize("name", ["e0105", "edb/e0105", "00001_lr", "ptb-xl/00001_lr"])
def test_what_is_not_at_hand_is_fetched(physionet: FakePhysioNet, tmp_path: Path, name: str) -> None:
    record = find_record(name)
    assert record.path is not None
    assert record.path.is_relative_to(tmp_path / "data")
    asked = len(physionet.asked)
    assert find_record(name).path == record.path
    assert len(physionet.asked) == asked


def test_a_record_of_which_a_file_is_missing_is_completed(physionet: FakePhysioNet, tmp_path: Path) -> None:
    find_record("e0103")
    (tmp_path / "data/edb/e0103.dat").unlink()
    with pytest.raises(RecordError, match="cannot read its signal file"):
        find_record("e0103", download=False)
    assert find_record("e0103").n_samples == 5000


def test_nothing_is_fetched_unasked(physionet: FakePhysioNet) -> None:
    with pytest.raises(RecordError, match="no record 'e0105'"):
        find_record("e0105", download=False)
    assert physionet.asked == []


def test_a_name_that_physionet_does_not_have_is_told(physionet: FakePhysioNet) -> None:
    with pytest.raises(DownloadError, match="has no record 'e0104'"):
        find_record("e0104")
    with pytest.raises(DownloadError, match=r"PhysioNet has no .*nosuchdb"):
        find_record("nosuchdb/e0104")


def test_names_belong_to_one_database_at_most() -> None:
    homes = {"edb": "e0103 e1304", "mitdb": "100 234", "svdb": "800 894", "nstdb": "118e24 119e_6 bw"}
    homes["ptb-xl"] = "00001_lr 21837_hr"
    for slug, names in homes.items():
        assert all([database.slug for database in DATABASES if database.has(name)] == [slug] for name in names.split())
    assert place_in_database("ptb-xl", "09999_hr") == "records500/09000/09999_hr"
    assert place_in_database("edb", "e0103") == "e0103"


@pytest.mark.parametrize("stated", ["~/records", ""])
def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECG_STREAM_DATA", stated)
    with pytest.raises(RecordError, match=r"this user has none: set \$ECG_STREAM_DATA"):
        find_record("e0103", download=False)
    assert find_record("demo").name == "demo"
