"""An outsider's machine: an environment with Patchbay's wheel, a plugin's wheel, and nothing of this clone.

What Patchbay depends on is borrowed from the environment that runs the tests, by a path file. Path files in that folder
are not read, so Patchbay itself, which is installed editable there, comes from its wheel alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build")


def copied(source: Path, target: Path, names: Iterable[str] | None = None) -> Path:
    """The folder without what was built in it; of a whole clone only the parts that are named."""
    if names is None:
        shutil.copytree(source, target, ignore=IGNORED)
        return target
    target.mkdir()
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=IGNORED)
        else:
            shutil.copy(source / name, target / name)
    return target


def wheel_of(source: Path, folder: Path) -> Path:
    """Build the wheel of a distribution; ``source`` is a copy, for building leaves things behind."""
    _python(sys.executable, "-m", "pip", "wheel", *_OFFLINE, "--no-build-isolation", "-w", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


class Outsider:
    """An environment in ``folder`` with these wheels installed, and a place to run things in it."""

    def __init__(self, folder: Path, wheels: Iterable[Path]) -> None:
        venv.create(folder, symlinks=os.name != "nt")
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        at = {"base": str(folder), "platbase": str(folder)}
        self.site = Path(sysconfig.get_path("purelib", scheme="venv", vars=at))
        pip = ("-m", "pip", "--python", str(self.python), "install", *_OFFLINE)
        _python(sys.executable, *pip, *map(str, wheels))
        self.installed = sorted(path.name for path in self.site.iterdir())
        (self.site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def environment(self, **settings: str) -> dict[str, str]:
        """The variables of a process here; ``settings`` are Patchbay's, without their prefix."""
        foreign = ("PATCHBAY_", "PYTHON", "PYTEST_")
        plain = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**plain, **{f"PATCHBAY_{name}": value for name, value in settings.items()}}

    def run(self, *arguments: str, cwd: Path) -> str:
        """What Python says when it is run here; it must end well."""
        return _python(str(self.python), *arguments, cwd=cwd, env=self.environment())

    def run_tests(self, folder: Path, *options: str) -> None:
        """Run the tests in this folder against what is installed here."""
        plain = ("-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "--rootdir", str(folder))
        self.run("-m", "pytest", *plain, *options, str(folder), cwd=folder)


_OFFLINE = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")


def _python(python: str, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([python, *arguments], capture_output=True, text=True, cwd=cwd, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
