"""Find the packages, and put machine code of the loops into a wheel.

Every folder with an ``__init__.py`` is a package inside ``ecg_stream``; see pyproject.toml. Machine code needs no C
compiler, but numba, which is asked for in pyproject.toml, and half a minute. ``ECG_STREAM_MACHINE_CODE`` says whether:
``0`` makes a wheel for all platforms, which compiles at its first start; ``1`` fails where it cannot be made. Without
it a wheel has machine code where it can be made.
"""

import os
import subprocess
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = "ecg_stream"
WANTED = os.environ.get("ECG_STREAM_MACHINE_CODE", "")
MAKE = f"from {ROOT}.stream.first_start import ship; ship()"


class BuildWithMachineCode(build_py):
    """What is built runs once, to make its machine code; an editable installation makes it at its first start."""

    def run(self) -> None:
        """Build, and add machine code."""
        super().run()
        if WANTED == "0" or self.editable_mode:
            return
        built = str(Path(self.build_lib).resolve())
        paths = os.pathsep.join([built, *filter(None, sys.path)])  # where numba is, if built apart from all else
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-c", MAKE], env=environment, cwd=built, check=WANTED == "1")
        if done.returncode:
            self.warn("no machine code is put into the wheel, see above: the first start compiles")


class WheelOfOnePlatform(bdist_wheel):
    """Machine code is for one kind of processor, and for any version of Python."""

    def run(self) -> None:
        """Build, and pack what was built."""
        self.run_command("build")
        built = Path(self.get_finalized_command("build").build_lib) / ROOT / "stream" / "machine_code"
        if built.is_dir():
            self.root_is_pure = False
            self.distribution.has_ext_modules = lambda: True  # for a folder of one platform
        super().run()

    def get_tag(self) -> tuple[str, str, str]:
        """Name the versions of Python and the platform that the wheel is for."""
        python, abi, platform = super().get_tag()
        return (python, abi, platform) if self.root_is_pure else ("py3", "none", platform)


setup(
    package_dir={ROOT: "."},
    packages=[ROOT, *(f"{ROOT}.{name}" for name in find_packages())],
    script_name="setup.py",  # which is then no module of the package whose folder it lies in
    cmdclass={"build_py": BuildWithMachineCode, "bdist_wheel": WheelOfOnePlatform},
)
