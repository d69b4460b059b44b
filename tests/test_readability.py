"""Pages and help texts are read once: no sentence of theirs has over thirty words."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

import ecg_stream
from ecg_stream.cli.app import COMMANDS, load

ROOT = Path(ecg_stream.__file__).resolve().parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST = 30
END = re.compile(r"(?<=[.!?:])[)\"*]*\s+(?=[A-Z(\"\d`])")


def sentences(text: str) -> list[str]:
    return [sentence for part in re.split(r"\n\s*\n", text) for sentence in END.split(" ".join(part.split()))]


def n_words(sentence: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


def too_long(text: str) -> list[str]:
    return [sentence for sentence in sentences(text) if n_words(sentence) > LONGEST]


def shown(token: Token) -> str:
    """The words of a paragraph, a heading or a cell; what is code is one word."""
    parts = {"code_inline": "Code", "softbreak": " ", "hardbreak": " "}
    return "".join(parts.get(child.type, child.content) for child in token.children or [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_sentence_of_a_page_is_long(page: Path) -> None:
    paragraphs = [token for token in MarkdownIt().enable("table").parse(page.read_text()) if token.type == "inline"]
    assert paragraphs
    assert [sentence for token in paragraphs for sentence in too_long(shown(token))] == []


def docstrings() -> Iterator[tuple[str, str]]:
    """Those of the public names, and of what is public inside them."""
    for name in ecg_stream.__all__:
        thing = getattr(ecg_stream, name)
        inside = {key: each for key, each in vars(thing).items() if key[:1] != "_"} if isinstance(thing, type) else {}
        for where, each in {name: thing, **{f"{name}.{key}": each for key, each in inside.items()}}.items():
            if isinstance(each, property | types.FunctionType | type) and each.__doc__:
                yield where, inspect.cleandoc(each.__doc__)


def paragraphs(docstring: str) -> list[str]:
    """What stands at one indentation in a row; a line of dashes ends the heading above it."""
    lines = re.sub(r"^ *-+$", "", docstring, flags=re.MULTILINE).splitlines()
    parts: list[str] = []
    before = None
    for line in lines:
        indent = len(line) - len(line.lstrip()) if line.strip() else None
        if indent is None or indent != before:
            parts.append("")
        parts[-1] += f"{line.strip()} "
        before = indent
    return parts


def test_no_sentence_of_a_public_docstring_is_long() -> None:
    found = list(docstrings())
    assert len(found) > 40
    assert [
        (where, sentence) for where, text in found for part in paragraphs(text) for sentence in too_long(part)
    ] == []


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 120


def commands() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        command = load(name)
        yield name, command
        for inner, sub in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", sub


def test_no_sentence_of_a_help_text_is_long() -> None:
    texts = [
        (name, text)
        for name, command in commands()
        for text in (command.help, command.short_help, *(getattr(each, "help", None) for each in command.params))
        if text
    ]
    assert len(texts) > 200
    assert [(name, sentence) for name, text in texts for sentence in too_long(text)] == []


def test_a_long_sentence_is_seen() -> None:
    long = " ".join(["Word"] + ["word"] * LONGEST)
    assert too_long(f"Short one. {long}. Short: {long[:-5]}. {long}: Short.") == [f"{long}.", f"{long}:"]
