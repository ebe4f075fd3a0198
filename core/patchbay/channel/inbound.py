"""Inbound: what a webhook says, as items that every channel's ``parse`` gives. No IO."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from patchbay.model.account import AccountStatus
from patchbay.model.contact import IdentityKind
from patchbay.model.content import AnyContent
from patchbay.model.document import Value
from patchbay.model.message import DeliveryState, Failure, Referral

ScopeKind = Literal["global", "portfolio", "account"]

# ``occurred_at`` of a notice that the provider gave no time: what happens then, happened when it arrived.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


class IdentityKey(Value, frozen=True, kw_only=True):
    """A key that the platform names a person by. ``scope`` says how far it is unique; the core resolves it."""

    kind: IdentityKind
    value: str
    scope: ScopeKind = "global"


class Person(Value, frozen=True, kw_only=True):
    """Who a webhook speaks of. ``keys`` are all that the payload gave, the one that owns a new thread first."""

    keys: tuple[IdentityKey, ...]
    name: str | None = None
    username: str | None = None
    key_hash: str | None = None


class RemoteMedia(Value, frozen=True, kw_only=True):
    """A file at the provider, which forgets it ``lifetime_s`` after the message. ``unique_id`` names its bytes, however
    often ``provider_id`` or ``url`` changes: by it an edit tells a new file from the one that is here."""

    provider_id: str | None = None
    unique_id: str | None = None
    url: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    size: int | None = None
    filename: str | None = None
    lifetime_s: int | None = None
    error: str | None = None


class _Inbound(Value, frozen=True, kw_only=True, tag_field="kind"):
    """The base of all inbound events; ``occurred_at`` is the provider's clock."""

    occurred_at: datetime


class MessageReceived(_Inbound, frozen=True, kw_only=True, tag="message"):
    """A person wrote. ``group`` is the group it was written in: the thread is the group's then, the author the person.

    ``opens_window`` is False for what does not renew the reply window. ``context`` keeps what has no field of its own.
    Where the provider puts several things into one message, each is an item with the same ``external_id``: ``part``
    counts from 0, ``parts`` says how many there are. Reports name the first; a deletion takes all.
    """

    external_id: str
    sender: Person
    content: AnyContent
    media: RemoteMedia | None = None
    group: IdentityKey | None = None
    reply_to: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    referral: Referral | None = None
    context: dict[str, Any] = {}
    opens_window: bool = True
    part: int = 0
    parts: int = 1


class MessageEchoed(_Inbound, frozen=True, kw_only=True, tag="echo"):
    """The business wrote, from the provider's own app or through another responder.

    ``reference`` is the opaque reference that came back, when it did: then it may be a message of ours. ``part`` and
    ``parts`` as of ``MessageReceived``.
    """

    external_id: str
    recipient: Person | None
    content: AnyContent
    media: RemoteMedia | None = None
    group: IdentityKey | None = None
    reply_to: str | None = None
    reference: str | None = None
    context: dict[str, Any] = {}
    part: int = 0
    parts: int = 1


class MessageWithheld(_Inbound, frozen=True, kw_only=True, tag="withheld"):
    """The provider announced a message and did not say what is in it; ``fetch_message`` asks for it.

    ``person`` is the other side, None where the announcement names nobody. ``provider_type`` and ``reason`` are what is
    shown in its place meanwhile.
    """

    external_id: str
    person: Person | None
    by_business: bool = False
    provider_type: str
    reason: str


class HistoryMessage(_Inbound, frozen=True, kw_only=True, tag="history"):
    """A message from before we were connected: a timeline item and nothing else."""

    external_id: str
    person: Person
    outbound: bool
    content: AnyContent
    media: RemoteMedia | None = None
    reply_to: str | None = None
    state: DeliveryState | None = None


class MessageEdited(_Inbound, frozen=True, kw_only=True, tag="edit"):
    """``external_id`` is the edit's own; ``content`` is the whole new content. A file of the same kind is kept from
    before, unless ``media`` says by its ``unique_id`` that it is another."""

    external_id: str
    target: str
    content: AnyContent
    by_business: bool = False
    media: RemoteMedia | None = None


class MessageDeleted(_Inbound, frozen=True, kw_only=True, tag="delete"):
    external_id: str
    target: str
    by_business: bool = False


