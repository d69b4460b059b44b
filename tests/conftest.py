"""What tests of all rooms share: real records where they are laid out, records written to disk, and a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broker import MOSQUITTO, Mosquitto
from fake_physionet import FakePhysioNet, serving
from hypothesis import settings

from ecg_stream.errors import RequestError
from ecg_stream.replay import catalog
from ecg_stream.replay import download as download_module
from ecg_stream.replay.annotations import write_annotations
from ecg_stream.replay.demo import demo_record
from ecg_stream.replay.record import Record
from ecg_stream.stream.first_start import compile_loops

settings.register_profile("no clock", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("no clock")


def pytest_sessionstart() -> None:
    """Make the machine code of the loops, if there is none: at a first start commands say so, which no test expects."""
    compile_loops()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real records; the test is skipped where there is none."""
    folder = catalog.data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real records are laid out in {folder}")
    return folder


@pytest.fixture(scope="session")
def real_record(data_folder: Path) -> Callable[[str], Record]:
    """Opens a real record by name; the test is skipped where it is not laid out."""

    def find(name: str) -> Record:
        try:
            return catalog.find_record(name, data_folder=data_folder, download=False)
        except RequestError as error:
            pytest.skip(f"real record {name} is not laid out: {error}")

    return find


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of the test's own; the test is skipped where there is no Mosquitto."""
    if MOSQUITTO is None:
        pytest.skip("needs Mosquitto")
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def write_record() -> Callable[..., Path]:
    """Writes the first seconds of the demo as a WFDB record, with its reference; gives its path without extension."""

    def write(
        folder: Path, name: str = "r1", fs: float = 250, seconds: float = 20, fmt: str = "16", **fields: Any
    ) -> Path:
        import wfdb

        record = demo_record(fs=fs)
        signal = fields.pop("p_signal", record.signal(0, round(seconds * fs)).copy())
        n_leads = signal.shape[1]
        folder.mkdir(parents=True, exist_ok=True)
        defaults: dict[str, Any] = {
            "units": ["mV"] * n_leads,
            "sig_name": ["MLII", "V5", "V1", "I"][:n_leads],
            "adc_gain": [100.0] * n_leads,
            "baseline": [0] * n_leads,
        }
        wfdb.wrsamp(name, fs=fs, p_signal=signal, fmt=[fmt] * n_leads, write_dir=str(folder), **{**defaults, **fields})
        reference = record.annotations()
        assert reference is not None
        inside = int(np.searchsorted(reference.samples, len(signal)))
        write_annotations(folder, name, fs, reference.samples[:inside], reference.symbols[:inside], "atr")
        return folder / name

    return write


@pytest.fixture
def physionet(
    tmp_path: Path, write_record: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakePhysioNet]:
    """A PhysioNet on this machine, with e0103 and e0105 in edb and 00001_lr in ptb-xl; its data folder is empty."""
    root = tmp_path / "physionet"
    write_record(root / "edb/1.0.0", "e0103")
    write_record(root / "edb/1.0.0", "e0105", fmt="212", seconds=60)
    write_record(root / "ptb-xl/1.0.1/records100/00000", "00001_lr", fs=100, seconds=10)
    with serving(root) as server:
        server.write_sums("edb")
        server.write_sums("ptb-xl", "1.0.1")
        monkeypatch.setattr(download_module, "PHYSIONET", server.address)
        monkeypatch.setenv("ECG_STREAM_DATA", str(tmp_path / "data"))
        yield server
