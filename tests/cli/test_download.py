"""`ecg-stream download`: what it fetches and what it says, from a PhysioNet on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_physionet import FakePhysioNet

from ecg_stream.cli.app import run
from ecg_stream.replay import download as download_module

Capture = pytest.CaptureFixture[str]


def test_records(physionet: FakePhysioNet, tmp_path: Path, capsys: Capture) -> None:
    assert run(["download", "edb", "e0103", "e0105"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/data/edb: 6 files fetched, 0 already there\n"
    assert err.strip() == ""
    assert run(["download", "ptb-xl", "00001_lr"]) == 0
    assert (tmp_path / "data/ptb-xl/records100/00000/00001_lr.dat").is_file()


def test_a_version(physionet: FakePhysioNet, tmp_path: Path, capsys: Capture) -> None:
    assert run(["download", "edb", "e0103", "--version", "7"]) == 2
    assert "/files/edb/7/SHA256SUMS.txt (404)" in capsys.readouterr().err
    assert run(["download", "edb", "e0103", "--version", "1.0.0"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/data/edb: 3 files fetched, 0 already there\n"


def test_a_whole_database_and_what_is_there_already(physionet: FakePhysioNet, tmp_path: Path, capsys: Capture) -> None:
    assert run(["download", "edb", "e0103"]) == 0
    (tmp_path / "data/edb/e0103.atr").write_bytes(b"mine")
    capsys.readouterr()
    assert run(["download", "edb"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/data/edb: 3 files fetched, 2 already there\n"
    assert "1 files there differ from PhysioNet's and were left alone: e0103.atr" in err
    assert (tmp_path / "data/edb/e0103.atr").read_bytes() == b"mine"


def test_a_record_by_name_is_fetched_on_the_way(physionet: FakePhysioNet, tmp_path: Path, capsys: Capture) -> None:
    assert run(["info", "e0105", "--json"]) == 0
    assert (tmp_path / "data/edb/e0105.dat").is_file()
    out, _ = capsys.readouterr()
    assert out.startswith('{"record":"e0105"')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["edb", "e0104"], "PhysioNet's edb has no record 'e0104': it has 2, e0103 to e0105"),
        (["nosuchdb"], "PhysioNet has no http"),
        (["../edb"], "no database '../edb'"),
    ],
)
def test_what_is_not_there_gets_one_line_and_exit_code_2(
    physionet: FakePhysioNet, capsys: Capture, arguments: list[str], message: str
) -> None:
    assert run(["download", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"ecg-stream: {message}")


def test_no_network_names_the_demo_and_the_data_folder(
    physionet: FakePhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(download_module, "PHYSIONET", "http://127.0.0.1:1")
    for command in (["download", "edb", "e0103"], ["info", "e0103"]):
        assert run(command) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "`ecg-stream replay demo`" in err
        assert str(tmp_path / "data") in err
