"""Statuses: how far what we sent came, what it cost, and payments. No IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from patchbay.channel.inbound import Ignored, InboundEvent, Person, ReceiptReceived, ThreadNotice
from patchbay.model.message import DeliveryState, Failure
from patchbay_meta.reading import Odd, digest, each, error_details, kept, moment_of, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.errors import failure
from patchbay_whatsapp.people import group_key, keys_of, person_of
from patchbay_whatsapp.wire_heads import WireStatus

STATES: dict[str, DeliveryState] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "played",
    "failed": "failed",
}
RETIRED = ("deleted", "warning")
_code = re.compile(r"[0-9]{1,9}").fullmatch
REGULAR = "regular"  # the one pricing type that costs; Cloud API, Pricing


def statuses(change: Change) -> list[Update]:
    """``value.statuses``: of messages and payments; those of calls are told from them by their type."""
    return [_update(change, raw) for raw in each(change.value, "statuses")]


def _update(change: Change, raw: Any) -> Update:
    kind = raw.get("type") if isinstance(raw, dict) else None
    if kind == "payment":
        return Update(_payment_key(raw), raw, _payment)
    if kind == "call" or change.field == "calls":
        return Update(_call_key(raw), raw, _call_status)
    return Update(_status_key(raw), raw, _receipt)


def _status_key(raw: Any) -> str:
    if not isinstance(raw, dict):
        return digest("status", raw)
    id, status = text(raw, "id"), text(raw, "status")
    if id is None or status is None:
        return digest("status", raw)
    recipient = _first(raw, "recipient_id", "recipient_user_id", "recipient_parent_user_id", "parent_recipient_user_id")
    participant = _first(
        raw,
        "recipient_participant_id",
        "participant_recipient_id",
        "recipient_participant_user_id",
        "recipient_participant_parent_user_id",
    )
    return f"status:{id}:{status.lower()}:{recipient or ''}:{participant or ''}"


def _first(raw: dict[str, Any], *names: str) -> str | None:
    for name in names:
        if name in raw and (value := text(raw, name)) is not None:
            return value
    return None


def _receipt(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WireStatus.of(raw)
    occurred_at = change.moment(raw)
    status = wire.status.lower()
    state = STATES.get(status)
    if state is None:
        why = "no longer used" if status in RETIRED else "not known"
        return Ignored(occurred_at=occurred_at, reason=f"the status {status[:64]!r} is {why}")
    participant = _participant(wire)
    grouped = participant is not None or wire.recipient_type == "group"
    priced = wire.pricing or (part(wire.conversation, "pricing") if wire.conversation else {})  # there in some groups
    return ReceiptReceived(
        occurred_at=occurred_at,
        external_id=wire.id,
        state=state,
        reference=wire.biz_opaque_callback_data or None,
        recipient=None if grouped else _recipient(change, wire),
        participant=participant,
        error=_failure(each(raw, "errors")) if state == "failed" else None,
        pricing=pricing_of(priced),
    )


def _recipient(change: Change, wire: WireStatus) -> Person | None:
    return person_of(
        change,
        wire.recipient_id,
        wire.recipient_user_id,
        wire.recipient_parent_user_id or wire.parent_recipient_user_id,
        key_hash=wire.recipient_identity_key_hash,
    )


def _participant(wire: WireStatus) -> str | None:
    """The member of a group, as the value of their first identity key."""
    phone = wire.recipient_participant_id or wire.participant_recipient_id
    keys = keys_of(phone, wire.recipient_participant_user_id, wire.recipient_participant_parent_user_id)
    return keys[0].value if keys else phone or None


def pricing_of(given: dict[str, Any]) -> dict[str, Any]:
    """billable, model, type and category, as far as they are given. ``billable`` is to go: then the type says it."""
    kind = text(given, "type") or text(given, "pricing_type")
    pricing: dict[str, Any] = {}
    if isinstance(billable := given.get("billable"), bool):
        pricing["billable"] = billable
    elif kind:
        pricing["billable"] = kind == REGULAR
    if model := text(given, "pricing_model"):
        pricing["model"] = model
    if kind:
        pricing["type"] = kind
    if category := text(given, "category"):
        pricing["category"] = category.replace("-", "_")  # authentication-international has been seen
    return pricing


def _failure(errors: Sequence[Any]) -> Failure:
    """Why a message failed: the first error that can be read."""
    for error in errors:
        if isinstance(error, dict):
            code = text(error, "code")
            said = text(error, "message") or text(error, "title") or ""
            return failure(int(code) if code and _code(code) else None, said, error_details(error))
    return failure(None, "", None)


def _payment_key(raw: dict[str, Any]) -> str:
    id, status = text(raw, "id"), text(raw, "status")
    if id is None or status is None:
        return digest("payment", raw)
    moment = moment_of(raw.get("timestamp"))
    return f"payment:{id}:{status.lower()}:{int(moment.timestamp()) if moment else ''}"


def _payment(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    """The outcome of a payment; its inner fields differ by provider and stay as they came."""
    wire = WireStatus.of(raw)
    person = person_of(
        change, wire.recipient_id or text(raw, "from"), wire.recipient_user_id, wire.recipient_parent_user_id
    )
    return ThreadNotice(
        occurred_at=change.moment(raw),
        external_id=key,
        notice="payment",
        person=person,
        group=group_key(wire.recipient_id) if wire.recipient_type == "group" and wire.recipient_id else None,
        text=f"A payment was reported as {wire.status.lower()}.",
        data=kept({"status": wire.status.lower(), "message": wire.id, "payment": raw.get("payment")}),
    )


def _call_key(raw: Any) -> str:
    if isinstance(raw, dict) and (id := text(raw, "id")) and (status := text(raw, "status")):
        return f"call:{id}:{status.lower()}"
    return digest("call", raw)


def _call_status(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    """How far a call that we make has come: ringing, accepted, rejected."""
    wire = WireStatus.of(raw)
    person = _recipient(change, wire)
    if person is None:
        raise Odd("nobody is named that the call went to")
    status = wire.status.lower()
    data = {"id": wire.id, "status": status, "reference": wire.biz_opaque_callback_data, "errors": raw.get("errors")}
    return ThreadNotice(
        occurred_at=change.moment(raw),
        external_id=key,
        notice="call",
        person=person,
        text=f"The call is {status}.",
        data=kept({name: value for name, value in data.items() if value}),
    )
