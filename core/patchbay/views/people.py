"""Contacts and their identities on the wire. No IO."""

from __future__ import annotations

from patchbay.model.contact import Contact, Identity
from patchbay.model.times import rfc3339
from patchbay.views.parts import View


def identity_view(identity: Identity) -> View:
    return {
        "id": identity.id,
        "contact_id": identity.contact_id,
        "channel": identity.channel,
        "kind": identity.kind,
        "scope": identity.scope,
        "value": identity.value,
        "username": identity.username,
        "profile": {"name": identity.profile.name, "avatar_media_id": identity.profile.avatar_media_id},
        "proof": identity.proof,
        "status": identity.status,
        "superseded_by": identity.superseded_by,
        "conflicts": list(identity.conflicts),
        "first_seen_at": rfc3339(identity.first_seen_at),
        "last_seen_at": rfc3339(identity.last_seen_at),
        "version": identity.version,
    }


def contact_view(contact: Contact) -> View:
    return {
        "id": contact.id,
        "display_name": contact.display_name,
        "locale": contact.locale,
        "time_zone": contact.time_zone,
        "attributes": contact.attributes,
        "tags": list(contact.tags),
        "consent": contact.consent,
        "status": contact.status,
        "merged_into_id": contact.merged_into_id,
        "created_at": rfc3339(contact.created_at),
        "updated_at": rfc3339(contact.updated_at),
        "version": contact.version,
    }
