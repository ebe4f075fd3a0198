"""A webhook's bytes to items, one per update. No IO.

Every update is read by itself: one that cannot be read becomes ``Malformed`` and its neighbours go on. Keys are made
before reading, from the ids that Meta gives or else from the content, so they are the same at every delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from pydantic import ValidationError

from patchbay.channel.inbound import UNDATED, AccountRef, InboundEvent, Item, Malformed, Unrecognised
from patchbay.errors import BadPayload
from patchbay_meta.reading import Odd, digest, moment_of, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.exact import exactly
from patchbay_whatsapp.parse_account import account, automatic_events
from patchbay_whatsapp.parse_history import address_book, history
from patchbay_whatsapp.parse_messages import echoes, messages, user_actions, value_errors
from patchbay_whatsapp.parse_standby import standby
from patchbay_whatsapp.parse_statuses import statuses
from patchbay_whatsapp.parse_templates import templates
from patchbay_whatsapp.parse_threads import calls, groups, handover, preferences, user_id_updates

OBJECT = "whatsapp_business_account"
_decode = msgspec.json.Decoder().decode

Updates = Callable[[Change], Iterable[Update]]


# What stands in a value of the field "messages", each part a list.
_PARTS: tuple[tuple[str, Callable[[Change], list[Update]]], ...] = (
    ("messages", messages),
    ("statuses", statuses),
    ("errors", value_errors),
    ("user_actions", user_actions),
)


def _messages(change: Change) -> list[Update]:
    return [update for name, updates in _PARTS if name in change.value for update in updates(change)]


def _echoes(change: Change) -> list[Update]:
    return [*echoes(change), *value_errors(change)]


# Fields that belong to one phone number, which the value names.
NUMBER_FIELDS: dict[str, Updates] = {
    "messages": _messages,
    "smb_message_echoes": _echoes,
    "message_echoes": _echoes,
    "smb_app_state_sync": address_book,
    "history": history,
    "calls": calls,
    "messaging_handovers": handover,
    "group_lifecycle_update": groups,
    "group_participants_update": groups,
    "group_participant_update": groups,
    "group_settings_update": groups,
    "group_status_update": groups,
    "user_preferences": preferences,
    "user_id_update": user_id_updates,
    "automatic_events": automatic_events,
}
# Fields that belong to the business account, known by the entry's id.
ACCOUNT_FIELDS: dict[str, Updates] = {
    "message_template_status_update": templates,
    "message_template_quality_update": templates,
    "message_template_components_update": templates,
    "template_category_update": templates,
    "template_correct_category_detection": templates,
    "account_update": account,
    "account_review_update": account,
    "account_alerts": account,
    "account_settings_update": account,
    "phone_number_quality_update": account,
    "phone_number_name_update": account,
    "phone_number_username_update": account,
    "business_username_update": account,
    "business_username_updates": account,
    "business_capability_update": account,
    "security": account,
    "flows": account,
    "payment_configuration_update": account,
    "partner_solutions": account,
}


def parse(body: bytes) -> tuple[Item | Malformed, ...]:
    """All items of a webhook, in order. Raises ``BadPayload`` when it is no WhatsApp webhook, and nothing else."""
    only = exactly(body)
    return parse_any(body) if only is None else (only,)


def parse_any(body: bytes) -> tuple[Item | Malformed, ...]:
    """As ``parse``, part by part: for what ``exactly`` leaves, and with the same result for what it does not."""
    items: list[Item | Malformed] = []
    try:
        for entry in _entries(body):
            if isinstance(entry, dict):
                _read_entry(entry, items)
            else:
                items.append(_malformed(items, digest("entry", entry), "the entry is not an object"))
    except RecursionError as error:
        raise BadPayload("the body is nested too deeply") from error
    return tuple(items)


def _entries(body: bytes) -> list[Any]:
    try:
        payload = _decode(body)
    except ValueError as error:  # msgspec's errors, and those of text that is not UTF-8
        raise BadPayload("the body is not JSON") from error
    if not isinstance(payload, dict) or payload.get("object") != OBJECT:
        raise BadPayload(f'the body is not an object of "object": "{OBJECT}"')
    entries = payload.get("entry")
    if not isinstance(entries, list):
        raise BadPayload("entry is not a list")
    return entries


def _read_entry(entry: dict[str, Any], items: list[Item | Malformed]) -> None:
    changes = entry.get("changes")
    if not isinstance(changes, list):
        items.append(_malformed(items, digest("entry", entry), "the entry has no list of changes"))
        return
    for given in changes:
        field, value = (given.get("field"), given.get("value")) if isinstance(given, dict) else (None, None)
        if isinstance(field, str) and field and isinstance(value, dict):
            _read_change(entry, field, value, items)
        else:
            key = digest("change", entry.get("id"), given)
            items.append(_malformed(items, key, "the change has no field, or its value is not an object"))


def _read_change(entry: dict[str, Any], field: str, value: dict[str, Any], items: list[Item | Malformed]) -> None:
    before = len(items)
    occurred_at = moment_of(entry.get("time"))
    updates: Iterable[Update]
    if field in NUMBER_FIELDS:
        change = Change(field, value, _number(entry, value), occurred_at)
        updates = NUMBER_FIELDS[field](change)
        unnamed = change.account.external_id is None
    elif field == "standby":
        change, updates = standby(Change(field, value, _number(entry, value), occurred_at))
        unnamed = change.account.external_id is None
    else:
        change = Change(field, value, _business(entry, value), occurred_at)
        updates = ACCOUNT_FIELDS.get(field, _unknown)(change)
        unnamed = False
    for update in updates:
        items.append(_read(change, update, len(items), unnamed=unnamed))
    if len(items) == before:
        empty = Update(digest(field, entry.get("time"), value), value, _empty)
        items.append(_read(change, empty, before, unnamed=False))


def _number(entry: dict[str, Any], value: dict[str, Any]) -> AccountRef:
    """The phone number that the change is for: ``metadata``, in hand-overs ``recipient``."""
    metadata = part(value, "metadata") or part(value, "recipient")
    return AccountRef(
        external_id=text(metadata, "phone_number_id"),
        parent_external_id=text(entry, "id"),
        display=text(metadata, "display_phone_number"),
    )


def _business(entry: dict[str, Any], value: dict[str, Any]) -> AccountRef:
    """The business account; and the number, where the value names one."""
    return AccountRef(
        external_id=text(part(value, "phone_number_settings"), "phone_number_id"),
        parent_external_id=text(entry, "id"),
        display=text(value, "display_phone_number") or text(value, "phone_number"),
    )


def _read(change: Change, update: Update, index: int, *, unnamed: bool) -> Item | Malformed:
    key, raw = update.key, update.raw
    if not isinstance(raw, dict):
        return Malformed(index=index, key=key, error="it is not an object")
    if unnamed:
        return Malformed(index=index, key=key, error="the change does not say which phone number it is for")
    try:
        return Item(index=index, key=key, account=change.account, event=update.read(change, raw, key))
    except ValidationError as error:
        return Malformed(index=index, key=key, error=_faults(error))
    except Odd as error:
        return Malformed(index=index, key=key, error=str(error))
    except RecursionError:
        raise
    except Exception as error:  # a fault of ours: its neighbours go on, and a replay after the repair reads this one
        return Malformed(index=index, key=key, error=f"unexpected {type(error).__name__}")


def _faults(error: ValidationError) -> str:
    """Where it is wrong and why, without what was sent."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(step) for step in fault['loc']) or 'it'}: {fault['msg']}" for fault in faults[:3]]
    return "; ".join(told)


def _malformed(items: list[Item | Malformed], key: str, error: str) -> Malformed:
    return Malformed(index=len(items), key=key, error=error)


def _unknown(change: Change) -> Iterator[Update]:
    yield Update(digest(change.field, change.value), change.value, _unrecognised)


def _unrecognised(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    return Unrecognised(
        occurred_at=change.occurred_at or UNDATED, what=change.field, reason="Changes of this field are not known here."
    )


def _empty(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    return Unrecognised(
        occurred_at=change.occurred_at or UNDATED, what=change.field, reason="Nothing that is known is in it."
    )
