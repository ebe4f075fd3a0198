"""Messages: what people wrote, what the business wrote elsewhere, and what changes either. No IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from patchbay.channel.inbound import (
    UNDATED,
    AccountNotice,
    IdentityKey,
    IdentityRekeyed,
    Ignored,
    InboundEvent,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    Person,
    ReactionChanged,
    ThreadNotice,
)
from patchbay.model.message import Referral
from patchbay_meta.reading import Odd, digest, each, error_text, kept, moment_of, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.contents import said
from patchbay_whatsapp.people import NOBODY, group_key, keys_of, person_of
from patchbay_whatsapp.wire import WireEdit, WireReaction, WireRevoke, WireSystem
from patchbay_whatsapp.wire_heads import WireMessage

CHANGES = ("edit", "revoke", "reaction")  # types that change another message
# What each type is keyed as; all others are messages.
_KINDS = {"edit": "edit", "revoke": "revoke", "reaction": "reaction", "system": "system"}
_REKEYED = ("user_changed_number", "user_changed_user_id", "customer_changed_number")
_changed_from_to = re.compile(r"\bfrom (\S+) to (\S+?)\.?$")  # the text of a system message, its last resort


def message_key(raw: Any, otherwise: str = "message") -> str:
    """The key of a message by its id; ``otherwise`` is the kind of what is no change to another message."""
    if isinstance(raw, dict) and (id := text(raw, "id")) is not None:
        kind = raw.get("type")
        return f"{_KINDS.get(kind, otherwise) if isinstance(kind, str) else otherwise}:{id}"
    return digest(otherwise, raw)


def messages(change: Change) -> list[Update]:
    """``value.messages``: what people wrote to the business."""
    return [Update(message_key(raw), raw, received) for raw in each(change.value, "messages")]


def echoes(change: Change) -> list[Update]:
    """``value.message_echoes``: what the business wrote in the app on its phone."""
    return [Update(message_key(raw, "echo"), raw, echoed) for raw in each(change.value, "message_echoes")]


def received(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WireMessage.of(raw)
    kind = wire.type
    if kind == "system":
        return _system(change, wire, raw)
    if kind == "request_welcome":
        return Ignored(occurred_at=change.moment(raw), reason="a chat was opened, nothing was written (retired type)")
    sender = person_of(change, wire.sender, wire.from_user_id, wire.from_parent_user_id)
    if kind in CHANGES:
        return changed(change, wire, raw, sender, by_business=False)
    if sender is None:
        raise Odd(NOBODY)
    content, media = said(kind, raw, _explaining(change, raw))
    context = wire.context
    return MessageReceived(
        occurred_at=change.moment(raw),
        external_id=wire.id,
        sender=sender,
        content=content,
        media=media,
        group=group_key(wire.group_id) if wire.group_id else None,
        reply_to=text(context, "id") if context else None,
        forwarded=bool(context and (context.get("forwarded") is True or context.get("frequently_forwarded") is True)),
        frequently_forwarded=bool(context and context.get("frequently_forwarded") is True),
        referral=_referral(wire.referral) if wire.referral else None,
        context=_context(change, context),
    )


def echoed(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WireMessage.of(raw)
    group = group_key(wire.group_id) if wire.group_id else None
    recipient = echo_recipient(change, raw)
    if wire.type in CHANGES:
        return changed(change, wire, raw, recipient, by_business=True)
    if recipient is None and group is None:
        raise Odd(NOBODY)
    content, media = said(wire.type, raw, _explaining(change, raw))
    return MessageEchoed(
        occurred_at=change.moment(raw),
        external_id=wire.id,
        recipient=recipient,
        content=content,
        media=media,
        group=group,
        reply_to=text(wire.context, "id") if wire.context else None,
        context=_context(change, wire.context),
    )


def echo_recipient(change: Change, raw: dict[str, Any]) -> Person | None:
    """Whom an outbound message went to."""
    return person_of(change, text(raw, "to"), text(raw, "to_user_id"), text(raw, "to_parent_user_id"))


def changed(
    change: Change, wire: WireMessage, raw: dict[str, Any], person: Person | None, *, by_business: bool
) -> InboundEvent:
    """An edit, a deletion or a reaction; ``person`` is the other side of the line, who may be unnamed in an echo."""
    occurred_at = change.moment(raw)
    payload = raw.get(wire.type)
    if wire.type == "reaction":
        if person is None and not by_business:
            raise Odd(NOBODY)
        reaction = WireReaction.of(payload)
        return ReactionChanged(
            occurred_at=occurred_at,
            external_id=wire.id,
            target=reaction.message_id,
            person=person or Person(keys=()),
            emoji=reaction.emoji or None,
            by_business=by_business,
        )
    if wire.type == "revoke":
        target = WireRevoke.of(payload).original_message_id
        return MessageDeleted(occurred_at=occurred_at, external_id=wire.id, target=target, by_business=by_business)
    edit = WireEdit.of(payload)
    kind = text(edit.message, "type")
    if kind is None:
        raise Odd("edit.message.type is missing")
    content, media = said(kind, edit.message, ())
    return MessageEdited(
        occurred_at=occurred_at,
        external_id=wire.id,
        target=edit.original_message_id,
        content=content,
        by_business=by_business,
        media=media,
    )


def _explaining(change: Change, raw: dict[str, Any]) -> Sequence[Any]:
    """The errors that may say why a message lacks something: its own, or those beside it."""
    if raw.get("errors") or change.value.get("errors"):
        return [*each(raw, "errors"), *change.errors()]
    return ()


def _context(change: Change, given: dict[str, Any] | None) -> dict[str, Any]:
    """What is said about a message and has no field of its own."""
    context = dict(change.context or {})
    if given and (product := part(given, "referred_product")):
        context["referred_product"] = kept(product)
    if summary := part(change.value, "conversation_context"):
        context["conversation_context"] = kept(summary)
    return context


def _referral(given: dict[str, Any]) -> Referral:
    """The advertisement that brought the person; what has no field stays in ``extra``."""
    named = ("source_type", "source_id", "source_url", "headline", "body", "ctwa_clid")
    return Referral(
        source_type=text(given, "source_type"),
        source_id=text(given, "source_id"),
        source_url=text(given, "source_url"),
        headline=text(given, "headline"),
        body=text(given, "body"),
        click_id=text(given, "ctwa_clid"),
        extra=kept({key: value for key, value in given.items() if key not in named}),
    )


def _system(change: Change, wire: WireMessage, raw: dict[str, Any]) -> InboundEvent:
    system = WireSystem.of(raw.get("system"))
    occurred_at = change.moment(raw)
    if system.type in _REKEYED or (system.new_wa_id and not system.type):
        previous, current = _rekeyed(wire, system)
        return IdentityRekeyed(
            occurred_at=occurred_at, external_id=wire.id, previous=previous, current=current, text=system.body or ""
        )
    notice = "identity_changed" if system.type == "customer_identity_changed" else system.type or "system"
    identity = part(raw, "identity")
    return ThreadNotice(
        occurred_at=occurred_at,
        external_id=wire.id,
        notice=notice,
        person=person_of(
            change, wire.sender or system.customer or system.wa_id, wire.from_user_id, wire.from_parent_user_id
        ),
        text=system.body or "",
        data=kept(identity or {key: value for key, value in part(raw, "system").items() if key != "body"}),
    )


def _rekeyed(wire: WireMessage, system: WireSystem) -> tuple[tuple[IdentityKey, ...], tuple[IdentityKey, ...]]:
    """The keys that are no longer right, and all that are; the text is read where the fields say nothing."""
    old_phone, new_phone = wire.sender or system.customer, system.new_wa_id or system.wa_id
    written = _changed_from_to.search(system.body or "")
    before = keys_of(
        old_phone,
        system.previous_user_id or wire.from_user_id,
        system.previous_parent_user_id or wire.from_parent_user_id,
    )
    after = keys_of(new_phone, system.user_id, system.parent_user_id)
    previous = tuple(key for key in before if key not in after) or (keys_of(written[1], None, None) if written else ())
    current = after or (keys_of(written[2], None, None) if written else ())
    if not previous or not current:
        raise Odd("it does not say which phone number or user id became which")
    return previous, current


def value_errors(change: Change) -> list[Update]:
    """``value.errors`` with no message that they could explain: trouble of the number or the app."""
    errors = change.errors()
    if not errors or change.value.get("messages"):
        return []
    return [Update(digest("errors", errors), {"errors": errors}, _errors_notice)]


def _errors_notice(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    said_why = error_text(raw["errors"])
    return AccountNotice(
        occurred_at=change.occurred_at or UNDATED,
        notice="errors",
        text=said_why or "An error was reported.",
        data=kept(raw),
    )


def user_actions(change: Change) -> list[Update]:
    """``value.user_actions``: clicks on links of marketing messages; they name neither person nor message."""
    return [Update(digest("user_action", raw), raw, _user_action) for raw in each(change.value, "user_actions")]


def _user_action(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    action = text(raw, "action_type") or "user_action"
    return AccountNotice(
        occurred_at=moment_of(raw.get("timestamp")) or change.occurred_at or UNDATED,
        notice=action,
        text=f"Somebody's action was reported: {action}.",
        data=kept(raw),
    )
