"""Mutations: one thing made wrong in a copy of the code, and the tests that must turn red. Run it before a release.

    python tests/mutations.py              # all, some ten minutes; exit code 1 if any survives
    python tests/mutations.py --list
    python tests/mutations.py --only NAME [--only NAME ...]

The list is in `mutation_list`. Each mutation is a text that stands exactly once in a file, what it is replaced with,
and the tests that must notice. It survives if these tests stay green. One that makes them fail to start, or run on for
ever, proves nothing and counts as survived; so does one whose text is no longer there exactly once, which
`tests/test_mutation_list.py` finds in every run of the suite.

The files that git knows, with what is changed or new in the working tree, are copied to a temporary folder. The root of
the repository is the package, so the copy stands there under the name ``ecg_stream`` as a link in a folder of its own,
and that folder is put first on ``PYTHONPATH``, also for the processes that tests start: whatever is installed, the
copy is imported, and the checkout is never touched. Before anything is made wrong the same tests must be green. All
share one folder of machine code; a mutation in a compiled loop costs some ten seconds to compile.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutation_list import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent

LIMIT_S = 300.0
"""A run of tests that takes longer has not shown anything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutation: whether tests turned red, which did or why none, and how long it took."""

    red: bool
    told: str
    seconds: float


class Copy:
    """A copy of the working tree in `folder`, in which tests are run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        packages = folder / "packages"
        known = ("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in subprocess.run(known, check=True, capture_output=True, text=True).stdout.split("\0"):
            if name and (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        packages.mkdir()
        (packages / "ecg_stream").symlink_to(self.root, target_is_directory=True)
        paths = [str(packages), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            "OMP_NUM_THREADS": "1",
        }
        code = "import ecg_stream; print(ecg_stream.__file__)"
        found = subprocess.run(
            [sys.executable, "-c", code], env=self._environment, cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        if not Path(found).resolve().is_relative_to(self.root.resolve()):
            raise SystemExit(f"the tests would import {found}, and not the copy in {self.root}")

    @contextmanager
    def changed(self, mutation: Mutation) -> Iterator[None]:
        """Make one thing wrong until the block ends."""
        file = self.root / mutation.file
        before, stat = file.read_text(), file.stat()
        file.write_text(mutation.applied(before))
        try:
            yield
        finally:
            file.write_text(before)
            # The machine code of a file is taken for that of its time of change.
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def run(self, tests: Sequence[str], limit_s: float) -> tuple[int | None, str]:
        """Run tests; give pytest's exit code, None if it was stopped, and the first failure or last line."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "--no-header", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command, env=self._environment, cwd=self.root, capture_output=True, text=True, timeout=limit_s
            )
        except subprocess.TimeoutExpired:
            return None, f"stopped after {limit_s:g} s"
        failed = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
        lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or [""]
        return done.returncode, failed[1] if failed else lines[-1]


def judged(copy: Copy, mutation: Mutation, limit_s: float) -> Verdict:
    """Apply a mutation and see whether its tests turn red."""
    began = time.monotonic()
    try:
        with copy.changed(mutation):
            code, told = copy.run(mutation.tests, limit_s)
    except (LookupError, OSError) as error:
        return Verdict(False, str(error), 0.0)
    return Verdict(code == 1, told if code in (0, 1, None) else f"pytest ended with {code}: {told}", _since(began))


def _since(began: float) -> float:
    return time.monotonic() - began


def chosen(names: Sequence[str] | None) -> list[Mutation]:
    """Give the mutations named, or all."""
    unknown = set(names or ()) - {mutation.name for mutation in MUTATIONS}
    if unknown:
        raise SystemExit(f"no mutation {', '.join(map(repr, sorted(unknown)))}: --list has their names")
    return [mutation for mutation in MUTATIONS if not names or mutation.name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations that are asked for; 1 if any survives."""
    parser = argparse.ArgumentParser(description="Make one thing wrong at a time and expect red tests.")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--only", action="append", metavar="NAME", help="this mutation; may be given again")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="S", help="for each run of tests, seconds")
    options = parser.parse_args(arguments)
    mutations = chosen(options.only)
    if options.list:
        print("\n".join(f"{mutation.name:32} {mutation.file}" for mutation in mutations))
        return 0
    tests = list(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        print("copying the working tree ...", flush=True)
        copy = Copy(Path(folder))
        print(f"as it is: {' '.join(tests)} ...", flush=True)
        began = time.monotonic()
        code, told = copy.run(tests, 10 * options.limit)
        if code != 0:
            print(f"these tests must be green before anything is made wrong: {told}")
            return 1
        print(f"green, {_since(began):.0f} s: {told}", flush=True)
        survived = []
        for number, mutation in enumerate(mutations, 1):
            print(f"{number:3}/{len(mutations)} {mutation.name:32} ", end="", flush=True)
            verdict = judged(copy, mutation, options.limit)
            if not verdict.red:
                survived.append(mutation.name)
            print(f"{'red     ' if verdict.red else 'SURVIVED'} {verdict.seconds:4.0f} s  {verdict.told}", flush=True)
    print(f"{len(mutations) - len(survived)} of {len(mutations)} red" + "".join(f"\nsurvived: {n}" for n in survived))
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
