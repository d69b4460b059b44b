"""The laws themselves; `ecg_stream.testing` says how they are used."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from .other_process import address
from .subject import Subject
from .values import arrays, canonical, deep_copy, joined, named_fields, other_future, packed, rows, unpacked


def check_stage(make: Callable[[], Any], *stream: NDArray[Any], **options: Any) -> None:
    """Check all laws.

    Parameters
    ----------
    make
        Makes a fresh stage, always the same; stands at the top of a module.
    stream
        Arrays whose rows are samples; what goes into the stage.
    options
        The other fields of `Subject`.

    Raises
    ------
    AssertionError
        If a law is broken.
    """
    subject = Subject(make, stream, **options)
    for law in LAWS:
        law(subject)


def _require(kept: bool, otherwise: str) -> None:
    """Raise by hand: ``python -O`` takes assert statements out."""
    if not kept:
        raise AssertionError(otherwise)


def chunks_do_not_matter(subject: Subject) -> None:
    """Check that any way of cutting gives the identical output, empty chunks and single samples included."""
    whole = canonical(subject.whole())
    n = subject.length
    singles = range(max(0, n // 2 - 150), min(n, n // 2 + 150))
    _require(canonical(subject.whole(singles)) == whole, "single samples give another output than one chunk")
    for size in (7, 64, 250, 1001):
        same = canonical(subject.whole(range(size, n, size))) == whole
        _require(same, f"chunks of {size} samples give another output than one chunk")
    for cuts in subject.random_cuts():
        if canonical(subject.whole(cuts)) != whole:
            fewest = _fewest(cuts, lambda fewer: canonical(subject.whole(fewer)) != whole)
            raise AssertionError(f"cut at {fewest}, the output is another than from one chunk")


def delay_is_as_stated(subject: Subject) -> None:
    """Check that what depends on the samples so far is given now, and that the future changes nothing of it."""
    whole = named_fields(subject.whole())
    n = subject.length
    rng = np.random.default_rng(5)
    for seen in sorted({1, n // 3, n // 2 + 1, *rng.integers(2, n, 4).tolist()}):
        stage = subject.make()
        early = named_fields(joined(subject.run(stage, stop=seen)))
        other = dataclasses.replace(subject, stream=tuple(other_future(part, seen, rng) for part in subject.stream))
        changed = named_fields(other.whole())
        for key, output in early.items():
            now = len(output)
            if isinstance(output, np.ndarray):
                due = max(0, seen - stage.delay)
                _require(now == due, f"{now} rows after {seen} samples, {due} are due with a delay of {stage.delay}")
            elif subject.decided is not None:
                due = sum(subject.decided(item) < seen for item in whole[key])
                _require(now == due, f"{now} outputs after {seen} samples, {due} are decided by then")
            told = canonical(output)
            _require(canonical(whole[key][:now]) == told, f"after {seen} samples it took back an output")
            _require(canonical(changed[key][:now]) == told, f"an output after {seen} samples depends on later ones")


def state_is_bounded(subject: Subject) -> None:
    """Check that the snapshot does not grow with the stream."""
    stage = subject.make()
    edges = np.linspace(0, subject.length, 21).astype(int).tolist()
    sizes = []
    for a, b in pairwise(edges):
        subject.feed(stage, a, *subject.rows(a, b))
        sizes.append(len(packed(stage.snapshot())))
    first, second = max(sizes[:10]), max(sizes[10:])
    _require(second <= first * 1.2 + 512, f"the snapshot grew with the stream, from {first} to {second} bytes")


def inputs_and_outputs_belong_to_the_caller(subject: Subject) -> None:
    """Check that inputs are not changed, and that writing into what came out does not change what comes next."""
    expected = canonical(subject.whole())
    stage = subject.make()
    edges = [*range(0, subject.length, 97), subject.length]
    outputs = []
    for a, b in pairwise(edges):
        parts = tuple(part[a:b].copy() for part in subject.stream)
        before = canonical(parts)
        output = subject.feed(stage, a, *parts)
        _require(canonical(parts) == before, "the input was changed")
        outputs.append(deep_copy(output))
        for part in (*parts, *arrays(output)):
            if part.flags.writeable:
                part[...] = 0
    same = canonical(joined([*outputs, stage.flush()])) == expected
    _require(same, "the stage shares memory with its caller: writing into an input or an output changed what came next")


def instances_share_nothing(subject: Subject) -> None:
    """Check that two stages fed in turn give what each gives alone."""
    expected = canonical(subject.whole())
    reverse = dataclasses.replace(subject, stream=tuple(part[::-1].copy() for part in subject.stream))
    other_expected = canonical(reverse.whole())
    one, two = subject.make(), reverse.make()
    edges = [*range(0, subject.length, 211), subject.length]
    outputs: tuple[list[Any], list[Any]] = ([], [])
    for a, b in pairwise(edges):
        outputs[0].append(subject.feed(one, a, *subject.rows(a, b)))
        outputs[1].append(reverse.feed(two, a, *reverse.rows(a, b)))
    same = canonical(joined([*outputs[0], one.flush()])) == expected
    _require(same and canonical(joined([*outputs[1], two.flush()])) == other_expected, "two instances share state")


def snapshot_goes_on(subject: Subject) -> None:
    """Check that a restored stage goes on exactly, the original is not disturbed, and the snapshot is a copy."""
    expected = canonical(subject.whole())
    for cut in (0, 1, subject.length // 3 + 3, subject.length // 2, subject.length - 1):
        stage = subject.make()
        before = subject.run(stage, stop=cut)
        state = stage.snapshot()
        kept = packed(state)
        same = canonical(joined([*before, *subject.run(stage, start=cut), stage.flush()])) == expected
        _require(same, f"a snapshot taken after {cut} samples disturbed the stage that it was taken of")
        _require(packed(state) == kept, "the snapshot changed when the stage went on: it is no copy")
        again = subject.make()
        subject.run(again, stop=subject.length // 5)  # a stage that has seen something else is overwritten whole
        again.restore(unpacked(kept))
        _require(packed(again.snapshot()) == kept, "a snapshot of a restored stage is another one")
        same = canonical(joined([*before, *subject.run(again, start=cut), again.flush()])) == expected
        _require(same, f"a stage restored after {cut} samples went on differently")


def snapshot_crosses_processes(subject: Subject) -> None:
    """Check that a stage restored in another process, from bytes, goes on exactly."""
    cut = subject.length // 2 + 17
    stage = subject.make()
    subject.run(stage, stop=cut)
    request = {
        "make": address(subject.make),
        "feed": address(subject.feed),
        "state": stage.snapshot(),
        "start": cut,
        "parts": list(subject.rows(cut, subject.length)),
    }
    command = [sys.executable, "-m", f"{__package__}.other_process"]
    where = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # it finds modules as this process does
    done = subprocess.run(command, input=packed(request), capture_output=True, check=False, env=where)
    _require(done.returncode == 0, f"another process could not restore the stage:\n{done.stderr.decode()}")
    here = joined([*subject.run(stage, start=cut), stage.flush()])
    _require(
        done.stdout == msgspec.msgpack.encode(canonical(here)),
        "a stage restored in another process went on differently",
    )


def flush_completes(subject: Subject) -> None:
    """Check stages that give a sample for a sample: after the flush there are as many. An empty stream is one."""
    whole = subject.whole()
    if not isinstance(whole, list):
        n = rows(whole)
        _require(n == subject.length, f"{n} rows came out of {subject.length}, the flush included")
    _require(rows(subject.make().flush()) == 0, "the flush of an empty stream gave something")


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


def _fewest(cuts: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """Leave out every cut without which it fails, too."""
    for place in reversed(range(len(cuts))):
        fewer = cuts[:place] + cuts[place + 1 :]
        if fails(fewer):
            cuts = fewer
    return cuts
