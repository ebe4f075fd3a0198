"""Check a saved audit trail. Python 3.9 or newer; it needs nothing else, least of all the program that wrote it.

    python verify.py audit.ndjson [--anchors audit-anchors.jsonl [--key-file anchor.key]] [--part]

* audit.ndjson: GET /api/v1/audit/export?format=ndjson, "-" for standard input. Each line is one entry and its "hash".
* --anchors: the anchors as the gateway keeps them in audit-anchors.jsonl. A copy that was made earlier, and kept where
  nobody who can write to the gateway's disk can write, is the best witness: entries that it names must be there.
  Copy the anchors before you make the export, or the newest of them name entries that the export does not hold yet.
* --key-file: what `patchbay audit anchor-key` prints, to check that the anchors are the gateway's.
* --part: the file was narrowed by filters, so that entries may be missing between others.

What is checked:
1. the hash of an entry is the SHA-256 of the entry without it, as JSON with sorted names, no spaces, in UTF-8;
2. "previous_hash" is the hash of the entry before, 64 zeros at the first one; "seq" counts without gaps;
3. every anchor's HMAC-SHA256 fits, and its hash is that of the entry it names; an anchor of the kind "cut" says that
   the trail begins behind its entry, because older ones were removed by the retention.

Each problem is printed in one line. Exit status: 0 all is well, 1 it is not, 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

NOTHING_BEFORE = "0" * 64
NAMES_OF_ANCHOR = {"at", "hash", "kind", "mac", "number", "seq"}


def canonical(value: Any) -> bytes:
    """The one way to write a value down."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different; of two alike, one could say what nobody checks."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def read_anchors(lines: Iterable[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Anchors in the order of the file, and what is said of other lines: a power failure may cut one short."""
    anchors: list[dict[str, Any]] = []
    unreadable: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            anchor = json.loads(line, object_pairs_hook=distinct) if line.strip() else None
            if anchor is not None and (set(anchor) != NAMES_OF_ANCHOR or type(anchor["seq"]) is not int):
                raise ValueError("it has not the names of an anchor")
        except (ValueError, TypeError) as error:
            unreadable.append(f"anchors, line {number}: {error}")
        else:
            anchors += [] if anchor is None else [anchor]
    return anchors, unreadable


def judge_anchors(anchors: list[dict[str, Any]], keys: list[bytes]) -> Iterator[str]:
    """Problems with the anchors themselves."""
    for anchor in anchors:
        said = canonical({name: anchor[name] for name in NAMES_OF_ANCHOR - {"mac"}})
        macs = [hmac.new(key, said, hashlib.sha256).hexdigest() for key in keys]
        if keys and str(anchor["mac"]) not in macs:
            yield f"anchor {anchor['number']}: its MAC does not fit"


class Trail:
    """Give it every line; ``problems`` is what is wrong."""

    def __init__(self, anchors: list[dict[str, Any]], part: bool) -> None:
        self.part = part
        self.problems: list[str] = []
        self.count = 0
        self.last_seq: int | None = None
        self.last_hash = NOTHING_BEFORE
        self.anchored: dict[int, set[str]] = {}
        self.moments = {anchor["seq"]: anchor["at"] for anchor in anchors}
        for anchor in anchors:
            self.anchored.setdefault(anchor["seq"], set()).add(str(anchor["hash"]))
        cuts = [anchor for anchor in anchors if anchor["kind"] == "cut"]
        nothing = {"seq": 0, "hash": NOTHING_BEFORE}
        self.cut: dict[str, Any] = max(cuts, key=lambda anchor: anchor["seq"], default=nothing)

    def line(self, number: int, line: bytes) -> None:
        """The next line of the export."""
        self.count += 1
        try:
            entry = json.loads(line, object_pairs_hook=distinct)
            given, seq, previous = entry.pop("hash"), entry["seq"], entry["previous_hash"]
            if type(seq) is not int:
                raise ValueError("seq is no whole number")
            own = hashlib.sha256(canonical(entry)).hexdigest()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.problems.append(f"line {number}: this is no entry: {error}")
            return
        self.problems += [f"entry {seq}: {problem}" for problem in self.judge(seq, given, own, previous)]
        self.last_seq, self.last_hash = seq, own

    def judge(self, seq: int, given: Any, own: str, previous: Any) -> Iterator[str]:
        last = self.last_seq
        if own != given:
            yield "its hash does not fit"
        if last is None:
            if not self.part and (seq > self.cut["seq"] + 1 or seq < 1):
                yield f"the trail begins with it, not with entry {self.cut['seq'] + 1}"
        elif seq <= last if self.part else seq != last + 1:
            yield f"it follows entry {last}"
        elif seq == last + 1 and previous != self.last_hash:
            yield "it names another entry before it than the one that is there"
        if seq == self.cut["seq"] + 1 and previous != self.cut["hash"]:
            yield "it names another entry before it than the one that the trail begins behind"
        if self.anchored.pop(seq, {own}) != {own}:
            yield "it is not the one that was anchored"

    def end(self) -> None:
        """The export is over: what was anchored must have been there."""
        for seq in sorted(self.anchored):
            if not self.part and seq > self.cut["seq"]:
                moment = self.moments[seq]
                self.problems.append(f"entry {seq}: it was anchored at {moment} and is not there")


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description="Check a saved audit trail.")
    parser.add_argument("export", help='the export as NDJSON, "-" for standard input')
    parser.add_argument("--anchors", type=Path, help="audit-anchors.jsonl of the gateway")
    parser.add_argument("--key-file", type=Path, help="the keys of the anchors, one per line in hex")
    parser.add_argument("--part", action="store_true", help="the export was narrowed by filters")
    given = parser.parse_args(arguments)
    try:
        keys = [bytes.fromhex(line) for line in given.key_file.read_text().split()] if given.key_file else []
        lines = given.anchors.read_text(encoding="utf-8", errors="replace").split("\n") if given.anchors else []
        anchors, notes = read_anchors(lines)
        problems = list(judge_anchors(anchors, keys))
        trail = Trail(anchors, given.part)
        with sys.stdin.buffer if given.export == "-" else Path(given.export).open("rb") as file:
            for number, line in enumerate(file, 1):
                trail.line(number, line)
        trail.end()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 2
    problems += trail.problems
    told = [*problems, f"{trail.count} entries, {len(anchors)} anchors, {len(problems)} problems"]
    told.append(f"the last entry is {trail.last_seq} with the hash {trail.last_hash}")
    told += notes
    told += ["the anchors' MACs were not checked: give --key-file"] if anchors and not keys else []
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
