"""The laws of a stage, each checked once, for any stage.

``check_stage(make, stream)`` runs them all; ``LAWS`` names them, for a test per law::

    def make() -> HighPass:
        return HighPass(250.0, 2)

    @pytest.mark.parametrize("law", LAWS)
    def test_laws(law):
        law(Subject(make, (signal,)))

A subject is a function that makes a stage, the stream to feed it with, and how to feed it. Both functions must
stand at the top of a module, because one law calls them again in another process. Run as a script, this file
is that other process: it talks MessagePack over its standard streams, so that no pickle can hide a shared object.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Stream = tuple[NDArray[Any], ...]
"""Arrays whose rows are samples, cut together: the signal, and whatever else goes with each sample."""


def push_arrays(stage: Any, start: int, *parts: NDArray[Any]) -> Any:
    """Feed a stage that takes arrays."""
    return stage.push(*parts)


@dataclasses.dataclass(frozen=True)
class Subject:
    """What the laws are checked on.

    Attributes
    ----------
    make
        Makes a fresh stage, always the same.
    stream
        What it is fed with; long enough that the state is exercised (windows full, blocks turned over).
    feed
        ``feed(stage, start, *parts)`` pushes the rows that begin at `start` and gives what came out.
    decided
        For stages that give lists: the sample at which an output was decided. None where outputs do not tell.
    examples
        How many ways of cutting hypothesis draws.
    """

    make: Callable[[], Any]
    stream: Stream
    feed: Callable[..., Any] = push_arrays
    decided: Callable[[Any], int] | None = None
    examples: int = 25

    @property
    def length(self) -> int:
        return len(self.stream[0])

    def rows(self, start: int, stop: int) -> Stream:
        """Rows of the stream, read-only, as a careful caller would hand them over."""
        parts = tuple(part[start:stop].copy() for part in self.stream)
        for part in parts:
            part.flags.writeable = False
        return parts

    def run(self, stage: Any, cuts: Iterable[int] = (), start: int = 0, stop: int | None = None) -> list[Any]:
        """Feed the stream from `start` to `stop`, cut at `cuts`; give what came out of each chunk."""
        edges = [start, *cuts, self.length if stop is None else stop]
        return [self.feed(stage, a, *self.rows(a, b)) for a, b in pairwise(edges)]

    def whole(self, cuts: Iterable[int] = ()) -> Any:
        """Everything that a fresh stage gives for the stream."""
        stage = self.make()
        return joined([*self.run(stage, cuts), stage.flush()])


def check_stage(make: Callable[[], Any], *stream: NDArray[Any], **options: Any) -> None:
    """Check all laws; `options` are the other fields of `Subject`."""
    subject = Subject(make, stream, **options)
    for law in LAWS:
        law(subject)


# ---- the laws


def chunks_do_not_matter(subject: Subject) -> None:
    """Any way of cutting the stream gives the identical output, empty chunks and single samples included."""
    whole = canonical(subject.whole())
    n = subject.length
    singles = range(max(0, n // 2 - 150), n // 2 + 150)
    assert canonical(subject.whole(singles)) == whole, "single samples give another output than one chunk"
    for size in (7, 64, 250, 1001):
        assert canonical(subject.whole(range(size, n, size))) == whole, f"chunks of {size} give another output"

    @settings(max_examples=subject.examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.integers(0, n), max_size=40).map(sorted))
    def any_cuts(cuts: list[int]) -> None:
        assert canonical(subject.whole(cuts)) == whole, "this cutting gives another output than one chunk"

    any_cuts()


def delay_is_as_stated(subject: Subject) -> None:
    """What depends on the samples so far is given now, and the future changes nothing of it."""
    whole = _fields(subject.whole())
    n = subject.length
    rng = np.random.default_rng(5)
    for seen in sorted({1, n // 3, n // 2 + 1, *rng.integers(2, n, 4).tolist()}):
        stage = subject.make()
        early = _fields(joined(subject.run(stage, stop=seen)))
        other = dataclasses.replace(subject, stream=tuple(_other_future(part, seen, rng) for part in subject.stream))
        changed = _fields(other.whole())
        for key, output in early.items():
            now = len(output)
            if isinstance(output, np.ndarray):
                due = max(0, seen - stage.delay)
                assert now == due, f"{now} rows after {seen} samples, with a delay of {stage.delay}"
            elif subject.decided is not None:
                due = sum(subject.decided(item) < seen for item in whole[key])
                assert now == due, f"{now} outputs after {seen} samples, where {due} are decided by then"
            assert canonical(whole[key][:now]) == canonical(output), f"after {seen} samples it took back an output"
            assert canonical(changed[key][:now]) == canonical(output), "an output depends on later samples"


def state_is_bounded(subject: Subject) -> None:
    """The snapshot does not grow with the stream."""
    stage = subject.make()
    edges = np.linspace(0, subject.length, 21).astype(int).tolist()
    sizes = []
    for a, b in pairwise(edges):
        subject.feed(stage, a, *subject.rows(a, b))
        sizes.append(len(packed(stage.snapshot())))
    first, second = max(sizes[:10]), max(sizes[10:])
    assert second <= first * 1.2 + 512, f"the snapshot grew from {first} to {second} bytes"


def inputs_and_outputs_belong_to_the_caller(subject: Subject) -> None:
    """Inputs are not changed, and writing into what came out does not change what comes next."""
    expected = canonical(subject.whole())
    stage = subject.make()
    edges = [*range(0, subject.length, 97), subject.length]
    outputs = []
    for a, b in pairwise(edges):
        parts = tuple(part[a:b].copy() for part in subject.stream)
        before = canonical(parts)
        output = subject.feed(stage, a, *parts)
        assert canonical(parts) == before, "the input was changed"
        outputs.append(_deep_copy(output))
        for part in (*parts, *_arrays(output)):
            if part.flags.writeable:
                part[...] = 0
    assert canonical(joined([*outputs, stage.flush()])) == expected, "the stage shares memory with its caller"


def instances_share_nothing(subject: Subject) -> None:
    """Two stages fed in turn give what each gives alone."""
    expected = canonical(subject.whole())
    reverse = dataclasses.replace(subject, stream=tuple(part[::-1].copy() for part in subject.stream))
    other_expected = canonical(reverse.whole())
    one, two = subject.make(), reverse.make()
    edges = [*range(0, subject.length, 211), subject.length]
    outputs: tuple[list[Any], list[Any]] = ([], [])
    for a, b in pairwise(edges):
        outputs[0].append(subject.feed(one, a, *subject.rows(a, b)))
        outputs[1].append(reverse.feed(two, a, *reverse.rows(a, b)))
    assert canonical(joined([*outputs[0], one.flush()])) == expected
    assert canonical(joined([*outputs[1], two.flush()])) == other_expected


def snapshot_goes_on(subject: Subject) -> None:
    """A restored stage goes on exactly, the original is not disturbed, and the snapshot is a copy."""
    expected = canonical(subject.whole())
    for cut in (0, 1, subject.length // 3 + 3, subject.length // 2, subject.length - 1):
        stage = subject.make()
        before = subject.run(stage, stop=cut)
        state = stage.snapshot()
        kept = packed(state)
        assert canonical(joined([*before, *subject.run(stage, start=cut), stage.flush()])) == expected
        assert packed(state) == kept, "the snapshot changed when the stage went on"
        again = subject.make()
        subject.run(again, stop=subject.length // 5)  # a stage that has seen something else is overwritten whole
        again.restore(unpacked(kept))
        assert packed(again.snapshot()) == kept, "restore and snapshot do not agree"
        assert canonical(joined([*before, *subject.run(again, start=cut), again.flush()])) == expected


def snapshot_crosses_processes(subject: Subject) -> None:
    """A stage restored in another process, from bytes, goes on exactly."""
    cut = subject.length // 2 + 17
    stage = subject.make()
    subject.run(stage, stop=cut)
    request = {
        "make": _address(subject.make),
        "feed": _address(subject.feed),
        "state": stage.snapshot(),
        "start": cut,
        "parts": list(subject.rows(cut, subject.length)),
    }
    done = subprocess.run([sys.executable, __file__], input=packed(request), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    here = joined([*subject.run(stage, start=cut), stage.flush()])
    assert done.stdout == msgspec.msgpack.encode(canonical(here)), "another process went on differently"


def flush_completes(subject: Subject) -> None:
    """For stages that give a sample for a sample: after the flush there are as many. An empty stream is one."""
    whole = subject.whole()
    if not isinstance(whole, list):
        assert _rows(whole) == subject.length
    empty = subject.make().flush()
    assert _rows(empty) == 0


LAWS: tuple[Callable[[Subject], None], ...] = (
    chunks_do_not_matter,
    delay_is_as_stated,
    state_is_bounded,
    inputs_and_outputs_belong_to_the_caller,
    instances_share_nothing,
    snapshot_goes_on,
    snapshot_crosses_processes,
    flush_completes,
)


# ---- outputs of any kind: arrays, lists, or dataclasses of them


def joined(outputs: Sequence[Any]) -> Any:
    """Put the outputs of consecutive chunks together: arrays by rows, lists end to end, dataclasses by field."""
    first = outputs[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(outputs)
    if dataclasses.is_dataclass(first):
        return {
            field.name: joined([getattr(output, field.name) for output in outputs])
            for field in dataclasses.fields(first)
        }
    return [item for output in outputs for item in output]


def canonical(value: Any) -> Any:
    """Nested lists of plain values and bytes that are equal only if everything is equal, to the last bit."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, np.generic):
        return [value.dtype.str, value.tobytes()]
    if isinstance(value, float):
        return value.hex()
    if dataclasses.is_dataclass(value):
        return [type(value).__name__, *(canonical(getattr(value, f.name)) for f in dataclasses.fields(value))]
    if isinstance(value, dict):
        return [[key, canonical(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def _rows(value: Any) -> int:
    """Rows of the arrays of an output, which must all agree; items of a list."""
    if isinstance(value, list | tuple):
        return len(value)
    rows = {len(array) for array in _arrays(value)}
    assert len(rows) == 1, f"arrays of different lengths came out: {rows}"
    return rows.pop()


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a joined output; an array or a list is its own only field."""
    return value if isinstance(value, dict) else {"": value}


def _arrays(value: Any) -> list[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        return [array for field in dataclasses.fields(value) for array in _arrays(getattr(value, field.name))]
    if isinstance(value, dict):
        return [array for item in value.values() for array in _arrays(item)]
    if isinstance(value, list | tuple):
        return [array for item in value for array in _arrays(item)]
    return []


def _deep_copy(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{field.name: _deep_copy(getattr(value, field.name)) for field in dataclasses.fields(value)}
        )
    if isinstance(value, list | tuple):
        return type(value)(_deep_copy(item) for item in value)
    return value


def _other_future(part: NDArray[Any], seen: int, rng: np.random.Generator) -> NDArray[Any]:
    """The same rows up to `seen`, others after it."""
    other = part.copy()
    if part.dtype == np.bool_:
        other[seen:] = ~other[seen:]
    else:
        other[seen:] = rng.permutation(other[seen:]) * 3.0 + 1.0
    return other


# ---- the other process


def packed(value: Any) -> bytes:
    """MessagePack of a snapshot; fails on anything that a snapshot must not hold."""

    def extension(item: Any) -> msgspec.msgpack.Ext:
        if not isinstance(item, np.ndarray):
            raise TypeError(f"a snapshot holds arrays and plain values, not {type(item)}")
        kind = item.dtype.descr if item.dtype.names else item.dtype.str
        return msgspec.msgpack.Ext(1, msgspec.json.encode([kind, item.shape]) + b"\n" + item.tobytes())

    return msgspec.msgpack.encode(value, enc_hook=extension)


def unpacked(payload: bytes) -> Any:
    """Undo `packed`; the arrays are read-only."""

    def array(code: int, content: memoryview) -> NDArray[Any]:
        head, _, raw = bytes(content).partition(b"\n")
        kind, shape = msgspec.json.decode(head)
        if not isinstance(kind, str):
            kind = [(name, part, *map(tuple, sides)) for name, part, *sides in kind]
        return np.frombuffer(raw, dtype=kind).reshape(shape)

    return msgspec.msgpack.decode(payload, ext_hook=array)


def _address(function: Callable[..., Any]) -> list[str]:
    return [function.__module__, inspect.getfile(function), function.__qualname__]


def _at(address: list[str]) -> Callable[..., Any]:
    module_name, file, name = address
    if module_name.partition(".")[0] == "ecg_stream":
        module = importlib.import_module(module_name)
    else:
        spec = importlib.util.spec_from_file_location(Path(file).stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    return found


def _other_process() -> None:
    request = unpacked(sys.stdin.buffer.read())
    make, feed = _at(request["make"]), _at(request["feed"])
    stage = make()
    stage.restore(request["state"])
    output = feed(stage, request["start"], *request["parts"])
    sys.stdout.buffer.write(msgspec.msgpack.encode(canonical(joined([output, stage.flush()]))))


if __name__ == "__main__":
    _other_process()
