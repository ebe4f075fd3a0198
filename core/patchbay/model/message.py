"""Messages, notes and activities: what a timeline is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.content import AnyContent, MediaRef
from patchbay.model.document import Document, Value

Direction = Literal["inbound", "outbound"]
Origin = Literal["contact", "agent", "bot", "automation", "campaign", "api", "native_app", "history_sync", "system"]
ActorType = Literal["contact", "agent", "bot", "api", "system", "native_app"]
DeliveryState = Literal[
    "queued", "sending", "accepted", "sent", "delivered", "read", "played", "failed", "expired", "cancelled", "unknown"
]


class Actor(Value, frozen=True, kw_only=True):
    """Who did it."""

    type: ActorType
    id: str | None = None
    name: str | None = None


SYSTEM = Actor(type="system")


class ReplyTo(Value, frozen=True, kw_only=True):
    """``message_id`` is None while the quoted message is not one we know."""

    external_id: str | None = None
    message_id: str | None = None


class Failure(Value, frozen=True, kw_only=True):
    """Why a message did not arrive: ``code`` is ours, ``provider_code`` as the provider gave it."""

    code: str
    message: str
    provider_code: str | None = None
    provider_subcode: str | None = None
    retryable: bool = False
    hint: str | None = None
    details: str | None = None


class Delivery(Value, frozen=True, kw_only=True):
    """How far an outbound message came; the first time of each step is kept."""

    state: DeliveryState
    accepted_at: datetime | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    played_at: datetime | None = None
    failed_at: datetime | None = None
    error: Failure | None = None


class Deleted(Value, frozen=True, kw_only=True):
    at: datetime
    by: Literal["contact", "agent", "native_app", "system"]


class ExternalRef(Value, frozen=True, kw_only=True):
    """What the provider calls one part of the message, and which attempt made it. ``of`` is its name for the whole
    where the part is one of several that it put into one message; then ``external_id`` is a name of ours.

    ``sent_at`` is when it took that part by its own clock, where it said so, ``bound_at`` when it gave us the id.
    ``deleted`` says that this part was taken back there; the message is, once none of its parts is left.
    """

    external_id: str
    of: str | None = None
    part: int = 0
    attempt: int = 1
    state: DeliveryState = "accepted"
    sent_at: datetime | None = None
    bound_at: datetime | None = None
    deleted: Deleted | None = None


class Receipt(Value, frozen=True, kw_only=True):
    """One report about an outbound message. ``late`` means it did not raise the state."""

    state: DeliveryState
    occurred_at: datetime
    external_id: str
    participant: str | None = None
    late: bool = False
    error: Failure | None = None


class Reaction(Value, frozen=True, kw_only=True):
    """The latest reaction of one actor; ``emoji`` is None once it is taken back. ``line_id`` is the line that a person
    reacted from: contacts are merged and parted, the line stays."""

    actor: Actor
    emoji: str | None
    occurred_at: datetime
    external_id: str | None = None
    line_id: str | None = None


class Revision(Value, frozen=True, kw_only=True):
    """What the message said before an edit."""

    content: AnyContent
    replaced_at: datetime
    key: str | None = None


class Referral(Value, frozen=True, kw_only=True):
    """The advertisement or post that the person came from; ``extra`` is the provider's own form."""

    source_type: str | None = None
    source_id: str | None = None
    source_url: str | None = None
    headline: str | None = None
    body: str | None = None
    click_id: str | None = None
    extra: dict[str, Any] = {}


class Message(Document, frozen=True, kw_only=True):
    """One message on a thread. Unique: (thread_id, seq); (account_id, external id) per reference.

    ``client_ref`` is the sender's own reference; ``parts`` is how many requests it takes at the provider.
    ``occurred_at`` is the provider's clock, ``recorded_at`` ours. ``receipts`` keeps every step that was reported.
    """

    thread_id: str
    conversation_id: str | None = None
    account_id: str
    seq: int
    direction: Direction
    origin: Origin
    author: Actor
    content: AnyContent
    text: str = ""
    reply_to: ReplyTo | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    referral: Referral | None = None
    context: dict[str, Any] = {}
    external_refs: tuple[ExternalRef, ...] = ()
    parts: int = 1
    siblings: int = 0
    attempt: int = 1
    delivery: Delivery
    receipts: tuple[Receipt, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    revisions: tuple[Revision, ...] = ()
    deleted: Deleted | None = None
    client_ref: str | None = None
    raw_event_id: str | None = None
    pricing: dict[str, Any] = {}
    options: dict[str, Any] = {}
    occurred_at: datetime
    recorded_at: datetime


class Note(Document, frozen=True, kw_only=True):
    """What agents tell each other. It has no way to a channel: only a ``Message`` can be sent."""

    thread_id: str | None = None
    conversation_id: str | None = None
    contact_id: str | None = None
    seq: int = 0
    author: Actor
    text: str
    mentions: tuple[str, ...] = ()
    attachments: tuple[MediaRef, ...] = ()


class Activity(Document, frozen=True, kw_only=True):
    """Something that was done to a conversation, as one line of its timeline."""

    thread_id: str
    conversation_id: str
    seq: int
    verb: str
    actor: Actor
    from_value: Any = None
    to_value: Any = None
    reason: str | None = None
    note: str | None = None
