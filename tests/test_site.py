"""The site: built as it is published, with a page for each public name, and nothing in it from another machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ecg_stream

ROOT = Path(ecg_stream.__file__).resolve().parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    packages = tmp_path_factory.mktemp("packages")  # the checkout is the package: griffe sees it under its name
    (packages / "ecg_stream").symlink_to(ROOT, target_is_directory=True)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(packages), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_of_the_documentation_is_in_the_site(site: Path) -> None:
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"README"}
    of_root = {"start", "changelog", "contributing", "security"}
    assert {path.parent.name for path in site.glob("*/index.html")} >= pages | of_root
    assert (site / "index.html").exists()


def test_every_public_name_has_its_entry(site: Path) -> None:
    reference = (site / "reference/index.html").read_text()
    entries = {name.rpartition(".")[2] for name in re.findall(r'id="(ecg_stream\.[\w.]+)"', reference)}
    # Told in words elsewhere: the names of the features, the version.
    assert set(ecg_stream.__all__) - {"FEATURES", "__version__"} <= entries


def test_a_page_is_made_of_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        parts = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"?(https?:[^\s\">]+)", page.read_text())
        assert not parts, page
