"""Machine code on disk: it gives what numba and Python give, declines what it is not made for, and is not taken from
places where others can write.
"""  # fmt: skip

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ecg_stream.stream.core import machine_code
from ecg_stream.stream.core.compiled import Loop, compiled, loops, record_type

RECORD = record_type([("last", np.int64), ("levels", np.float32, (3,))])

pytestmark = pytest.mark.skipif(machine_code.writable_folder() is None, reason="no machine code on this platform")


class Weights(NamedTuple):
    w: np.ndarray
    offset: float


def plain(x, records, weights, n, wanted):
    """Takes all that an entry knows, and makes arrays and a sorted copy of its own."""
    sums = np.zeros(x.shape[1])
    for i in range(n):
        for lead in range(x.shape[1]):
            sums[lead] += x[i, lead] * weights.w[lead]
            x[i, lead] = math.exp(-x[i, lead] * x[i, lead]) + math.log(2.0 + lead)
    records[0].last += n
    for k in range(3):
        records[0].levels[k] += np.float32(sums[0] / 3.0)
    return len(x), np.sort(sums)[0] + weights.offset if wanted else 0.0


def arguments() -> tuple:
    x = np.random.default_rng(7).normal(size=(50, 4))
    return x, np.zeros(1, dtype=RECORD), Weights(np.linspace(0.1, 1.7, 4), 0.25), 40, True


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loop, Path]:
    """A loop that numba has compiled, and its file."""
    from ecg_stream.stream.core.machine_code_writer import write

    folder = tmp_path_factory.mktemp("machine-code") / "ecg-stream"
    loop = compiled(plain)
    Loop.making = folder
    try:
        loop(*arguments())
        write(loop, folder, machine_code.target())
    finally:
        Loop.making = None
        loops.remove(loop)
    return loop, folder


@pytest.fixture
def found(written: tuple[Loop, Path], monkeypatch: pytest.MonkeyPatch) -> Loop:
    """The same loop, as another process finds it."""
    monkeypatch.setattr(machine_code, "folders", lambda: [written[1]])
    loop = compiled(plain)
    loops.remove(loop)
    assert loop.is_ready
    return loop


def outcome(call, args) -> tuple:
    x, records, *_ = args
    return call(*args), x.tobytes(), records.tobytes()


def test_it_gives_to_the_last_bit_what_numba_and_python_give(written, found):
    by_machine_code = outcome(found, arguments())
    assert "dispatcher" not in vars(found)  # numba had no part in it
    assert by_machine_code == outcome(written[0].dispatcher, arguments()) == outcome(plain, arguments())


def test_another_object_that_means_the_same_type_is_met(found):
    x, records, weights, n, wanted = arguments()
    same = np.zeros(1, dtype=np.dtype((np.record, [("last", "i8"), ("levels", "f4", (3,))])))
    assert same.dtype is not RECORD
    for each in (records, same, records):
        assert found(x.copy(), each, weights, n, wanted) == plain(x.copy(), np.zeros_like(records), weights, n, wanted)
    assert "dispatcher" not in vars(found)


@pytest.mark.parametrize("change", [lambda x: x[:, ::2], np.asfortranarray])
def test_what_it_is_not_made_for_is_compiled(found, change):
    x, *rest = arguments()
    assert found(change(x), *rest) == plain(change(arguments()[0]), *arguments()[1:])
    assert "dispatcher" in vars(found)
    assert outcome(found, arguments()) == outcome(plain, arguments())


def test_records_of_other_fields_are_not_taken_for_its_own(found):
    x, records, weights, n, wanted = arguments()
    other = np.zeros(1, dtype=record_type([("levels", np.float32, (3,)), ("last", np.int64)]))
    assert other.dtype.itemsize == records.dtype.itemsize
    found(x, other, weights, n, wanted)
    assert other["last"] == n


def test_what_cannot_be_written_is_declined(found):
    args = arguments()
    args[0].setflags(write=False)
    before = args[0].copy()
    with pytest.raises(Exception, match=r"readonly|[Cc]annot|immutable"):
        found(*args)
    np.testing.assert_array_equal(args[0], before)


def test_a_number_of_another_kind_is_an_error(found):
    *args, n, wanted = arguments()
    assert found(*args, n, wanted) != found(*args, n, False)
    with pytest.raises(TypeError, match="str"):
        found(*args, "forty", wanted)


def test_code_that_others_could_have_put_there_is_not_run(written, found):
    folder = written[1]
    path = machine_code.find(found.name, found.digest)
    for each in (folder, path):
        mode = each.stat().st_mode
        each.chmod(mode | 0o002)
        assert machine_code.find(found.name, found.digest) is None
        each.chmod(mode)
    assert machine_code.find(found.name, found.digest) == path


@pytest.mark.parametrize("damage", [lambda code: code[:40], lambda code: b"x" + code, lambda code: b""])
def test_a_damaged_file_is_as_none(written, found, tmp_path, monkeypatch, damage):
    path = machine_code.find(found.name, found.digest)
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / path.name).write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr(machine_code, "folders", lambda: [folder])
    assert machine_code.load(found.name, found.digest) is None


def test_machine_code_that_calls_what_is_not_there_is_as_none(written, found, tmp_path, monkeypatch):
    path = machine_code.find(found.name, found.digest)
    (tmp_path / path.name).write_bytes(path.read_bytes().replace(b'"PyErr_Occurred"', b'"PyErr_Occurreb"', 1))
    monkeypatch.setattr(machine_code, "folders", lambda: [tmp_path])
    assert machine_code.load(found.name, found.digest) is None
