"""What a conversation shows between its messages: notes and activities. No IO."""

from __future__ import annotations

from patchbay.model.message import Activity, Note
from patchbay.model.times import rfc3339
from patchbay.views.parts import View, actor_view, media_ref_view


def note_view(note: Note) -> View:
    return {
        "id": note.id,
        "conversation_id": note.conversation_id,
        "contact_id": note.contact_id,
        "thread_id": note.thread_id,
        "seq": note.seq,
        "author": actor_view(note.author),
        "text": note.text,
        "mentions": list(note.mentions),
        "attachments": [media_ref_view(media) for media in note.attachments],
        "created_at": rfc3339(note.created_at),
        "updated_at": rfc3339(note.updated_at),
        "version": note.version,
    }


def activity_view(activity: Activity) -> View:
    return {
        "id": activity.id,
        "conversation_id": activity.conversation_id,
        "thread_id": activity.thread_id,
        "seq": activity.seq,
        "verb": activity.verb,
        "actor": actor_view(activity.actor),
        "from": activity.from_value,
        "to": activity.to_value,
        "reason": activity.reason,
        "note": activity.note,
        "created_at": rfc3339(activity.created_at),
        "version": activity.version,
    }
