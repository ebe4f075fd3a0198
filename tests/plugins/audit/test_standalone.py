"""The stand-alone verifier: it imports nothing of ours, and says of an export what our own verification says."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from patchbay_audit.export import ndjson_line
from tests.plugins.audit.acts import trail
from tests.plugins.audit.standalone import SCRIPT, standalone
from tests.plugins.audit.tampering import delete_last, rewrite_all_and_anchors, rewrite_suffix, rewritten


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(SCRIPT.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_it_runs_where_nothing_of_ours_is_installed(tmp_path: Path) -> None:
    copy = trail(12)
    export = "".join(map(ndjson_line, copy.entries)).encode()
    (tmp_path / "verify.py").write_text(SCRIPT.read_text())
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), "-"]
    good = subprocess.run(command, input=export, capture_output=True, check=False, cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, b"")
    assert good.stdout.decode().splitlines()[0] == "12 entries, 0 anchors, 0 problems"
    bad = subprocess.run(
        command, input=export.replace(b"203.0.113.7", b"203.0.113.8", 1), capture_output=True, check=False
    )
    assert bad.returncode == 1
    assert b"entry 1: its hash does not fit" in bad.stdout


def test_a_whole_trail_is_well(tmp_path: Path) -> None:
    assert standalone(trail(25), tmp_path) == (0, [])


def test_an_entry_that_says_something_else_is_named(tmp_path: Path) -> None:
    copy = trail(25)
    copy.entries[6] = replace(rewritten(copy.entries[6], action="x"), hash=copy.entries[6].hash)
    status, problems = standalone(copy, tmp_path)
    assert status == 1
    assert problems[0] == "entry 7: its hash does not fit"


@pytest.mark.parametrize("tamper", [rewrite_suffix, delete_last])
def test_what_only_anchors_show(tmp_path: Path, tamper: object) -> None:
    copy = trail(25)
    tamper(copy, random.Random(1))  # type: ignore[operator]
    status, problems = standalone(copy, tmp_path)
    assert status == 1
    assert all("anchored" in problem for problem in problems)


def test_forged_anchors_are_seen_with_the_key_alone(tmp_path: Path) -> None:
    copy = trail(25)
    rewrite_all_and_anchors(copy, random.Random(1))
    assert standalone(copy, tmp_path, keys=False) == (0, [])
    status, problems = standalone(copy, tmp_path)
    assert status == 1
    assert "MAC does not fit" in problems[0]


def test_a_part_may_have_gaps_and_no_changes(tmp_path: Path) -> None:
    copy = trail(25)
    copy.entries = [each for each in copy.entries if each.seq % 3]
    assert standalone(copy, tmp_path)[0] == 1
    assert standalone(copy, tmp_path, "--part") == (0, [])
    copy.entries[3] = replace(rewritten(copy.entries[3], action="x"), hash=copy.entries[3].hash)
    status, problems = standalone(copy, tmp_path, "--part")
    assert status == 1
    assert "its hash does not fit" in problems[0]


def test_after_a_cut_it_begins_behind_it(tmp_path: Path) -> None:
    copy = trail(25)
    copy.anchor("cut", seq=9)
    del copy.entries[:9]
    assert standalone(copy, tmp_path) == (0, [])
    del copy.entries[0]
    status, problems = standalone(copy, tmp_path)
    assert status == 1
    assert problems[0] == "entry 11: the trail begins with it, not with entry 10"


def test_a_name_that_stands_twice_is_no_entry(tmp_path: Path) -> None:
    """A reader that takes the first one would see another entry than the one that was hashed."""
    copy = trail(3)
    line = ndjson_line(copy.entries[0]).replace('{"about"', '{"action":"nothing","about"')
    (tmp_path / "one.ndjson").write_text(line)
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "one.ndjson")], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"a name stands twice" in done.stdout


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "none")], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"cannot read" in done.stderr


def test_a_line_that_was_cut_short_is_told_and_is_no_problem(tmp_path: Path) -> None:
    copy = trail(12)
    assert standalone(copy, tmp_path) == (0, [])
    anchors = tmp_path / "audit-anchors.jsonl"
    anchors.write_bytes(anchors.read_bytes() + b'{"at":"2026')
    command = [sys.executable, str(SCRIPT), str(tmp_path / "audit.ndjson"), "--anchors", str(anchors)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0
    assert b"anchors, line 3: " in done.stdout
