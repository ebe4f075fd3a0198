"""Messages on the wire, and what belongs to one: receipts, revisions, a preview. No IO."""

from __future__ import annotations

from msgspec import to_builtins

from patchbay.model.content import AnyContent, text_content
from patchbay.model.message import Deleted, Delivery, Message, Reaction, ReplyTo
from patchbay.model.times import rfc3339
from patchbay.views.parts import View, actor_view, content_view, failure_view

PREVIEW_LENGTH = 140  # characters of a conversation's last message


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
