"""One entry of the trail: its canonical text, and the document made of nothing but that text. No IO."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from patchbay.collections import Collection, TextIndex
from patchbay.model.document import Document
from patchbay.model.message import Actor
from patchbay.model.times import rfc3339
from patchbay.ports import Act
from patchbay_audit.canonical import canonical, digest
from patchbay_audit.changes import told
from patchbay_audit.masking import shown_about, shown_text

FORM: Final = 1  # of the text; a later one may add fields
NOTHING_BEFORE: Final = "0" * 64  # the ``previous_hash`` of the first entry
MOST_WORDS: Final = 1_000  # characters that are searched, beside the subjects


class Facts(Struct, frozen=True, kw_only=True, gc=False):
    """What an entry says. Its canonical text has every field, in order of the names."""

    about: dict[str, Any]
    action: str
    actor: dict[str, str | None]
    address: str | None
    at: str
    changes: list[dict[str, Any]]
    changes_left_out: int
    form: int
    outcome: str
    permission: str | None
    previous_hash: str
    request_id: str | None
    seq: int
    session_id: str | None
    status: int | None
    subjects: list[dict[str, str]]
    user_agent: str | None


class AuditEntry(Document, frozen=True, kw_only=True):
    """An entry as it is stored. ``entry`` is the canonical text and ``hash`` its SHA-256; all other fields repeat what
    the text says, for queries, and ``entry_of`` gives them again. ``created_at`` is when it was done."""

    seq: int
    actor_type: str
    actor_id: str | None = None
    action: str
    outcome: str
    address: str | None = None
    request_id: str | None = None
    subject_ids: tuple[str, ...] = ()
    words: str = ""
    hash: str
    entry: str


AUDIT_ENTRIES: Collection[AuditEntry] = Collection(
    "audit_entries",
    AuditEntry,
    indexes=(("created_at",), ("actor_id", "seq"), ("action", "seq"), ("address", "seq"), ("request_id",)),
    filters=("outcome",),
    arrays=("subject_ids",),
    text=TextIndex(("words",)),
)


class AuditHead(Document, frozen=True, kw_only=True):
    """The newest entry: ``id`` is its hash. Whoever adds an entry removes this document and adds the next, which works
    once: a commit that was built on anything but the newest entry fails."""

    seq: int


AUDIT_HEAD: Collection[AuditHead] = Collection("audit_head", AuditHead)


class AuditAnchor(Document, frozen=True, kw_only=True):
    """What the chain's end was at one moment, under a key that the store does not hold. ``cut`` says that what came
    before and with ``seq`` was removed by the retention."""

    number: int
    kind: Literal["anchor", "cut"]
    at: str
    seq: int
    hash: str
    mac: str


AUDIT_ANCHORS: Collection[AuditAnchor] = Collection("audit_anchors", AuditAnchor, filters=("kind",))


def entry_id(seq: int) -> str:
    """``aud_0000000000000042``: ids are ordered as the entries are."""
    return f"aud_{seq:016d}"


def facts_of(act: Act, *, seq: int, previous_hash: str) -> Facts:
    """What the trail says of an act."""
    changes, subjects, left_out = told(act.changes)
    cause = act.cause
    return Facts(
        about=shown_about(act.about),
        action=cause.operation,
        actor=_actor(act.actor),
        address=shown_text(cause.address),
        at=rfc3339(act.occurred_at),
        changes=changes,
        changes_left_out=left_out,
        form=FORM,
        outcome=act.outcome,
        permission=cause.permission,
        previous_hash=previous_hash,
        request_id=shown_text(cause.request_id),
        seq=seq,
        session_id=shown_text(cause.session_id),
        status=act.status,
        subjects=subjects,
        user_agent=shown_text(cause.user_agent),
    )


def written(facts: Facts) -> AuditEntry:
    """The entry that says so."""
    return entry_of(canonical(facts))


def entry_of(text: str) -> AuditEntry:
    """The one document that a canonical text makes. Raises ``ValueError`` for what is no entry's text."""
    return read_entry(text)[0]


def read_entry(text: str) -> tuple[AuditEntry, str]:
    """As ``entry_of``, with the hash of the entry before."""
    said = _decode(text)
    subject_ids = tuple([subject.id for subject in said.subjects])
    entry = AuditEntry(
        id=entry_id(said.seq),
        created_at=said.at,
        updated_at=said.at,
        seq=said.seq,
        actor_type=said.actor.type,
        actor_id=said.actor.id,
        action=said.action,
        outcome=said.outcome,
        address=said.address,
        request_id=said.request_id,
        subject_ids=subject_ids,
        words=_words(said, subject_ids),
        hash=digest(text),
        entry=text,
    )
    return entry, said.previous_hash


class _Who(Struct, gc=False):
    type: str
    id: str | None
    name: str | None


class _Subject(Struct, gc=False):
    id: str
    type: str


class _Said(Struct, gc=False):
    """As much of ``Facts`` as the document needs; for a verification reads very many."""

    about: dict[str, Any]
    action: str
    actor: _Who
    address: str | None
    at: datetime
    changes: msgspec.Raw
    changes_left_out: int
    form: int
    outcome: str
    previous_hash: str
    request_id: str | None
    seq: int
    subjects: list[_Subject]


_decode = msgspec.json.Decoder(_Said).decode


def _words(said: _Said, subject_ids: tuple[str, ...]) -> str:
    """What a search for words finds it by; subjects first, for a search for one must never miss."""
    texts = [value for value in said.about.values() if isinstance(value, str)]
    others = " ".join([said.action, said.actor.name or "", *texts])[:MOST_WORDS]
    return " ".join([*subject_ids, others])


def _actor(actor: Actor) -> dict[str, str | None]:
    return {"id": shown_text(actor.id), "name": shown_text(actor.name), "type": actor.type}
