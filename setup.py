"""Find the packages: every folder with an ``__init__.py`` is one inside ``ecg_stream``; see pyproject.toml."""

from setuptools import find_packages, setup

ROOT = "ecg_stream"

setup(
    package_dir={ROOT: "."},
    packages=[ROOT, *(f"{ROOT}.{name}" for name in find_packages())],
    script_name="setup.py",  # which is then no module of the package whose folder it lies in
)
