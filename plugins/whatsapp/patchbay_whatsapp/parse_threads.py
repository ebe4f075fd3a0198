"""What happens on a thread and nobody wrote: calls, hand-overs, groups, preferences, new user ids. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.channel.inbound import (
    AccountNotice,
    IdentityRekeyed,
    InboundEvent,
    Person,
    PreferenceChanged,
    ThreadNotice,
)
from patchbay_meta.reading import Odd, digest, each, kept, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.parse_messages import value_errors
from patchbay_whatsapp.parse_statuses import statuses
from patchbay_whatsapp.people import NOBODY, group_key, keys_of, person_of, phone_digits
from patchbay_whatsapp.wire import WireCall, WireGroupEvent, WirePreference, WireUserIdUpdate

USER_INITIATED = "USER_INITIATED"
PURPOSES = {"marketing_messages": "marketing"}
GRANTS = {"stop": False, "resume": True, "signup": True}
# One page of Meta's spells these the other way round.
_GROUP_TYPES = {
    "group_add_participants": "group_participants_add",
    "group_remove_participants": "group_participants_remove",
}
_GROUP_TEXTS = {
    "group_create": "The group was created.",
    "group_delete": "The group was deleted.",
    "group_participants_add": "People joined the group.",
    "group_participants_remove": "People left the group.",
    "group_join_request_created": "Somebody asked to join the group.",
    "group_join_request_revoked": "Somebody no longer asks to join the group.",
    "group_settings_update": "The group's settings changed.",
    "group_suspend": "The group was suspended.",
    "group_suspend_cleared": "The group is no longer suspended.",
}


def calls(change: Change) -> Iterator[Update]:
    """``value.calls``, and ``value.statuses`` of calls that we make. Errors beside calls belong to them."""
    for raw in each(change.value, "calls"):
        id, event = (text(raw, "id"), text(raw, "event")) if isinstance(raw, dict) else (None, None)
        yield Update(f"call:{id}:{event}" if id and event else digest("call", raw), raw, _call)
    yield from statuses(change)
    if not change.value.get("calls"):
        yield from value_errors(change)


def _call(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    """A call from the person opens the reply window. The session description is large and of no use here: left out."""
    wire = WireCall.of(raw)
    data = {name: value for name, value in raw.items() if name not in ("timestamp", "session")}
    if sdp_type := text(part(raw, "session"), "sdp_type"):
        data["sdp_type"] = sdp_type
    if errors := change.errors():
        data["errors"] = errors
    from_user = wire.direction == USER_INITIATED
    return ThreadNotice(
        occurred_at=change.moment(raw),
        external_id=key,
        notice="call",
        person=_other_side(change, wire),
        text=_call_text(wire, from_user),
        data=kept(data),
        opens_window=from_user and wire.event == "connect",
    )


def _other_side(change: Change, wire: WireCall) -> Person | None:
    caller = (wire.sender, wire.from_user_id, wire.from_parent_user_id)
    callee = (wire.to, wire.to_user_id, wire.to_parent_user_id)
    if wire.direction is None:
        ours = phone_digits(change.account.display or "")
        from_us = bool(wire.sender) and ours is not None and phone_digits(wire.sender or "") == ours
    else:
        from_us = wire.direction != USER_INITIATED
    return person_of(change, *(callee if from_us else caller))


def _call_text(wire: WireCall, from_user: bool) -> str:
    match wire.event:
        case "connect":
            return "The person called." if from_user else "The person took the call."
        case "terminate":
            failed = (wire.status or "").upper() == "FAILED"
            return "The call was not answered." if failed else "The call ended."
        case event:
            return f"A call was reported: {event.removeprefix('call_').replace('_', ' ')}."


def handover(change: Change) -> Iterator[Update]:
    """The value itself: a thread was passed to us, or taken from us."""
    yield Update(digest("handover", change.value), change.value, _handover)


def _handover(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    kind = text(raw, "type")
    if kind is None:
        raise Odd("it does not say what happened to the thread")
    sender = part(raw, "sender")
    person = person_of(
        change,
        text(sender, "phone_number") or text(sender, "wa_id"),
        text(sender, "user_id"),
        text(sender, "parent_user_id"),
    )
    data = kept(dict(part(raw, kind)))
    owner = text(data, "new_owner_role")
    said = f"The conversation now belongs to {owner}." if owner else "The conversation changed hands."
    occurred_at = change.moment(raw)
    if person is None:
        return AccountNotice(occurred_at=occurred_at, notice=kind, text=said, data=data)
    return ThreadNotice(occurred_at=occurred_at, external_id=key, notice=kind, person=person, text=said, data=data)


def groups(change: Change) -> Iterator[Update]:
    """``value.groups``: made, changed, joined, left, suspended."""
    for raw in each(change.value, "groups"):
        yield Update(digest("group", raw), raw, _group)


def _group(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WireGroupEvent.of(raw)
    kind = _GROUP_TYPES.get(wire.type, wire.type)
    occurred_at = change.moment(raw)
    data = kept({name: value for name, value in raw.items() if name not in ("timestamp", "type", "group_id")})
    said = _GROUP_TEXTS.get(kind, f"Something happened to the group: {kind}.")
    if kind == "group_create" and not wire.group_id:
        said = "A group could not be created."
    if not wire.group_id:
        return AccountNotice(occurred_at=occurred_at, notice=kind, text=said, data=data)
    return ThreadNotice(
        occurred_at=occurred_at, external_id=key, notice=kind, group=group_key(wire.group_id), text=said, data=data
    )


def preferences(change: Change) -> Iterator[Update]:
    """``value.user_preferences``: people who stop or allow marketing."""
    for raw in each(change.value, "user_preferences"):
        yield Update(digest("preference", raw), raw, _preference)


def _preference(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WirePreference.of(raw)
    granted = GRANTS.get(wire.value.lower())
    if granted is None:
        raise Odd("the preference is neither stop nor resume nor signup")
    person = person_of(change, wire.wa_id, wire.user_id, wire.parent_user_id)
    if person is None:
        raise Odd(NOBODY)
    return PreferenceChanged(
        occurred_at=change.moment(raw),
        person=person,
        purpose=PURPOSES.get(wire.category, wire.category),
        granted=granted,
        detail=wire.detail or "",
    )


def user_id_updates(change: Change) -> Iterator[Update]:
    """``value.user_id_update``: withdrawn in August 2026, read all the same."""
    for raw in each(change.value, "user_id_update"):
        yield Update(digest("user_id_update", raw), raw, _user_id_update)


def _user_id_update(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    wire = WireUserIdUpdate.of(raw)
    parent = wire.parent_user_id
    current = keys_of(wire.wa_id, wire.user_id.current, parent.current if parent else None)
    before = keys_of(None, wire.user_id.previous, parent.previous if parent else None)
    previous = tuple(key for key in before if key not in current)
    if not previous or not current:
        raise Odd("it does not say which user id became which")
    return IdentityRekeyed(
        occurred_at=change.moment(raw),
        external_id=key,
        previous=previous,
        current=current,
        text=wire.detail or "",
    )
