"""Outbound: what a message takes at its provider. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from patchbay.channel.inbound import IdentityKey
from patchbay.model.contact import Identity, IdentityKind
from patchbay.model.content import AnyContent
from patchbay.model.conversation import Window
from patchbay.model.media import Media
from patchbay.model.message import DeliveryState

TOKEN_PLACE = "{token}"  # in a URL: where the account's token goes, for a provider that takes it nowhere else
CLOSED = datetime.min.replace(tzinfo=UTC)  # the end of a chance that there never was


@dataclass(frozen=True)
class FilePart:
    """One file of a multipart body; the runner streams it from the media store."""

    field: str
    media: Media
    filename: str
    content_type: str


@dataclass(frozen=True)
class ApiRequest:
    """A request to the provider. ``path`` is relative to the account's base URL, or an absolute https URL.

    ``json`` or ``form`` (+ ``file``) is the body. ``effect`` True means that the person would see it: no automatic
    second try once bytes may have left. ``authorise`` False sends it without the token, which is a bearer token in a
    header, or stands in the path in the place of ``TOKEN_PLACE``.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    file: FilePart | None = None
    effect: bool = False
    authorise: bool = True


@dataclass(frozen=True)
class ApiResponse:
    """The provider's answer. ``body`` is the parsed JSON object, {} when there is none."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SendReceipt:
    """The provider took it. ``recipient_keys`` are keys of the recipient that the answer gave (proof: platform)."""

    external_id: str
    response: Mapping[str, Any] = field(default_factory=dict)
    recipient_keys: tuple[IdentityKey, ...] = ()
    uploaded: UploadedMedia | None = None
    state: DeliveryState = "accepted"


@dataclass(frozen=True)
class UploadedMedia:
    """A media that the provider now holds under its own id, until ``lifetime`` has passed."""

    media_id: str
    provider_media_id: str
    lifetime: timedelta


@dataclass(frozen=True)
class Recipient:
    """Where a message goes: the active identities of the line, and the window as it stands."""

    identities: tuple[Identity, ...]
    window: Window
    last_inbound_at: datetime | None = None


@dataclass(frozen=True)
class Quoted:
    """The message that a reply answers."""

    external_id: str
    occurred_at: datetime


@dataclass(frozen=True)
class Draft:
    """What somebody wants to send, before it is queued: ``options`` are the channel's own (a tag, a persona).
    ``automated`` says that no person wrote it."""

    content: AnyContent
    recipient: Recipient
    quoted: Quoted | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    automated: bool = False


@dataclass(frozen=True)
class Outgoing:
    """One part of a message on its way out.

    ``reference`` is to be echoed by the provider in receipts, where it can. ``reply_to`` is an external id, given to
    the first part alone. ``media`` is the stored file that the content refers to, ``provider_media_id`` what this
    account's provider already calls it.
    """

    message_id: str
    reference: str
    content: AnyContent
    recipient: Recipient
    reply_to: str | None = None
    media: Media | None = None
    provider_media_id: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


SendFlow = Generator[ApiRequest, ApiResponse, SendReceipt]
Flow = Generator[ApiRequest, ApiResponse, Any]


@dataclass(frozen=True)
class TokenState:
    """What a provider says of an account's token. ``credentials`` are new ones, where it gave any."""

    expires_at: datetime | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MediaSource:
    """Where to download a file: ``url``, with the account's token when ``authorise``, as for ``ApiRequest``; redirects
    are not followed. ``only`` says that asking again gives no other address: what is gone there is gone."""

    url: str
    authorise: bool
    mime_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    only: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What a channel can carry; refused before queueing when it cannot.

    ``contents`` are content types it can send, ``interactive`` the kinds of interactive. ``media`` maps a media kind to
    MIME types and the largest size in bytes. ``profiles`` says that the provider tells names only when asked,
    ``token_care`` that its tokens end or can be renewed, ``acknowledges`` that clients wait for what they sent,
    ``window_hint`` what to do when the window is closed. ``fetches`` are the media kinds that the provider takes by an
    address, and downloads itself. ``starts_with`` are the kinds of identity that a conversation can be started with.
    ``options`` are what a send may carry for this channel alone, each with the values it may have, None for any.
    ``account_in_path`` says that webhooks do not name their account: the provider is given ``/webhooks/{channel}/`` and
    the account's ``external_id``.
    """

    contents: frozenset[str]
    interactive: frozenset[str] = frozenset()
    reactions: bool = False
    replies: bool = False
    typing: bool = False
    read_receipts: bool = False
    templates: bool = False
    edits: bool = False
    text_limit: int | None = None
    window_hint: str | None = None
    profiles: bool = False
    token_care: bool = False
    account_in_path: bool = False
    acknowledges: bool = False
    starts_with: frozenset[IdentityKind] = frozenset()
    options: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    media: Mapping[str, MediaRule] = field(default_factory=dict)
    fetches: frozenset[str] = frozenset()


@dataclass(frozen=True)
class MediaRule:
    mime_types: frozenset[str]
    max_bytes: int
