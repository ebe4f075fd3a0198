"""Webhook payloads in their 2026 shape. No IO.

Sources: WhatsApp Cloud API, Webhooks reference (messages, statuses, smb_message_echoes, history, calls, templates);
Business-scoped user ids; Groups API. Times in messages and statuses are strings of Unix seconds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchbay_simulator.errors import status_error
from patchbay_simulator.world import Group, Number, Person, Sent, Stored


@dataclass(frozen=True)
class Update:
    """One change of a webhook. Updates of one ``lane`` leave in order; ``number`` is None for account-level fields."""

    waba_id: str
    number: Number | None
    field: str
    value: dict[str, Any]
    lane: str


def update(number: Number, field: str, value: dict[str, Any], lane: str) -> Update:
    """A change that concerns a number, with its metadata."""
    metadata = {"display_phone_number": number.spec.display_phone_number, "phone_number_id": number.id}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    return Update(number.spec.waba_id, number, field, whole, lane)


def account_update(waba_id: str, field: str, value: dict[str, Any]) -> Update:
    """A change that concerns a business account."""
    return Update(waba_id, None, field, value, waba_id)


def envelope(updates: Sequence[Update], now: float) -> dict[str, Any]:
    """A POST body: one entry per business account; ``messages`` of one number share a change."""
    entries: dict[str, dict[str, Any]] = {}
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for item in updates:
        entry = entries.setdefault(item.waba_id, {"id": item.waba_id, "changes": []})
        if item.number is None:
            entry["time"] = int(now)
        key = (item.number.id if item.number else "", item.field)
        known = merged.get(key)
        if known is not None and item.number is not None and item.field == "messages":
            for part in ("contacts", "messages", "statuses"):
                if part in item.value:
                    known[part] = [*known.get(part, []), *item.value[part]]
        else:
            value = dict(item.value)
            merged[key] = value
            entry["changes"].append({"value": value, "field": item.field})
    return {"object": "whatsapp_business_account", "entry": list(entries.values())}


def shared_phone(person: Person) -> dict[str, str]:
    """``{"": phone}`` under the name that a payload uses, by how the person's phone may appear there."""
    if person.spec.shares_phone:
        return {"phone": person.phone}
    return {"absent": {}, "empty": {"phone": ""}, "repeated": {"phone": person.bsuid}}[person.spec.withheld]


def contact(person: Person, *, username: bool = True) -> dict[str, Any]:
    """An entry of ``contacts``."""
    found: dict[str, Any] = {}
    if person.name:
        found["profile"] = {"name": person.name}
    if username and person.spec.username:
        found.setdefault("profile", {})["username"] = "@" + person.spec.username.lstrip("@")
    if phone := shared_phone(person):
        found["wa_id"] = phone["phone"]
    if person.bsuid:
        found["user_id"] = person.bsuid
    if person.spec.parent_bsuid:
        found["parent_user_id"] = person.spec.parent_bsuid
    return found


def author(person: Person) -> dict[str, str]:
    """Who a message is from: phone, BSUID, parent BSUID, as far as they may be known."""
    found = {"from": phone["phone"]} if (phone := shared_phone(person)) else {}
    if person.bsuid:
        found["from_user_id"] = person.bsuid
    if person.spec.parent_bsuid:
        found["from_parent_user_id"] = person.spec.parent_bsuid
    return found


def message(
    person: Person,
    wamid: str,
    at: float,
    kind: str,
    content: Any,
    *,
    context: Mapping[str, Any] | None = None,
    group: Group | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``{"contacts": [..], "messages": [..]}`` for one message of a person. ``content`` None has no object."""
    body: dict[str, Any] = {**author(person), "id": wamid, "timestamp": str(int(at)), "type": kind}
    if group is not None:
        body["group_id"] = group.id
    if context:
        body["context"] = dict(context)
    if content is not None:
        body[kind] = content
    return {"contacts": [contact(person)], "messages": [{**body, **(more or {})}]}


def media_object(stored: Stored, url: str | None, caption: str | None) -> dict[str, Any]:
    """The media of an inbound message; the digest is base64 here and hex in look-ups."""
    found: dict[str, Any] = {
        "mime_type": stored.mime_type,
        "sha256": base64.b64encode(stored.digest).decode(),
        "id": stored.id,
    }
    if url is not None:
        found["url"] = url
    if caption is not None:
        found["caption"] = caption
    return found


def status(
    sent: Sent,
    name: str,
    at: float,
    *,
    person: Person | None,
    pricing: Mapping[str, Any] | None = None,
    error: int | None = None,
    details: str = "",
    group: Group | None = None,
) -> dict[str, Any]:
    """``{"contacts"?: [..], "statuses": [..]}`` for one step of a message; ``person`` None is nobody we know."""
    body: dict[str, Any] = {"id": sent.wamid, "status": name, "timestamp": str(int(at))}
    if group is not None:
        body |= {"recipient_id": group.id, "recipient_type": "group"}
        if person is not None:
            if phone := shared_phone(person):
                body["recipient_participant_id"] = phone["phone"]
            if person.bsuid:
                body["recipient_participant_user_id"] = person.bsuid
    elif person is not None:
        if phone := shared_phone(person):
            body["recipient_id"] = phone["phone"]
        if person.bsuid:
            body["recipient_user_id"] = person.bsuid
        if person.spec.parent_bsuid:
            body["recipient_parent_user_id"] = person.spec.parent_bsuid
    else:
        body["recipient_user_id" if sent.send.recipient == "bsuid" else "recipient_id"] = sent.send.to
    if sent.send.reference is not None:
        body["biz_opaque_callback_data"] = sent.send.reference
    if pricing is not None:
        body["pricing"] = dict(pricing)
    if error is not None:
        body["errors"] = [status_error(error, details)]
    value: dict[str, Any] = {"statuses": [body]}
    if error is None and person is not None and group is None:
        value["contacts"] = [contact(person, username=name in ("delivered", "read"))]
    return value


def template_status(template: Mapping[str, Any], event: str, reason: str = "NONE") -> dict[str, Any]:
    """The value of ``message_template_status_update``."""
    return {
        "event": event,
        "message_template_id": int(template["id"]),
        "message_template_name": template["name"],
        "message_template_language": template["language"],
        "reason": reason,
        "message_template_category": template["category"],
    }
