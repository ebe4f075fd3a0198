"""Cutting off what is too old, so that what remains is still proved: first an anchor of kind ``cut``, then the cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from patchbay.ports import Query, Store, Where
from patchbay_audit.anchors import anchor
from patchbay_audit.entry import AUDIT_ANCHORS, AUDIT_ENTRIES, AuditAnchor, AuditEntry, entry_id

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

ROWS: Final = 200  # entries removed in one commit


@dataclass(frozen=True)
class Plan:
    """What goes: ``entries`` up to the one at the cut. None of them when ``last`` is None."""

    before: datetime | None
    from_seq: int | None = None
    last: AuditEntry | None = None

    @property
    def entries(self) -> int:
        return 0 if self.last is None or self.from_seq is None else self.last.seq - self.from_seq + 1


async def plan(store: Store, before: datetime | None) -> Plan:
    """The entries from the beginning up to the first that is not older than ``before``; the newest always stays.

    A clock that was set back leaves old moments behind newer ones: those stay until what stands before them goes.
    """
    if before is None:
        return Plan(None)
    first = await _one(store, Query(AUDIT_ENTRIES, limit=1))
    if first is None or first.created_at >= before:
        return Plan(before)
    kept = await _one(store, Query(AUDIT_ENTRIES, where=(Where("created_at", "gte", before),), limit=1))
    if kept is None:
        kept = await _one(store, Query(AUDIT_ENTRIES, sort="-id", limit=1))
    last = None if kept is None else await store.get(AUDIT_ENTRIES, entry_id(kept.seq - 1))
    return Plan(before, first.seq, last)


async def _one(store: Store, query: Query[AuditEntry]) -> AuditEntry | None:
    return next(iter((await store.find(query)).items), None)


def newest_anchor(uow: UnitOfWork) -> AuditAnchor | None:
    """The last anchor that was written."""
    return next(iter(uow.find(Query(AUDIT_ANCHORS, sort="-id", limit=1))), None)


def cut(uow: UnitOfWork, last: AuditEntry, key: bytes) -> AuditAnchor:
    """Stage the anchor that says that the trail goes on behind this entry."""
    newest = newest_anchor(uow)
    number = 1 if newest is None else newest.number + 1
    made = anchor(number, "cut", seq=last.seq, hash=last.hash, at=uow.now, key=key)
    return uow.add(AUDIT_ANCHORS, made)


def remove_some(uow: UnitOfWork, upto: int) -> int:
    """Stage the removal of the oldest entries up to this one; how many. None are left when there are fewer than
    ``ROWS``."""
    old = Query(AUDIT_ENTRIES, where=(Where("id", "lte", entry_id(upto)),), limit=ROWS)
    found = uow.find(old)
    for entry in found:
        uow.remove(AUDIT_ENTRIES, entry)
    return len(found)
