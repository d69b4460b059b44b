"""What tests of all rooms share: the real records, where they are laid out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.replay import catalog
from ecg_stream.replay.record import Record


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
