"""WhatsApp's webhooks in the forms that its payloads do not show: one message, or one change of any field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from patchbay.channel import (
    IdentityKey,
    Item,
    Malformed,
    Person,
)
from patchbay_whatsapp.parse import parse

PHONE = IdentityKey(kind="phone", value="+15550001111")
USER = IdentityKey(kind="wa_bsuid", value="US.1234", scope="portfolio")
PARENT = IdentityKey(kind="wa_parent_bsuid", value="US.ENT.99", scope="portfolio")
NOON = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
NOON_S = 1789992000
MARA = Person(keys=(PHONE,))
METADATA = {"phone_number_id": "401", "display_phone_number": "15550009999"}


def webhook(*messages: dict[str, Any], entry: dict[str, Any] | None = None, **value: Any) -> bytes:
    change = {"field": "messages", "value": {"metadata": METADATA, "messages": list(messages), **value}}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "301", "changes": [change], **(entry or {})}]}
    return json.dumps(body).encode()


def message(kind: str = "text", **fields: Any) -> dict[str, Any]:
    fields.setdefault(kind, {"body": "hi"} if kind == "text" else None)
    return {"from": "15550001111", "id": "wamid.A", "timestamp": str(NOON_S), "type": kind, **fields}


def event(*messages: dict[str, Any], **value: Any) -> Any:
    (item,) = parse(webhook(*messages, **value))
    assert isinstance(item, Item), item
    return item.event


def error(*messages: dict[str, Any], **value: Any) -> str:
    (item,) = parse(webhook(*messages, **value))
    assert isinstance(item, Malformed), item
    return item.error


def parsed(field: str, value: dict[str, Any], **entry: Any) -> tuple[Item | Malformed, ...]:
    changes = [{"field": field, "value": value}]
    body = {"object": "whatsapp_business_account", "entry": [{"id": "301", "changes": changes, **entry}]}
    return parse(json.dumps(body).encode())


def one(field: str, value: dict[str, Any], **entry: Any) -> Item:
    (only,) = parsed(field, value, **entry)
    assert isinstance(only, Item), only
    return only


def of_number(field: str, **value: Any) -> Any:
    return one(field, {"metadata": METADATA, **value}).event
