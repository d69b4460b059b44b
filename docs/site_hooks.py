"""What the site takes from the root of the repository, and links that lead there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
TAKEN = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages of the repository that are pages of the site too."""


def on_files(files: Files, config: Any) -> Files:
    """Add these pages, under names in small letters."""
    for name in TAKEN:
        files.append(File.generated(config, name.lower(), content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to where these pages, and those of `docs/`, stand in the site."""
    taken = {**{f"../{name}": name.lower() for name in TAKEN}, "../README.md": "README.md"}
    if page.file.src_uri in {name.lower() for name in TAKEN}:
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    for link, target in taken.items():
        markdown = markdown.replace(f"]({link}", f"]({target}")
    return markdown
