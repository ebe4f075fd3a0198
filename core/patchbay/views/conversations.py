"""Conversations on the wire, and how much of one is unread. No IO."""

from __future__ import annotations

from patchbay.model.contact import Contact
from patchbay.model.conversation import Conversation, Thread, Window
from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay.views.parts import View


def window_view(window: Window) -> View:
    return {"kind": window.kind, "expires_at": rfc3339_or_none(window.expires_at)}


def unread_count(conversation: Conversation, reader: str | None) -> int:
    """How many inbound messages the reader has not read; for None, how many nobody has read."""
    cursors = conversation.read_cursors
    if not cursors:
        return conversation.inbound_count
    if reader is not None and reader in cursors:
        base = cursors[reader].inbound_base
    else:
        base = max((cursor.inbound_base for cursor in cursors.values()), default=0)
    return max(0, conversation.inbound_count - base)


def conversation_view(
    conversation: Conversation, contact: Contact | None, thread: Thread | None, *, reader: str | None = None
) -> View:
    last = conversation.last_message
    return {
        "id": conversation.id,
        "number": conversation.number,
        "channel": conversation.channel,
        "account_id": conversation.account_id,
        "thread_id": conversation.thread_id,
        "status": conversation.status,
        "priority": conversation.priority,
        "subject": conversation.subject,
        "contact": {
            "id": conversation.contact_id,
            "display_name": contact.display_name if contact is not None else "",
        },
        "assignee_id": conversation.assignee_id,
        "department_id": conversation.department_id,
        "controller": {"type": conversation.controller.type, "id": conversation.controller.id},
        "tags": list(conversation.tags),
        "attributes": conversation.attributes,
        "unread_count": unread_count(conversation, reader),
        "window": window_view(thread.window) if thread is not None else {"kind": "none", "expires_at": None},
        "waiting_since": rfc3339_or_none(conversation.waiting_since),
        "first_response_at": rfc3339_or_none(conversation.first_response_at),
        "last_message": None
        if last is None
        else {
            "id": last.id,
            "direction": last.direction,
            "preview": last.preview,
            "occurred_at": rfc3339(last.occurred_at),
        },
        "last_activity_at": rfc3339(conversation.last_activity_at),
        "last_seq": conversation.last_seq,
        "snoozed_until": rfc3339_or_none(conversation.snoozed_until),
        "closed_at": rfc3339_or_none(conversation.closed_at),
        "close_reason": conversation.close_reason,
        "previous_conversation_id": conversation.previous_conversation_id,
        "created_at": rfc3339(conversation.created_at),
        "updated_at": rfc3339(conversation.updated_at),
        "version": conversation.version,
    }
