"""What the examples share: Patchbay's wheel, built once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.outsider import ROOT, Outsider, copied, wheel_of

SOURCES = ("core", "plugins", "pyproject.toml", "setup.cfg", "LICENSE", "README.md")


@pytest.fixture(scope="session")
def patchbay_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patchbay")
    return wheel_of(copied(ROOT, folder / "source", SOURCES), folder)


@pytest.fixture(scope="session")
def outside(patchbay_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Outsider]:
    """Makes a clean environment with Patchbay's wheel and that of the plugin in a folder of this clone."""

    def make(plugin: Path) -> Outsider:
        folder = tmp_path_factory.mktemp(plugin.name)
        wheel = wheel_of(copied(plugin, folder / "source"), folder)
        return Outsider(folder / "venv", [patchbay_wheel, wheel])

    return make
