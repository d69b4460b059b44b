"""What the site takes from the root of the repository, and links that lead there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
TAKEN = {
    "README.md": "start.md",  # README.md of `docs/` is the first page
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CITATION.cff": "CITATION.cff",
}
"""Files of the repository that are in the site too, by their names there."""


def on_files(files: Files, config: Any) -> Files:
    """Add these files."""
    for name, here in TAKEN.items():
        files.append(File.generated(config, here, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links lead to where these files, and those of `docs/`, stand in the site."""
    of_root = page.file.src_uri in TAKEN.values()
    for name, here in TAKEN.items():
        markdown = markdown.replace(f"]({name if of_root else f'../{name}'}", f"]({here}")
    return re.sub(r"\]\(docs/", "](", markdown) if of_root else markdown
