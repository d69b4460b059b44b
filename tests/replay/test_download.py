"""Downloads from a PhysioNet on this machine: checked, whole or not at all, resumed; what is said when they fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from fake_physionet import FakePhysioNet

from ecg_stream.errors import DownloadError
from ecg_stream.replay import download as download_module
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.download import download_database, download_record
from ecg_stream.replay.wfdb_files import open_record

DAT = "/files/edb/1.0.0/e0105.dat"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def same_files(physionet: FakePhysioNet, folder: Path, files: Iterable[str]) -> bool:
    return all((physionet.root / "edb/1.0.0" / f).read_bytes() == (folder / "edb" / f).read_bytes() for f in files)


def test_a_record_comes_with_header_signals_and_annotations(physionet: FakePhysioNet, folder: Path) -> None:
    fetched = download_record("edb", "e0103", folder)
    assert sorted(fetched.new) == ["e0103.atr", "e0103.dat", "e0103.hea"]
    assert fetched.present == fetched.different == ()
    assert names(folder) == [
        "edb/.physionet-version",
        "edb/SHA256SUMS.txt",
        "edb/e0103.atr",
        "edb/e0103.dat",
        "edb/e0103.hea",
    ]
    assert same_files(physionet, folder, fetched.new)
    assert open_record(folder / "edb/e0103").n_samples == 5000


def test_what_is_there_is_not_fetched_again(physionet: FakePhysioNet, folder: Path) -> None:
    download_record("edb", "e0103", folder)
    asked = len(physionet.asked)
    fetched = download_record("edb", "e0103", folder)
    assert fetched.new == ()
    assert len(fetched.present) == 3
    assert len(physionet.asked) == asked


def test_a_file_of_ones_own_is_left_alone(physionet: FakePhysioNet, folder: Path) -> None:
    (folder / "edb").mkdir(parents=True)
    (folder / "edb/e0103.atr").write_bytes(b"\0\0")
    fetched = download_record("edb", "e0103", folder)
    assert fetched.different == ("e0103.atr",)
    assert (folder / "edb/e0103.atr").read_bytes() == b"\0\0"


def test_a_whole_database(physionet: FakePhysioNet, folder: Path) -> None:
    fetched = download_database("edb", folder)
    assert len(fetched.new) == 6
    assert same_files(physionet, folder, fetched.new)


def test_folders_of_a_database_are_kept(physionet: FakePhysioNet, folder: Path) -> None:
    download_record("ptb-xl", "records100/00000/00001_lr", folder)
    assert open_record(folder / "ptb-xl/records100/00000/00001_lr").fs == 100


def test_a_signal_file_by_another_name_comes_too(physionet: FakePhysioNet, folder: Path) -> None:
    edb = physionet.root / "edb/1.0.0"
    (edb / "e0103.dat").rename(edb / "shared.dat")
    (edb / "e0103.hea").write_text((edb / "e0103.hea").read_text().replace("e0103.dat", "shared.dat"))
    physionet.write_sums("edb")
    assert "shared.dat" in download_record("edb", "e0103", folder).new


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(physionet: FakePhysioNet, folder: Path) -> None:
    physionet.breaks_after[DAT] = 20_000
    fetched = download_record("edb", "e0105", folder)
    assert same_files(physionet, folder, fetched.new)
    assert [asked for path, asked in physionet.asked if path == DAT] == [None, "bytes=16384-"]


def test_so_does_one_of_an_earlier_run(physionet: FakePhysioNet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    physionet.breaks_after[DAT] = 20_000
    with monkeypatch.context() as patch:
        patch.setattr(download_module, "ATTEMPTS", 1)
        with pytest.raises(DownloadError, match=r"transfer of .*/edb/1\.0\.0/e0105\.dat broke off: run the same again"):
            download_record("edb", "e0105", folder)
    assert not (folder / "edb/e0105.dat").exists()
    assert (folder / "edb/e0105.dat.part").stat().st_size == 16384
    download_record("edb", "e0105", folder)
    assert (DAT, "bytes=16384-") in physionet.asked
    assert same_files(physionet, folder, ["e0105.dat", "e0105.hea", "e0105.atr"])
    assert not list(folder.rglob("*.part"))


def test_a_part_that_is_already_whole_is_taken(physionet: FakePhysioNet, folder: Path) -> None:
    (folder / "edb").mkdir(parents=True)
    (folder / "edb/e0105.dat.part").write_bytes((physionet.root / DAT.removeprefix("/files/")).read_bytes())
    download_record("edb", "e0105", folder)
    assert same_files(physionet, folder, ["e0105.dat"])


def test_a_part_that_is_longer_than_the_file_is_dropped(physionet: FakePhysioNet, folder: Path) -> None:
    (folder / "edb").mkdir(parents=True)
    (folder / "edb/e0105.dat.part").write_bytes(bytes(10**6))
    download_record("edb", "e0105", folder)
    assert same_files(physionet, folder, ["e0105.dat"])


def test_a_server_without_ranges_sends_all_again(physionet: FakePhysioNet, folder: Path) -> None:
    physionet.ranges = False
    physionet.breaks_after[DAT] = 20_000
    fetched = download_record("edb", "e0105", folder)
    assert same_files(physionet, folder, fetched.new)


def test_what_does_not_match_its_checksum_is_not_kept(physionet: FakePhysioNet, folder: Path) -> None:
    physionet.changed[DAT] = b"something else"
    with pytest.raises(DownloadError, match=r"e0105\.dat does not match its SHA-256 sum and was not kept"):
        download_record("edb", "e0105", folder)
    assert not [name for name in names(folder) if "e0105.dat" in name]
    physionet.changed.clear()
    download_record("edb", "e0105", folder)
    assert same_files(physionet, folder, ["e0105.dat"])


def test_a_record_that_the_database_does_not_have(physionet: FakePhysioNet, folder: Path) -> None:
    with pytest.raises(DownloadError, match="PhysioNet's edb has no record 'e0104': it has 2, e0103 to e0105"):
        download_record("edb", "e0104", folder)


def test_a_database_that_is_not_there(physionet: FakePhysioNet, folder: Path) -> None:
    with pytest.raises(DownloadError, match=r"PhysioNet has no .*/content/nosuchdb/ \(404\).*replay demo"):
        download_record("nosuchdb", "1", folder)


def test_a_portal_is_not_taken_for_physionet(physionet: FakePhysioNet, folder: Path) -> None:
    physionet.changed["/files/edb/1.0.0/SHA256SUMS.txt"] = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match="lists no checksums"):
        download_record("edb", "e0103", folder)
    physionet.changed.clear()
    download_record("edb", "e0103", folder)


def test_a_checksum_list_cannot_lead_out_of_the_folder(physionet: FakePhysioNet, folder: Path) -> None:
    sums = physionet.root / "edb/1.0.0/SHA256SUMS.txt"
    digest = "0" * 64
    sums.write_text(sums.read_text() + f"{digest} ../../evil.dat\n{digest} /tmp/evil.dat\n")
    assert len(download_database("edb", folder).new) == 6


def test_no_network_is_told_with_what_works_without(
    physionet: FakePhysioNet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "PHYSIONET", "http://127.0.0.1:1")
    with pytest.raises(
        DownloadError, match=r"cannot reach http://127.0.0.1:1/content/edb/ .*`ecg-stream replay demo`"
    ) as told:
        download_record("edb", "e0103", folder)
    assert str(folder) in str(told.value)
    assert "\n" not in str(told.value)
    assert not (folder / "edb").exists()


def test_a_data_folder_that_cannot_be_written(physionet: FakePhysioNet, folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(DownloadError, match=r"cannot write to the data folder .*: set \$ECG_STREAM_DATA to another"):
        download_record("edb", "e0103", folder)


def test_progress_is_told_up_to_the_size_of_each_file(physionet: FakePhysioNet, folder: Path) -> None:
    told: dict[str, list[tuple[int, int | None]]] = {}
    download_record("edb", "e0105", folder, lambda name, here, total: told.setdefault(name, []).append((here, total)))
    assert set(told) == {"e0105.atr", "e0105.dat", "e0105.hea"}
    for name, steps in told.items():
        size = (folder / "edb" / name).stat().st_size
        assert steps == sorted(steps)
        assert steps[-1] == (size, size)


def test_what_is_fetched_is_the_record(physionet: FakePhysioNet, folder: Path) -> None:
    download_record("edb", "e0105", folder)
    record = open_record(folder / "edb/e0105")
    assert abs(record.signal() - demo_record().signal(0, 15_000)).max() < 0.006


@pytest.fixture
def newer(physionet: FakePhysioNet) -> FakePhysioNet:
    """The same, with edb in version 1.10.0 too, where e0103 has other annotations, and 1.9.0, which has nothing."""
    edb = physionet.root / "edb"
    shutil.copytree(edb / "1.0.0", edb / "1.10.0")
    (edb / "1.9.0").mkdir()
    (edb / "1.10.0/e0103.atr").write_bytes(b"\0\0")
    physionet.write_sums("edb", "1.10.0")
    return physionet


def test_the_newest_version_is_fetched(newer: FakePhysioNet, folder: Path) -> None:
    download_record("edb", "e0103", folder)
    assert (folder / "edb/e0103.atr").read_bytes() == b"\0\0"
    assert newer.asked[0][0] == "/content/edb/"
    assert "/files/edb/1.10.0/e0103.dat" in [path for path, _ in newer.asked]


def test_another_version_can_be_asked_for(newer: FakePhysioNet, folder: Path) -> None:
    download_record("edb", "e0103", folder, version="1.0.0")
    assert same_files(newer, folder, ["e0103.atr", "e0103.dat", "e0103.hea"])
    assert not any(path.startswith("/content/") for path, _ in newer.asked)
    again = download_record("edb", "e0103", folder, version="1.10.0")
    assert (again.new, again.different) == ((), ("e0103.atr",))  # what is there is left alone


def test_the_version_that_is_there_goes_on(newer: FakePhysioNet, folder: Path) -> None:
    download_record("edb", "e0103", folder, version="1.0.0")
    download_record("edb", "e0105", folder)
    assert "/files/edb/1.0.0/e0105.dat" in [path for path, _ in newer.asked]
    assert not any(path.startswith("/content/") for path, _ in newer.asked)


def test_sums_of_an_earlier_ecg_stream_are_of_the_first_version(newer: FakePhysioNet, folder: Path) -> None:
    (folder / "edb").mkdir(parents=True)
    shutil.copy(newer.root / "edb/1.0.0/SHA256SUMS.txt", folder / "edb")
    download_record("edb", "e0105", folder)
    assert "/files/edb/1.0.0/e0105.dat" in [path for path, _ in newer.asked]


@pytest.mark.parametrize(
    ("version", "message"), [("2.0.0", r"/files/edb/2\.0\.0/.*404"), ("../x", "no version '../x'")]
)
def test_a_version_that_is_not_there(newer: FakePhysioNet, folder: Path, version: str, message: str) -> None:
    with pytest.raises(DownloadError, match=message):
        download_record("edb", "e0103", folder, version=version)
    assert not folder.exists()


def test_the_segments_of_a_record_come_too(physionet: FakePhysioNet, folder: Path) -> None:
    edb = physionet.root / "edb/1.0.0"
    (edb / "long.hea").write_text("long/3 2 250\ne0103 5000\n~ 250\ne0105 15000\n")
    physionet.write_sums("edb")
    fetched = download_record("edb", "long", folder)
    assert {"long.hea", "e0103.hea", "e0103.dat", "e0105.hea", "e0105.dat"} == set(fetched.new)
    assert open_record(folder / "edb/long").n_samples == 20_250


def test_an_endless_list_of_checksums_is_given_up_and_not_kept(
    physionet: FakePhysioNet, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "MOST_SUMS_BYTES", 100_000)
    sums = "/files/edb/1.0.0/SHA256SUMS.txt"
    physionet.changed[sums] = b"0" * 1_000_000
    with pytest.raises(DownloadError, match="longer than 0 MB"):
        download_record("edb", "e0103", folder)
    assert not [name for name in names(folder) if "SHA256SUMS" in name]
    del physionet.changed[sums]
    assert len(download_record("edb", "e0103", folder).new) == 3
