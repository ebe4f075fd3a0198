"""The lists that name every package agree with the folders, the locks with the requirements, and nothing tells of
the machine it was made on."""

import configparser
import os
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import patchbay

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir() and any(path.rglob("*.py")))
LIBRARIES = {"meta"}  # plugin folders without hooks, hence without an entry point
SOURCE_ROOTS = ["core", *(f"plugins/{name}" for name in PLUGINS)]
PACKAGES = {"core": "patchbay", **{f"plugins/{name}": f"patchbay_{name}" for name in PLUGINS}}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def plug_board() -> dict[str, dict[str, str]]:
    """The entry points in setup.cfg, by group."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = {group: text.strip().splitlines() for group, text in config["options.entry_points"].items()}
    return {group: dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in found) for group, found in lines.items()}


def pins(lock: Path) -> dict[str, set[str]]:
    """The locked versions by name: more than one where they differ by Python version."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def project_files() -> Iterator[Path]:
    """Every file that is or may become part of the repository."""
    apart = {".git", ".hypothesis", "var", "build", "dist", "node_modules", "__pycache__"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in apart and not name.startswith(".venv") and not name.endswith(("_cache", ".egg-info"))
        ]
        yield from (Path(folder, name) for name in files if not name.endswith(".pyc"))


def test_every_source_root_is_packaged() -> None:
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]["find"]["where"]) == SOURCE_ROOTS


def test_every_source_root_is_type_checked() -> None:
    assert sorted(PYPROJECT["tool"]["mypy"]["mypy_path"]) == SOURCE_ROOTS


def test_every_plugin_is_plugged_in() -> None:
    expected = {name: f"patchbay_{name}" for name in PLUGINS if name not in LIBRARIES}
    assert plug_board()["patchbay.plugins"] == expected


def test_the_installed_entry_points_are_those_of_the_plug_board() -> None:
    installed = {(entry.group, entry.name, entry.value) for entry in metadata.distribution("patchbay").entry_points}
    declared = {(group, name, value) for group, found in plug_board().items() for name, value in found.items()}
    assert installed == declared, "./dev setup brings the environment up to date"


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_a_source_root_holds_one_typed_package(root: str) -> None:
    packages = [path.parent.name for path in (ROOT / root).glob("*/__init__.py")]
    assert packages == [PACKAGES[root]]
    assert (ROOT / root / PACKAGES[root] / "py.typed").exists()


def test_the_version_is_that_of_the_package() -> None:
    assert metadata.version("patchbay") == patchbay.__version__


def test_there_is_a_lock_for_each_use() -> None:
    assert [lock.name for lock in LOCKS] == ["bench.txt", "dev.txt", "runtime.txt", "uv.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_hashed_versions_and_nothing_else(lock: Path) -> None:
    requirement = r"[\w.-]+==[\w.!+]+( ; [^\\]+)? \\"
    digest = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    odd = [
        line
        for line in lock.read_text(encoding="utf-8").splitlines()
        if not re.fullmatch(f"{requirement}|{digest}", line)
    ]
    assert odd == [], "a host, a path, an option, or a requirement without its hash"


def test_development_runs_on_the_versions_that_are_released() -> None:
    runtime, dev = pins(ROOT / "requirements/runtime.txt"), pins(ROOT / "requirements/dev.txt")
    assert {name: dev.get(name) for name in runtime} == runtime


def declared() -> Iterator[tuple[str, str]]:
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    yield from (("runtime.txt", text) for text in project["dependencies"])
    everything = [
        *project["dependencies"],
        *project["optional-dependencies"]["speed"],
        *groups["build"],
        *groups["dev"],
    ]
    yield from (("dev.txt", text) for text in everything if isinstance(text, str))
    yield from (("bench.txt", text) for text in groups["bench"])
    yield from (("uv.txt", text) for text in groups["uv"])


@pytest.mark.parametrize(("lock", "text"), list(declared()))
def test_a_requirement_is_locked_within_its_range(lock: str, text: str) -> None:
    requirement = Requirement(text)
    locked = pins(ROOT / "requirements" / lock).get(canonicalize_name(requirement.name), set())
    assert locked, "./dev lock was forgotten"
    assert all(requirement.specifier.contains(version) for version in locked), "./dev lock was forgotten"


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    path = r"(?<![\w.\-})/])/(?:work|root|home)/"
    host = r"\b(?:pypi|npmjs|debian|ubuntu)\.(?:org|com)\b|\bpythonhosted\.org\b|\.internal\b/"
    told = re.compile(f"{path}|{host}")
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in project_files()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if told.search(line)
    ]
    assert found == []
