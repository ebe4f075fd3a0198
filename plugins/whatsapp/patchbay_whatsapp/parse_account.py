"""Management fields: what WhatsApp says about the account, its numbers and its partners. No IO.

Source: WhatsApp Cloud API, Webhooks reference, one page per field.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.channel.inbound import UNDATED, AccountNotice, InboundEvent
from patchbay.model.account import AccountStatus
from patchbay_meta.reading import digest, each, kept, moment_of, part, text
from patchbay_whatsapp.change import Change, Update

# What is known to follow from an event; every other event leaves the account's status alone.
_STATUSES: dict[str, AccountStatus] = {
    "ACCOUNT_DELETED": "disabled",
    "ACCOUNT_RESTRICTION": "degraded",
    "ACCOUNT_OFFBOARDED": "degraded",
    "ACCOUNT_RECONNECTED": "active",
}
_BAN_STATUSES: dict[str, AccountStatus] = {
    "DISABLE": "disabled",
    "SCHEDULE_FOR_DISABLE": "degraded",
    "REINSTATE": "active",
}
# phone_number_quality_update: FLAGGED says that the quality is low, UNFLAGGED only that it no longer is.
_QUALITIES = {"FLAGGED": "RED", "UNFLAGGED": "UNKNOWN"}
_SAYING = ("event", "decision", "status", "solution_status", "type")


def account(change: Change) -> Iterator[Update]:
    """The value itself is one notice."""
    at = change.occurred_at.isoformat() if change.occurred_at else None
    yield Update(digest(change.field, at, change.value), change.value, _notice)


def _notice(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    event = text(raw, "event")
    return AccountNotice(
        occurred_at=change.occurred_at or moment_of(raw.get("timestamp")) or UNDATED,
        notice=f"{change.field}.{event.lower()}" if event else change.field,
        text=_sentence(change.field, raw),
        status=_status(change.field, event, raw),
        quality=_QUALITIES.get(event or "") if change.field == "phone_number_quality_update" else None,
        data=kept(raw),
    )


def _status(field: str, event: str | None, raw: dict[str, Any]) -> AccountStatus | None:
    if field == "account_review_update":
        return "degraded" if text(raw, "decision") == "REJECTED" else None
    if field != "account_update" or event is None:
        return None
    if event == "DISABLED_UPDATE":
        return _BAN_STATUSES.get(text(part(raw, "ban_info"), "waba_ban_state") or "")
    if event == "PARTNER_REMOVED":  # without a disconnection it says nothing about the number
        return "degraded" if part(raw, "disconnection_info") else None
    return _STATUSES.get(event)


def _sentence(field: str, raw: dict[str, Any]) -> str:
    """What was said, in one sentence: the provider's own where there is one, else its key words."""
    alert = part(raw, "alert_info") or raw
    written = text(raw, "message") or text(alert, "alert_description")
    if written:
        return written
    words = [word for name in _SAYING if (word := text(raw, name))]
    details = [
        text(part(raw, "ban_info"), "waba_ban_state"),
        text(part(raw, "violation_info"), "violation_type"),
        text(part(raw, "disconnection_info"), "reason"),
        *(text(one, "restriction_type") for one in each(raw, "restriction_info") if isinstance(one, dict)),
        text(raw, "username"),
        text(raw, "requested_verified_name"),
        text(raw, "max_daily_conversations_per_business"),
    ]
    said = ", ".join([*words, *(word for word in details if word)])
    subject = field.replace("_", " ").capitalize()
    return f"{subject}: {said}." if said else f"{subject}."


def automatic_events(change: Change) -> Iterator[Update]:
    """``value.automatic_events``: a lead or a purchase that was recognised in a chat."""
    for raw in each(change.value, "automatic_events"):
        id, name = (text(raw, "id"), text(raw, "event_name")) if isinstance(raw, dict) else (None, None)
        key = f"automatic_event:{id}:{name}" if id and name else digest("automatic_event", raw)
        yield Update(key, raw, _automatic_event)


def _automatic_event(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    name = text(raw, "event_name") or "something"
    return AccountNotice(
        occurred_at=moment_of(raw.get("timestamp")) or change.occurred_at or UNDATED,
        notice="automatic_event",
        text=f"{name} was recognised in a chat.",
        data=kept(raw),
    )
