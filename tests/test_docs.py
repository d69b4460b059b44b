"""What the documents say of others: each link leads somewhere, and each command is one."""

from __future__ import annotations

import contextlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import ecg_stream
from ecg_stream.cli.app import load

ROOT = Path(ecg_stream.__file__).resolve().parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PLACES = {"URL": "mqtt://broker", "N": "0"}
"""What a page leaves open, and a value that the command takes there."""


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Names of the headings, as a page on the web has them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Give the command lines that stand by themselves, with the lines that a backslash joins to them."""
    text = re.sub(r"\\\n\s*", "", page.read_text())
    return re.findall(r"^(?: {4}(?:\$ )?)?(ecg-stream [a-z].*)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


LINES = [(page, line) for page in PAGES for line in commands(page)]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page.name}-{line[11:40]}" for page, line in LINES])
def test_a_command_is_understood(page: Path, line: str) -> None:
    words = [PLACES.get(word, word) for word in shlex.split(line, comments=True)]
    command = load(words[1])
    context = command.make_context(words[1], words[2:])
    if hasattr(command, "resolve_command"):
        name, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        with contextlib.suppress(typer.Exit):  # of --help
            inner.make_context(name, rest, parent=context)


def test_a_picture_has_the_command_that_makes_it_beside_it() -> None:
    docs = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]
    made = {file for page in docs for file in re.findall(r"--(?:output|picture) (docs/\S+)", page.read_text())}
    shown = {
        (page.parent / file).resolve().relative_to(ROOT).as_posix()
        for page in PAGES
        for file in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", prose(page))
    }
    assert len(shown) > 5
    assert shown == made


def test_all_pages_stand_behind_a_door() -> None:
    doors = set(re.findall(r"\]\((\w+\.md)", (ROOT / "docs/README.md").read_text()))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= doors


def test_the_citation_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()
