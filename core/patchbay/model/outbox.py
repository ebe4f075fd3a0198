"""The outbox: one entry per request that a message takes at its provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.document import Document, Value
from patchbay.model.message import Failure

OutboxState = Literal["queued", "claimed", "sending", "sent", "retry", "unknown", "paused", "failed", "cancelled"]
Lane = Literal["reply", "notify", "bulk"]
EntryKind = Literal["message", "reaction", "read"]
LIVE_STATES: tuple[OutboxState, ...] = ("queued", "claimed", "sending", "retry", "unknown", "paused")


class Lease(Value, frozen=True, kw_only=True):
    """Who works on it and until when; ``token`` is the document's version at the claim and fences late writers."""

    owner: str
    until: datetime
    token: int


class OutboxEntry(Document, frozen=True, kw_only=True):
    """``kind`` says whether a part of the message leaves, our reaction to it (``emoji``), or that it was read.

    Entries of one ``queue`` leave one after the other, by ``order``: a thread's messages in one, their reactions and
    read marks in another that does not hold them up.

    ``state`` follows decision 8 of the architecture: ``sending`` is durable before the first byte leaves; an entry
    found in ``sending`` after its lease has an unknown outcome. ``response`` is the provider's answer,
    ``began_at`` the first try. Unique: (message_id, part), by its id.
    """

    message_id: str
    kind: EntryKind = "message"
    part: int
    parts: int = 1
    account_id: str
    thread_id: str
    queue: str
    order: int
    lane: Lane = "reply"
    state: OutboxState = "queued"
    attempt: int = 0
    not_before: datetime
    expires_at: datetime
    lease: Lease | None = None
    last_error: Failure | None = None
    began_at: datetime | None = None
    unknown_since: datetime | None = None
    emoji: str | None = None
    response: dict[str, Any] = {}


class Origin(Value, frozen=True, kw_only=True):
    """What an item arrived with: its raw event, its key there, and for how long what was closed might reopen then."""

    raw_id: str | None = None
    key: str = ""
    reopen_after_s: float = 0.0


class Parked(Document, frozen=True, kw_only=True):
    """What speaks of a message that we do not know yet, kept by external id until it appears or ``expires_at``.

    Reports about it, and replies that quote it.
    ``items`` are the parsed events as JSON, in order of arrival, and ``origins`` says of each what it arrived with.
    ``thread_id`` is set for echoes that wait for a send in flight on that thread, since ``echoed_at``.
    """

    account_id: str
    external_id: str
    thread_id: str | None = None
    echoed_at: datetime | None = None
    items: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    expires_at: datetime
