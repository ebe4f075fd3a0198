"""How resources look on the wire: one encoder for REST, sockets, the log and webhooks alike. No IO.

Each ``*_view`` gives plain JSON values in the shape that ``web/schemas`` documents; a test holds both equal. They
are hand-written because they are on the hot path: once per event.
"""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity
from patchbay.model.content import AnyContent, MediaRef, Text, media_of, text_content
from patchbay.model.conversation import Conversation, Thread, Window
from patchbay.model.media import Media
from patchbay.model.message import Activity, Actor, Deleted, Delivery, Failure, Message, Note, Reaction, ReplyTo
from patchbay.model.raw import RawEvent
from patchbay.model.tag import Tag
from patchbay.model.template import TemplateRecord
from patchbay.model.times import rfc3339, rfc3339_or_none

View = dict[str, Any]
PREVIEW_LENGTH = 140  # characters of a conversation's last message


def actor_view(actor: Actor) -> View:
    return {"type": actor.type, "id": actor.id, "name": actor.name}


def media_ref_view(media: MediaRef) -> View:
    return {
        "id": media.id,
        "mime_type": media.mime_type,
        "size": media.size,
        "filename": media.filename,
        "state": media.state,
    }


def content_view(content: AnyContent) -> View:
    """The content by its ``type``; fields that are unset are left out, except those of a media reference."""
    if type(content) is Text:
        return {"type": "text", "text": content.text}
    view: View = to_builtins(content)
    media = media_of(content)
    if media is not None:
        holder = view.get("header", view)
        holder["media"] = media_ref_view(media)
    return view


def failure_view(failure: Failure | None) -> View | None:
    if failure is None:
        return None
    provider = None
    if failure.provider_code is not None:
        provider = {
            "code": failure.provider_code,
            "subcode": failure.provider_subcode,
            "message": failure.details or failure.message,
        }
    return {
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.retryable,
        "hint": failure.hint,
        "provider": provider,
    }


def delivery_view(delivery: Delivery) -> View:
    accepted_at, sent_at, delivered_at = delivery.accepted_at, delivery.sent_at, delivery.delivered_at
    read_at, played_at, failed_at = delivery.read_at, delivery.played_at, delivery.failed_at
    return {
        "state": delivery.state,
        "accepted_at": None if accepted_at is None else rfc3339(accepted_at),
        "sent_at": None if sent_at is None else rfc3339(sent_at),
        "delivered_at": None if delivered_at is None else rfc3339(delivered_at),
        "read_at": None if read_at is None else rfc3339(read_at),
        "played_at": None if played_at is None else rfc3339(played_at),
        "failed_at": None if failed_at is None else rfc3339(failed_at),
        "error": None if delivery.error is None else failure_view(delivery.error),
    }


def _reply_view(reply: ReplyTo | None) -> View | None:
    return None if reply is None else {"message_id": reply.message_id, "external_id": reply.external_id}


def _reaction_view(reaction: Reaction) -> View:
    return {
        "actor": actor_view(reaction.actor),
        "emoji": reaction.emoji,
        "occurred_at": rfc3339(reaction.occurred_at),
    }


def _deleted_view(deleted: Deleted | None) -> View | None:
    return None if deleted is None else {"at": rfc3339(deleted.at), "by": deleted.by}


def message_view(message: Message) -> View:
    referral = message.referral
    return {
        "id": message.id,
        "conversation_id": message.conversation_id,
        "thread_id": message.thread_id,
        "account_id": message.account_id,
        "seq": message.seq,
        "direction": message.direction,
        "origin": message.origin,
        "author": actor_view(message.author),
        "content": content_view(message.content),
        "text_content": message.text,
        "reply_to": _reply_view(message.reply_to),
        "forwarded": message.forwarded,
        "referral": None if referral is None else to_builtins(referral),
        "context": message.context,
        "reactions": [_reaction_view(r) for r in message.reactions if r.emoji is not None],
        "edited": bool(message.revisions),
        "deleted": _deleted_view(message.deleted),
        "delivery": delivery_view(message.delivery),
        "external_ids": [ref.external_id for ref in message.external_refs],
        "client_ref": message.client_ref,
        "pricing": message.pricing or None,
        "occurred_at": rfc3339(message.occurred_at),
        "recorded_at": rfc3339(message.recorded_at),
        "version": message.version,
    }


def receipts_view(message: Message) -> list[View]:
    return [
        {
            "state": receipt.state,
            "occurred_at": rfc3339(receipt.occurred_at),
            "external_id": receipt.external_id,
            "participant": receipt.participant,
            "late": receipt.late,
            "error": failure_view(receipt.error),
        }
        for receipt in message.receipts
    ]


def revisions_view(message: Message) -> list[View]:
    return [
        {"content": content_view(revision.content), "replaced_at": rfc3339(revision.replaced_at)}
        for revision in message.revisions
    ]


def preview_of(content: AnyContent) -> str:
    """The first characters of the text, or the type in brackets when there is none."""
    text = text_content(content).strip()
    if text:
        return text if len(text) <= PREVIEW_LENGTH else text[: PREVIEW_LENGTH - 1] + "…"
    return f"[{content.__struct_config__.tag}]"


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


def account_view(account: ChannelAccount) -> View:
    """Without credentials: those are never returned."""
    health = account.health
    return {
        "id": account.id,
        "channel": account.channel,
        "name": account.name,
        "external_id": account.external_id,
        "parent_external_id": account.parent_external_id,
        "status": account.status,
        "health": {
            "last_inbound_at": rfc3339_or_none(health.last_inbound_at),
            "last_send_ok_at": rfc3339_or_none(health.last_send_ok_at),
            "token_expires_at": rfc3339_or_none(health.token_expires_at),
            "quality": health.quality,
            "last_error": health.last_error,
            "last_error_at": rfc3339_or_none(health.last_error_at),
        },
        "settings": account.settings,
        "policies": {
            "reopen_after_s": account.policies.reopen_after_s,
        },
        "default_department_id": account.default_department_id,
        "from_settings": account.from_settings,
        "callback_path": f"/webhooks/{account.channel}",
        "created_at": rfc3339(account.created_at),
        "updated_at": rfc3339(account.updated_at),
        "version": account.version,
    }


def template_view(template: TemplateRecord) -> View:
    return {
        "id": template.id,
        "account_id": template.account_id,
        "channel": template.channel,
        "external_id": template.external_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "quality": template.quality,
        "reason": template.reason,
        "components": list(template.components),
        "synced_at": rfc3339_or_none(template.synced_at),
        "created_at": rfc3339(template.created_at),
        "updated_at": rfc3339(template.updated_at),
        "version": template.version,
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
