"""Anchors: their MACs, and the file they are kept in."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from patchbay.errors import ConfigError
from patchbay_audit.anchors import AnchorFile, anchor, is_genuine, line_of
from patchbay_audit.verify import Verification
from tests.plugins.audit.acts import KEY, START, trail

ANCHOR = anchor(3, "anchor", seq=42, hash="ab" * 32, at=START, key=KEY)


def test_the_mac_is_that_of_the_canonical_text() -> None:
    said = f'{{"at":"2026-09-21T14:13:20.000Z","hash":"{"ab" * 32}","kind":"anchor","number":3,"seq":42}}'
    assert ANCHOR.mac == hmac.new(KEY, said.encode(), hashlib.sha256).hexdigest()
    assert ANCHOR.id == "anc_000000000003"


def test_an_older_key_vouches_too_and_no_other() -> None:
    line = line_of(ANCHOR)
    assert is_genuine(line, [b"new", KEY])
    assert not is_genuine(line, [b"new"])
    assert not is_genuine(line, [])
    for name in line._fields:
        value = getattr(line, name)
        other: Any = value + 1 if isinstance(value, int) else value + "0"
        assert not is_genuine(line._replace(**{name: other}), [KEY])
    assert not is_genuine(line._replace(mac="ümlaut\ud800"), [KEY])


def test_the_file_is_private_and_one_line_per_anchor(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path)
    copy = trail(12, anchor_every=5)
    file.append(copy.anchors[:2])
    file.append(copy.anchors[2:])
    assert file.path.name == "audit-anchors.jsonl"
    assert file.path.stat().st_mode & 0o777 == 0o600
    lines = file.path.read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]
    assert file.read() == ([line_of(each) for each in copy.anchors], 0)


def test_a_line_that_a_kill_cut_short_costs_no_other(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path)
    copy = trail(12, anchor_every=5)
    file.append(copy.anchors[:1])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + whole[:40])
    file.append(copy.anchors[1:2])
    found, unreadable = file.read()
    assert found == [line_of(each) for each in copy.anchors[:2]]
    assert unreadable == 1
    verdict = Verification(found, found, [KEY], unreadable).finish([])
    assert {each.kind for each in verdict.problems} == {"anchor_broken"}  # of the entries, which were not handed in
    assert verdict.anchors["unreadable_lines"] == 1


@pytest.mark.parametrize("line", [b"\xff\xfe", b"{}", b"[]", b'{"at":1}', b"null"])
def test_a_line_that_is_no_anchor_is_counted(tmp_path: Path, line: bytes) -> None:
    file = AnchorFile(tmp_path)
    file.path.write_bytes(line + b"\n")
    assert file.read() == ([], 1)


def test_no_file_is_no_anchors_and_an_unreadable_one_is_an_error(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path)
    assert file.read() == ([], 0)
    file.path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        file.read()


def test_an_anchor_is_a_value_of_its_key() -> None:
    assert replace(ANCHOR, mac="") != ANCHOR
    assert anchor(3, "anchor", seq=42, hash="ab" * 32, at=START, key=KEY) == ANCHOR
    assert anchor(3, "anchor", seq=42, hash="ab" * 32, at=START, key=b"other").mac != ANCHOR.mac
