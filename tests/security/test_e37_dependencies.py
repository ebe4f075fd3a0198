"""E37: what is installed is what was locked, by its hash, and nothing is older than the releases that mended it."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
FLOORS = {"aiohttp": "3.14.3", "pyjwt": "2.13", "cryptography": "50"}  # fact 16
PIN = re.compile(r"^([\w.-]+)==([\w.!+]+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def locked(lock: Path) -> dict[str, tuple[str, int]]:
    """Version and number of hashes by name. Raises ``ValueError`` for a line that is neither."""
    found: dict[str, tuple[str, int]] = {}
    name = ""
    for line in lock.read_text("utf-8").splitlines():
        if pin := PIN.match(line):
            name = canonicalize_name(pin[1]) + (pin[3] or "")
            found[name] = (pin[2], 0)
        elif HASH.match(line) and name:
            found[name] = (found[name][0], found[name][1] + 1)
        else:
            raise ValueError(f"{lock.name}: {line!r}")
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    found = locked(lock)
    assert found
    assert [name for name, (_, hashes) in found.items() if not hashes] == []


def test_a_line_without_a_hash_or_from_elsewhere_would_be_found(tmp_path: Path) -> None:
    for line in (
        "aiohttp",
        "aiohttp>=3",
        "-e .",
        "--index-url https://x.example/",
        "x @ https://x.example/x.whl",
        "x==1",
    ):
        (tmp_path / "lock.txt").write_text(line + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"lock\.txt"):
            locked(tmp_path / "lock.txt")


@pytest.mark.parametrize("name", FLOORS)
def test_nothing_is_older_than_what_mended_it(name: str) -> None:
    floor = Version(FLOORS[name])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [each for each in map(Requirement, project["dependencies"]) if canonicalize_name(each.name) == name]
    assert len(asked) == 1
    lowest = [Version(each.version) for each in asked[0].specifier if each.operator in (">=", "==", "~=")]
    assert lowest
    assert min(lowest) >= floor
    for lock in ("runtime.txt", "dev.txt"):
        versions = [
            version for each, (version, _) in locked(ROOT / "requirements" / lock).items() if each.split(" ")[0] == name
        ]
        assert versions
        assert min(map(Version, versions)) >= floor
    assert Version(metadata.version(name)) >= floor


def test_what_runs_is_what_was_locked() -> None:
    pins: dict[str, set[str]] = {}
    for name, (version, _) in locked(ROOT / "requirements" / "runtime.txt").items():
        pins.setdefault(name.split(" ")[0], set()).add(version)  # it may differ by Python's version
    installed = {str(canonicalize_name(each.metadata["Name"])): each.version for each in metadata.distributions()}
    differ = {name: installed[name] for name in pins if name in installed and installed[name] not in pins[name]}
    assert differ == {}
    assert len(set(pins) & set(installed)) > 15


def test_python_is_one_that_is_supported() -> None:
    assert sys.version_info >= (3, 11)
