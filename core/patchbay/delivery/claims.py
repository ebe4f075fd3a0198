"""Taking an outbox entry to send it: under a lease, whose holder alone may say what came of it. No IO."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from patchbay.collections import MESSAGES, OUTBOX
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.outbox import Lease, OutboxEntry, OutboxState


class Fenced(Exception):
    """Somebody else works on the entry now: what we know of it is late and must change nothing."""


def claim(uow: UnitOfWork, entry_id: str, owner: str, lease_s: float, state: OutboxState) -> OutboxEntry | None:
    """Take an entry that is due; None when it is not ours to take any more. ``state`` is claimed or sending."""
    entry = uow.get(OUTBOX, entry_id)
    if entry is None or entry.state not in ("queued", "retry") or entry.not_before > uow.now:
        return None
    entry = uow.put(
        OUTBOX,
        entry,
        state=state,
        attempt=entry.attempt + 1,
        began_at=entry.began_at or uow.now,
        lease=Lease(owner=owner, until=uow.now + timedelta(seconds=lease_s), token=entry.version + 1),
    )
    if state == "sending":
        _show_sending(uow, entry)
    return entry


def begin_sending(uow: UnitOfWork, claimed: OutboxEntry) -> OutboxEntry:
    """Make ``sending`` durable, before the first byte leaves, and the lease whole again. Raises ``Fenced``."""
    entry = held(uow, claimed)
    lease = entry.lease
    if lease is not None:
        lease = replace(lease, until=uow.now + (lease.until - entry.updated_at))
    entry = uow.put(OUTBOX, entry, state="sending", lease=lease)
    _show_sending(uow, entry)
    return entry


def _show_sending(uow: UnitOfWork, entry: OutboxEntry) -> None:
    message = uow.get(MESSAGES, entry.message_id) if entry.kind == "message" else None
    if message is not None and message.delivery.state == "queued":
        uow.put(MESSAGES, message, delivery=replace(message.delivery, state="sending"))


def held(uow: UnitOfWork, claimed: OutboxEntry) -> OutboxEntry:
    """The entry as it is now. Raises ``Fenced`` when another holds it."""
    entry = uow.get(OUTBOX, claimed.id)
    mine = claimed.lease
    if entry is None or entry.lease is None or mine is None:
        raise Fenced(claimed.id)
    if (entry.lease.owner, entry.lease.token) != (mine.owner, mine.token):
        raise Fenced(claimed.id)
    return entry
