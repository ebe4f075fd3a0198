"""Judging the trail: whether it is as it was written, and where it is not. No IO: whoever reads hands it in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from patchbay_audit.anchors import AnchorLine, is_genuine
from patchbay_audit.entry import NOTHING_BEFORE, AuditEntry, AuditHead, read_entry

MOST_PROBLEMS: Final = 100  # told singly; of more, how many


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written. ``seq`` is the entry's place, None where it is about no entry."""

    seq: int | None
    kind: str
    detail: str


@dataclass
class Verdict:
    """What a verification found."""

    entries: int = 0
    from_seq: int | None = None
    to_seq: int | None = None
    head_hash: str | None = None
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        return self.problem_count == 0

    @property
    def first_problem(self) -> Problem | None:
        """The one nearest to the beginning of the trail."""
        return min(self.problems, key=lambda each: (each.seq is None, each.seq or 0), default=None)

    def add(self, seq: int | None, kind: str, detail: str) -> None:
        self.problem_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(seq, kind, detail))


class Verification:
    """Give it the anchors, then every entry in order of the ids, then the heads; ``finish`` says the verdict."""

    def __init__(
        self, documents: Iterable[AnchorLine], file: Iterable[AnchorLine], keys: Sequence[bytes], unreadable: int = 0
    ) -> None:
        self.verdict = Verdict()
        self._unreadable = unreadable  # lines of the file: each may be what a power failure cut short
        self._documents = list(documents)
        self._file = list(file)
        self._anchored: dict[int, set[str]] = {}  # hashes that anchors name, by seq
        self._judge_anchors(keys)
        cuts = [line for line in self._genuine if line.kind == "cut"]
        self._cut = max(cuts, key=lambda line: line.seq, default=None)
        self._seq: int | None = None
        self._hash = ""

    # anchors

    def _judge_anchors(self, keys: Sequence[bytes]) -> None:
        add = self.verdict.add
        self._genuine: list[AnchorLine] = []
        for where, lines in (("the store", self._documents), ("the file", self._file)):
            for line in lines:
                if is_genuine(line, keys):
                    self._genuine.append(line)
                    self._anchored.setdefault(line.seq, set()).add(line.hash)
                else:
                    add(line.seq, "anchor_forged", f"The MAC of anchor {line.number} in {where} does not fit.")
        kept = {line.number: line for line in self._documents}
        for number in range(1, max(kept, default=0) + 1):
            if number not in kept:
                add(None, "anchor_missing", f"Anchor {number} is not in the store any more.")
        for line in self._file:
            if line.number > max(kept, default=0):
                add(line.seq, "anchor_missing", f"Anchor {line.number} is in the file and not in the store.")
            elif line.number in kept and kept[line.number] != line:
                add(line.seq, "anchor_differs", f"Anchor {line.number} is another one in the file than in the store.")

    # entries

    def entry(self, document: AuditEntry) -> None:
        """The next entry."""
        verdict = self.verdict
        verdict.entries += 1
        try:
            written, previous_hash = read_entry(document.entry)
        except ValueError as error:
            verdict.add(document.seq, "entry_unreadable", f"The text of {document.id} is no entry: {error}.")
            self._seq, self._hash = document.seq, document.hash
            return
        if written != document:
            self._tell_difference(written, document)
        self._link(written, previous_hash)
        anchored = self._anchored.pop(written.seq, None)
        if anchored is not None and anchored != {written.hash}:
            verdict.add(written.seq, "anchor_broken", f"Entry {written.seq} is not the one that was anchored.")
        if verdict.from_seq is None:
            verdict.from_seq = written.seq
        verdict.to_seq, verdict.head_hash = written.seq, written.hash
        self._seq, self._hash = written.seq, written.hash

    def _tell_difference(self, written: AuditEntry, document: AuditEntry) -> None:
        names = [name for name in written.__struct_fields__ if getattr(written, name) != getattr(document, name)]
        kind = "hash" if "hash" in names else "field"
        told = f"{document.id}: {', '.join(names)} {'does' if len(names) == 1 else 'do'} not fit the entry's text."
        self.verdict.add(document.seq, kind, told)

    def _link(self, written: AuditEntry, previous_hash: str) -> None:
        """Whether the entry stands behind the one before it."""
        seq, add = written.seq, self.verdict.add
        if self._seq is None:
            self._begin(seq, previous_hash)
        elif seq != self._seq + 1:
            add(seq, "gap", f"Entry {seq} follows entry {self._seq}.")
        elif previous_hash != self._hash:
            add(seq, "link", f"Entry {seq} names another entry before it than the one that is there.")

    def _begin(self, seq: int, previous_hash: str) -> None:
        cut = self._cut
        first = 1 if cut is None else cut.seq + 1
        before = NOTHING_BEFORE if cut is None else cut.hash
        if seq > first:
            self.verdict.add(first, "gap", f"The trail begins with entry {seq}, not {first}.")
        elif seq == first and previous_hash != before:
            self.verdict.add(seq, "link", f"Entry {seq} is the first one and names another before it.")
        elif seq < 1:
            self.verdict.add(seq, "gap", f"Entry {seq} stands before the first one.")

    # the end

    def finish(self, heads: Sequence[AuditHead]) -> Verdict:
        """The verdict, once all entries were seen."""
        verdict = self.verdict
        self._judge_heads(heads)
        to_seq = verdict.to_seq or 0
        cut_seq = 0 if self._cut is None else self._cut.seq
        for seq in sorted(self._anchored):
            if seq > to_seq:
                verdict.add(seq, "anchor_broken", f"Entry {seq} was anchored and is not there any more.")
            elif seq > cut_seq or (verdict.from_seq is not None and seq >= verdict.from_seq):
                verdict.add(seq, "anchor_broken", f"Entry {seq} was anchored and is missing.")
        last = max(self._genuine, key=lambda line: line.seq, default=None)
        verdict.anchors = {
            "stored": len(self._documents),
            "in_file": len(self._file),
            "unreadable_lines": self._unreadable,
            "last_seq": None if last is None else last.seq,
            "last_at": None if last is None else last.at,
            "cut_seq": None if self._cut is None else self._cut.seq,
            "entries_since": max(0, to_seq - (0 if last is None else last.seq)),
        }
        return verdict

    def _judge_heads(self, heads: Sequence[AuditHead]) -> None:
        verdict = self.verdict
        if len(heads) > 1:
            verdict.add(None, "head", f"There are {len(heads)} heads where one belongs.")
        seq, hash = (verdict.to_seq, verdict.head_hash) if verdict.entries else (None, None)
        if not heads:
            if seq is not None:
                verdict.add(seq, "head", "There is no head.")
            return
        head = max(heads, key=lambda each: each.seq)
        if seq is None:
            verdict.add(head.seq, "head", f"The head is entry {head.seq}, and there are no entries.")
        elif head.seq != seq or head.id != hash:
            verdict.add(seq, "head", f"The head is entry {head.seq} ({head.id[:12]}...), the last entry is {seq}.")
        at = head.created_at
        if head.version != 1 or head.updated_at != at:
            verdict.add(head.seq, "head", "The head was changed.")


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    """The verdict as the API shows it."""
    first = verdict.first_problem
    return {
        "valid": verdict.valid,
        "entries": verdict.entries,
        "from_seq": verdict.from_seq,
        "to_seq": verdict.to_seq,
        "head_hash": verdict.head_hash,
        "first_problem": None if first is None else _problem_view(first),
        "problems": [_problem_view(each) for each in verdict.problems],
        "problem_count": verdict.problem_count,
        "anchors": verdict.anchors,
    }


def _problem_view(problem: Problem) -> dict[str, Any]:
    return {"seq": problem.seq, "kind": problem.kind, "detail": problem.detail}
