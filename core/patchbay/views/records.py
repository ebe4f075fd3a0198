"""Media, tags and raw events on the wire. No IO."""

from __future__ import annotations

from patchbay.model.media import Media
from patchbay.model.raw import RawEvent
from patchbay.model.tag import Tag
from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay.views.parts import View


def media_view(media: Media) -> View:
    return {
        "id": media.id,
        "kind": media.kind,
        "state": media.state,
        "mime_type": media.mime_type,
        "declared_mime_type": media.declared_mime_type,
        "size": media.size,
        "sha256": media.sha256,
        "filename": media.filename,
        "message_id": media.message_id,
        "conversation_id": media.conversation_id,
        "error": media.error,
        "created_at": rfc3339(media.created_at),
        "updated_at": rfc3339(media.updated_at),
        "version": media.version,
    }


def tag_view(tag: Tag) -> View:
    return {
        "id": tag.id,
        "name": tag.name,
        "color": tag.color,
        "description": tag.description,
        "created_at": rfc3339(tag.created_at),
        "updated_at": rfc3339(tag.updated_at),
        "version": tag.version,
    }


def raw_event_view(raw: RawEvent) -> View:
    """Without the body; ``GET /messages/{id}/raw`` shows that."""
    return {
        "id": raw.id,
        "channel": raw.channel,
        "received_at": rfc3339(raw.received_at),
        "state": raw.state,
        "sha256": raw.sha256,
        "size": len(raw.body),
        "attempts": raw.attempts,
        "error": raw.error,
        "items": [
            {
                "index": item.index,
                "key": item.key,
                "kind": item.kind,
                "outcome": item.outcome,
                "ref": item.ref,
                "error": item.error,
            }
            for item in raw.items
        ],
        "settled_at": rfc3339_or_none(raw.settled_at),
    }
