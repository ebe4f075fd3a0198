"""People: a contact, and the identities that channels know them by."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.document import Document, Value

ContactStatus = Literal["active", "blocked", "merged", "erased"]
IdentityKind = Literal[
    "phone",
    "wa_bsuid",
    "wa_parent_bsuid",
    "psid",
    "igsid",
    "wa_group",
    "email",
    "external",
]
IdentityStatus = Literal["active", "stopped", "blocked", "superseded"]
Proof = Literal["platform", "signature", "agent", "import", "none"]


class Contact(Document, frozen=True, kw_only=True):
    """One person (or group) as the inbox knows them. ``consent`` maps a purpose to "stop" or "granted".

    ``created_by`` is the user who entered them by hand; None for those whom a channel brought.
    """

    display_name: str = ""
    locale: str | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    consent: dict[str, str] = {}
    status: ContactStatus = "active"
    merged_into_id: str | None = None
    created_by: str | None = None


class Profile(Value, frozen=True, kw_only=True):
    name: str | None = None
    avatar_media_id: str | None = None


class Identity(Document, frozen=True, kw_only=True):
    """One key that a channel knows a person by. Unique: (scope, kind, value), by its id.

    ``line_id`` is the identity that owns the threads: several keys of one person on one channel (phone and BSUID)
    share it, so that whichever key a webhook carries, the thread stays the same. ``conflicts`` lists contacts that the
    platform also named by this key; they are never merged silently. ``profile_read_at`` is when the provider was last
    asked for the profile and answered.
    """

    contact_id: str
    line_id: str
    channel: str
    kind: IdentityKind
    scope: str
    value: str
    username: str | None = None
    profile: Profile = Profile()
    proof: Proof = "platform"
    status: IdentityStatus = "active"
    superseded_by: str | None = None
    conflicts: tuple[str, ...] = ()
    key_hash: str | None = None
    profile_read_at: datetime | None = None
    first_seen_at: datetime
    last_seen_at: datetime


class Merge(Document, frozen=True, kw_only=True):
    """One contact merged into another, with what it takes to undo it."""

    source_contact_id: str
    target_contact_id: str
    source_status: ContactStatus = "active"
    identity_ids: tuple[str, ...] = ()
    thread_ids: tuple[str, ...] = ()
    conversation_ids: tuple[str, ...] = ()
    note_ids: tuple[str, ...] = ()
    undone_at: datetime | None = None
