"""Acts to be recorded, and whole trails made of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from patchbay.collections import CONVERSATIONS, TAGS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.cause import Cause
from patchbay.model.message import Actor
from patchbay.model.tag import Tag
from patchbay.model.times import from_unix
from patchbay.ports import Act, Change
from patchbay_audit.anchors import Kind, anchor, line_of
from patchbay_audit.entry import NOTHING_BEFORE, AuditAnchor, AuditEntry, AuditHead, facts_of, written
from patchbay_audit.verify import Verdict, Verification

START = from_unix(1_790_000_000)
KEY = bytes(range(32))
MARA = Actor(type="agent", id="usr_mara", name="Mara Voss")


def cause(operation: str = "close_conversation", **more: Any) -> Cause:
    usual = {"address": "203.0.113.7", "request_id": "req_1", "session_id": "ses_1", "user_agent": "Firefox/150"}
    return Cause(operation=operation, permission="conversations.close", **{**usual, **more})


def act(operation: str = "close_conversation", **more: Any) -> Act:
    """An act of Mara's."""
    return Act(**{"cause": cause(operation), "actor": MARA, "occurred_at": START, **more})


def tag(id: str, **fields: Any) -> Tag:
    return Tag(**{"id": id, "created_at": START, "updated_at": START, "name": id.title(), **fields})


def tag_change(before: Tag | None, after: Tag | None) -> Change:
    known = after if before is None else before
    return Change(TAGS, "" if known is None else known.id, before, after)


def conversation_change(before: Any, after: Any) -> Change:
    return Change(CONVERSATIONS, (before or after).id, before, after)


def nothing(uow: UnitOfWork) -> None:
    """A command that changes nothing."""


@dataclass
class Copy:
    """A whole trail as a store and a file hold it; tests change it behind the gateway's back."""

    entries: list[AuditEntry] = field(default_factory=list)
    heads: list[AuditHead] = field(default_factory=list)
    anchors: list[AuditAnchor] = field(default_factory=list)
    file: list[AuditAnchor] = field(default_factory=list)

    def add(self, **more: Any) -> AuditEntry:
        """One act more."""
        seq = len(self.entries) + 1
        moment = START + timedelta(seconds=seq)
        previous = self.entries[-1].hash if self.entries else NOTHING_BEFORE
        made = written(facts_of(act(**{"occurred_at": moment, **more}), seq=seq, previous_hash=previous))
        self.entries.append(made)
        self.set_head()
        return made

    def set_head(self) -> None:
        """Let the head be the last entry."""
        last = self.entries[-1]
        self.heads = [head_of(last)]

    def anchor(self, kind: Kind = "anchor", seq: int | None = None) -> AuditAnchor:
        """Anchor an entry, the last one by default."""
        entry = self.entries[-1] if seq is None else next(each for each in self.entries if each.seq == seq)
        at = START + timedelta(hours=len(self.anchors))
        made = anchor(len(self.anchors) + 1, kind, seq=entry.seq, hash=entry.hash, at=at, key=KEY)
        self.anchors.append(made)
        self.file.append(made)
        return made


def head_of(entry: AuditEntry) -> AuditHead:
    return AuditHead(id=entry.hash, created_at=entry.created_at, updated_at=entry.created_at, seq=entry.seq)


def trail(entries: int, *, anchor_every: int = 10, dice: random.Random | None = None) -> Copy:
    """A trail of so many entries that ends with an anchor."""
    dice = dice or random.Random(entries)
    copy = Copy()
    for n in range(1, entries + 1):
        before = tag(f"tag-{n % 7}", color="red")
        copy.add(
            operation=dice.choice(("create_tag", "change_tag", "close_conversation", "auth.login")),
            actor=Actor(type="agent", id=f"usr_{n % 5}", name=f"Person {n % 5}"),
            changes=(tag_change(before, tag(before.id, name=f"Name {n}")),),
            about={"n": n, "name": dice.choice(("mara", "ines", "ümit"))},
            outcome="done" if dice.random() < 0.8 else "forbidden",
        )
        if n % anchor_every == 0 or n == entries:
            copy.anchor()
    return copy


def judged(copy: Copy) -> Verdict:
    """What a verification says of a trail, the entries in order of their ids as a store gives them."""
    verification = Verification(map(line_of, copy.anchors), map(line_of, copy.file), [b"another key", KEY])
    for entry in sorted(copy.entries, key=lambda each: each.id):
        verification.entry(entry)
    return verification.finish(copy.heads)
