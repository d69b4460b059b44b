"""Golden labels: what ``ecg-stream replay demo`` tells of every beat and event, one a line, kept beside this file.

``python tests/labels/golden.py --write`` makes the files anew. Look at what changed with ``git diff`` before you commit
it: each changed line is a beat that a user gets otherwise than before, and the message of the commit says why.
``python tests/labels/golden.py`` shows what differs, and exits with 1 if anything does.

A line of a beat has the sample of its R peak, its label, the probability of that label, the RR interval and the delay
in milliseconds. A line of an event has its sample, kind and lead, one of a rhythm its sample, name and state. All must
be as they are but the probability, which may differ by `TOLERANCE`: processors round otherwise.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "demo.txt": ("demo",),
    "demo_one_lead.txt": ("demo", "--lead", "MLII"),
}
"""The golden files, and what ``ecg-stream replay`` is asked for each."""

TOLERANCE = 0.01

SHOWN = 10
"""So many differences are shown; where one thing is wrong, there are often hundreds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A beat, an event, a rhythm or an alert: what must be as it is, and the probability of a beat's label."""

    exact: tuple[str, ...]
    probability: float | None = None

    @classmethod
    def of(cls, line: dict[str, Any]) -> Row:
        """Take it from a line of ``--format json``."""
        if line["type"] == "event":
            return cls(("event", str(line["sample"]), line["kind"], line["lead"] or "-"))
        if line["type"] in ("rhythm", "alert"):
            return cls((line["type"], str(line["sample"]), line["name"], line["state"]))
        rr = "-" if line["rr_ms"] is None else f"{line['rr_ms']:g}"
        exact = ("beat", str(line["sample"]), line["label"], rr, f"{line['delay_ms']:g}")
        return cls(exact, line["probabilities"][line["label"]])

    @classmethod
    def read(cls, text: str) -> Row:
        """Take it from a line of a golden file."""
        words = text.split()
        if words[0] in ("event", "rhythm", "alert"):
            return cls(tuple(words))
        return cls((*words[:3], *words[4:]), float(words[3]))

    def __str__(self) -> str:
        """Write it as a line of a golden file."""
        if self.probability is None:
            return "{:5} {:>6} {} {}".format(*self.exact)
        kind, sample, label, rr, delay = self.exact
        return f"{kind:5} {sample:>6} {label} {self.probability:4.2f} {rr:>4} {delay:>4}"

    def agrees(self, other: Row) -> bool:
        """Tell whether two rows that are exactly alike have the same probability, within the tolerance."""
        if self.probability is None or other.probability is None:
            return self.probability is other.probability
        # What is kept has two decimals.
        return abs(self.probability - other.probability) <= TOLERANCE + 0.005


def replayed(arguments: Sequence[str]) -> list[dict[str, Any]]:
    """Give the lines that ``ecg-stream replay ARGUMENTS --speed max --format json`` prints, but for the summary."""
    from ecg_stream.cli.app import run

    held, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO())
    try:
        code = run(["replay", *arguments, "--speed", "max", "--format", "json"])
        sys.stdout.flush()
        printed = sys.stdout.buffer.getvalue()  # type: ignore[attr-defined]
    finally:
        sys.stdout = held
    assert code == 0
    return [json.loads(line) for line in printed.splitlines()[:-1]]


def read(name: str) -> list[Row]:
    """Read a golden file."""
    return [Row.read(line) for line in (HERE / name).read_text().splitlines() if not line.startswith("#")]


def write(name: str, rows: Sequence[Row]) -> None:
    """Write a golden file."""
    command = " ".join(("ecg-stream replay", *ARGUMENTS[name]))
    head = (
        f"# What `{command}` tells of every beat and event; see golden.py, which makes this file.\n"
        "# beat sample label probability rr_ms delay_ms, or event sample kind lead\n"
    )
    (HERE / name).write_text(head + "".join(f"{row}\n" for row in rows))


def differences(expected: Sequence[Row], found: Sequence[Row]) -> list[str]:
    """Say for each row that is not as it was which it is, what it was, and what it is."""
    return list(_differences(expected, found))


def _differences(expected: Sequence[Row], found: Sequence[Row]) -> Iterator[str]:
    # Rows are lined up by kind and sample, so that one beat too many does not make all that follow differ.
    matcher = SequenceMatcher(None, *([row.exact[:2] for row in rows] for rows in (expected, found)), autojunk=False)
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            for was, now in zip(expected[a:b], found[c:d], strict=True):
                if was.exact != now.exact or not was.agrees(now):
                    yield f"was {was}   is {now}"
            continue
        gone = [(int(row.exact[1]), f"was {row}   is not there") for row in expected[a:b]]
        come = [(int(row.exact[1]), f"was not there   is {row}") for row in found[c:d]]
        yield from (text for _, text in sorted(gone + come))


def report(name: str, expected: Sequence[Row], found: Sequence[Row]) -> str:
    """Give the differences as a text for people; an empty one if there are none."""
    told = differences(expected, found)
    if not told:
        return ""
    more = [f"... and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    head = f"{name}: {len(told)} of {len(expected)} rows differ (beat sample label probability rr_ms delay_ms)"
    return "\n".join([head, *told[:SHOWN], *more])


def main() -> int:
    """Write the golden files, or say what differs from them."""
    if sys.argv[1:] not in ([], ["--write"]):
        print("usage: python tests/labels/golden.py [--write]", file=sys.stderr)
        return 2
    reports = []
    for name, arguments in ARGUMENTS.items():
        found = [Row.of(line) for line in replayed(arguments)]
        if sys.argv[1:]:
            write(name, found)
            print(f"{name}: {len(found)} rows")
        else:
            reports.append(report(name, read(name), found) or f"{name}: no difference")
    print("\n".join(reports), end="\n" if reports else "")
    return any("differ (" in each for each in reports)


if __name__ == "__main__":
    sys.exit(main())
