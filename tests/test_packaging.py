"""What is published: the files of the wheel and of the source archive, and the libraries that they ask for."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import ecg_stream

ROOT = Path(ecg_stream.__file__).resolve().parent
NO_PACKAGE = {"tests", "docs", "build"}


def _not_shipped(folder: str, names: list[str]) -> set[str]:
    """What a working copy has beside the files of the repository: caches anywhere, dot files at its top."""
    patterns = ("__pycache__", "*.egg-info", "build", "dist", *([".*"] if Path(folder) == ROOT else []))
    return shutil.ignore_patterns(*patterns)(folder, names)


_BUILD = """
from setuptools import build_meta
print(build_meta.build_sdist("dist"))
print(build_meta.build_wheel("dist"))
"""


def modules() -> set[str]:
    """Paths of the modules of the package."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.py"))
    return {path.as_posix() for path in found if path.parts[0] not in NO_PACKAGE and not path.parts[0].startswith(".")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source archive and the wheel, as built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, folder, ignore=_not_shipped)
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    done = subprocess.run(
        [sys.executable, "-c", _BUILD],
        cwd=folder,
        env={**os.environ, "ECG_STREAM_MACHINE_CODE": "0"},  # CI builds the other wheel, and compares its beats
        capture_output=True,
        text=True,
        check=True,
    )
    sdist, wheel = (folder / "dist" / line for line in done.stdout.splitlines() if line.endswith((".tar.gz", ".whl")))
    return sdist, wheel


def test_the_wheel_has_all_modules_the_weights_and_nothing_else(built: tuple[Path, Path]) -> None:
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "stream/web/page").iterdir()}
    expected = modules() - {"setup.py"} | {"py.typed"} | page
    for bundle in (ROOT / "models/weights").iterdir():
        weights = "weights.npz" if (bundle / "weights.npz").exists() else "model.onnx"
        names = {"card.json", weights} | ({"summary.txt"} if (bundle / "summary.txt").exists() else set())
        expected |= {f"models/weights/{bundle.name}/{name}" for name in names}
    with zipfile.ZipFile(built[1]) as archive:
        wheel = archive.namelist()
    in_package = {name.removeprefix("ecg_stream/") for name in wheel if name.startswith("ecg_stream/")}
    assert in_package == expected
    assert all(".dist-info/" in name for name in wheel if not name.startswith("ecg_stream/"))


def test_the_wheel_runs_where_there_is_no_checkout(built: tuple[Path, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(tmp_path)
    program = "import ecg_stream; from ecg_stream.cli.app import run; print(ecg_stream.__file__); run(['models'])"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert all(bundle.name in done.stdout for bundle in (ROOT / "models/weights").iterdir())


def test_the_source_archive_has_what_the_repository_has(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        sdist = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "pyproject.toml", ".ci/run", "py.typed"}
    for folder in ("docs", "tests", "models/weights"):
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        wanted |= {path.relative_to(ROOT).as_posix() for path in files}
    assert wanted | modules() <= sdist
    assert not {name for name in sdist if "__pycache__" in name}


def imported(path: str) -> set[str]:
    """Top-level names of the libraries that a module imports, at its head or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"ecg_stream"}


def declared(*extras: str) -> set[str]:
    """Distributions that the package asks for, with those of some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    return {normal(re.split(r"[\s\[<>=!~;]", each, maxsplit=1)[0]) for each in asked}


def normal(name: str) -> str:
    """A distribution's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    of_module = packages_distributions()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    allowed = declared(*(extra for extra in extras if extra != "dev"))
    used: set[str] = set()
    undeclared: dict[str, set[str]] = {}
    for path in modules() - {"setup.py"}:
        for module in imported(path):
            distributions = {normal(each) for each in of_module.get(module, [module])}
            used |= distributions
            if not distributions & allowed:
                undeclared[module] = undeclared.get(module, set()) | {path}
    assert not undeclared
    assert declared() <= used


def test_the_recipe_for_conda_is_in_step_with_the_project() -> None:
    recipe = (ROOT / "recipe/meta.yaml").read_text()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = settings["project"]

    def asked(requirements: list[str]) -> set[str]:
        named_otherwise = {"soundfile": "pysoundfile", "prometheus-client": "prometheus_client"}
        parts = [re.fullmatch(r"([\w.-]+)(.*)", each) for each in requirements]
        return {f"    - {named_otherwise.get(part[1], part[1].lower())} {part[2]}" for part in parts}

    def section(name: str) -> set[str]:
        lines = re.search(rf"^  {name}:\n((?:    .*\n)+)", recipe, flags=re.MULTILINE)[1].splitlines()
        return set(lines) - {"    - python >=3.11", "    - pip"}

    assert section("run") == asked(project["dependencies"])
    assert section("host") == asked(settings["build-system"]["requires"])
    assert f'{{% set version = "{project["version"]}" %}}' in recipe
    scripts = re.findall(r"^    - ([\w-]+) = (.+)$", recipe, flags=re.MULTILINE)
    assert dict(scripts) == project["scripts"]