class ReactionChanged(_Inbound, frozen=True, kw_only=True, tag="reaction"):
    """``emoji`` None takes the reaction back."""

    external_id: str
    target: str
    person: Person
    emoji: str | None
    by_business: bool = False


class ReceiptReceived(_Inbound, frozen=True, kw_only=True, tag="receipt"):
    """How far an outbound message came. ``reference`` is what we gave the send, where the provider echoes it.

    ``participant`` names the member of a group it is about. ``watermark`` means "and everything before it on its
    thread".
    """

    external_id: str
    state: DeliveryState
    reference: str | None = None
    recipient: Person | None = None
    participant: str | None = None
    error: Failure | None = None
    pricing: dict[str, Any] = {}
    watermark: bool = False


class WatermarkReceived(_Inbound, frozen=True, kw_only=True, tag="watermark"):
    """Every message to this person that the provider had by ``up_to`` came so far."""

    person: Person
    state: DeliveryState
    up_to: datetime


class PersonChanged(_Inbound, frozen=True, kw_only=True, tag="person"):
    """What is known of a person changed, without a message: an address book entry, a profile."""

    person: Person
    removed: bool = False


class IdentityRekeyed(_Inbound, frozen=True, kw_only=True, tag="rekey"):
    """The platform replaced a person's keys: old ones are superseded by new ones of the same kind."""

    external_id: str
    previous: tuple[IdentityKey, ...]
    current: tuple[IdentityKey, ...]
    text: str = ""


class PreferenceChanged(_Inbound, frozen=True, kw_only=True, tag="preference"):
    """A person allowed or stopped a purpose ("marketing")."""

    person: Person
    purpose: str
    granted: bool
    detail: str = ""


class ThreadNotice(_Inbound, frozen=True, kw_only=True, tag="notice"):
    """Something that happened on a thread and that nobody wrote: a call, a hand-over, a change of the group.

    It becomes a message of content ``system_notice``. ``person`` None (and no group) keeps it as an account notice.
    """

    external_id: str
    notice: str
    person: Person | None = None
    group: IdentityKey | None = None
    text: str = ""
    data: dict[str, Any] = {}
    opens_window: bool = False


class AccountNotice(_Inbound, frozen=True, kw_only=True, tag="account"):
    """The provider says something about the account. ``status`` and ``quality`` change its health where given."""

    notice: str
    text: str = ""
    status: AccountStatus | None = None
    quality: str | None = None
    data: dict[str, Any] = {}


class TemplateChanged(_Inbound, frozen=True, kw_only=True, tag="template"):
    """What changed of a template; None means unchanged."""

    external_id: str
    name: str
    language: str
    status: str | None = None
    category: str | None = None
    quality: str | None = None
    reason: str | None = None
    data: dict[str, Any] = {}


class Ignored(_Inbound, frozen=True, kw_only=True, tag="ignored"):
    """Read and understood, and nothing to do; ``reason`` is listed with the raw event."""

    reason: str


class Unrecognised(_Inbound, frozen=True, kw_only=True, tag="unrecognised"):
    """Not understood and without a place in a timeline: kept with its raw payload, listed."""

    what: str
    reason: str


InboundEvent = (
    MessageReceived
    | MessageEchoed
    | MessageWithheld
    | HistoryMessage
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | ReceiptReceived
    | WatermarkReceived
    | PersonChanged
    | IdentityRekeyed
    | PreferenceChanged
    | ThreadNotice
    | AccountNotice
    | TemplateChanged
    | Ignored
    | Unrecognised
)


class AccountRef(Value, frozen=True, kw_only=True):
    """Which account an item is for. By ``external_id`` where the payload names one; else all accounts whose
    ``parent_external_id`` matches (management fields); else, where it names neither, the one that the webhook's path
    named. ``or_parent`` means that the provider calls an account now by its own id and now by its parent's."""

    external_id: str | None = None
    parent_external_id: str | None = None
    display: str | None = None
    or_parent: bool = False


class Item(Value, frozen=True, kw_only=True):
    """One update of a webhook. ``key`` is unique per account and the same at every delivery."""

    index: int
    key: str
    account: AccountRef
    event: InboundEvent


class Malformed(Value, frozen=True, kw_only=True):
    """An item that could not be read; ``error`` says why. It is quarantined, its neighbours are not."""

    index: int
    key: str
    error: str
