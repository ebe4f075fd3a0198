"""The script behind every command: it needs nothing, says what it knows, and does nothing twice."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEV = ROOT / "dev"
COMMANDS = list(runpy.run_path(str(DEV), run_name="dev")["COMMANDS"])


def dev(*args: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "dev"), *args]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(DEV.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_an_old_python_can_read_it_to_say_that_it_is_too_old() -> None:
    ast.parse(DEV.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_help_lists_every_command() -> None:
    said = dev("help")
    assert said.returncode == 0
    assert re.findall(r"^  ([a-z-]+) ", said.stdout, re.MULTILINE) == COMMANDS


def test_an_unknown_command_is_an_error_that_helps() -> None:
    said = dev("tset")
    assert said.returncode == 2
    assert "does not know tset" in said.stdout
    assert "test-full" in said.stdout


def test_make_forwards_every_command() -> None:
    listed = re.search(r"^COMMANDS = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == set(COMMANDS)


@pytest.mark.parametrize("script", [DEV, ROOT / ".ci/run"], ids=lambda path: path.name)
def test_scripts_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_set_up_works_in_a_fresh_copy_and_is_quick_when_nothing_changed(tmp_path: Path) -> None:
    copy = tmp_path / "patchbay"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "var", "*_cache", "__pycache__"))
    first = dev("setup", root=copy)
    if first.returncode and "PATCHBAY_REQUIRE_SERVICES" not in os.environ:
        pytest.skip(f"packages cannot be had here: {first.stdout[-300:]}")
    assert first.returncode == 0, first.stdout
    times = []
    for _ in range(3):
        started = time.monotonic()
        again = dev("setup", root=copy)
        times.append(time.monotonic() - started)
        assert "nothing changed" in again.stdout
    assert min(times) < 0.5
