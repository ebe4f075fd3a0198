"""WhatsApp's words for what happens in a day.

The Cloud API echoes what was typed on the phone only. What was lost is settled by a status with our reference; where no
status comes, it stays ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from patchbay.channel import ApiRequest, ApiResponse, Channel
from patchbay.testing.outbound import account
from patchbay.testing.play import answer
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.plugins.days.words import Reported, moment

NUMBER, WABA, DISPLAY = "401", "301", "15550009999"
COUNTRY = "1555000"


class WhatsAppWords:
    """A number's webhooks, and the Cloud API's answers."""

    channel: Channel = WhatsAppChannel(WhatsAppSettings())
    account = account("whatsapp", NUMBER, WABA)
    edits = True
    unsends = True
    echoes = False
    reactions_end = True

    def mid(self, name: str) -> str:
        return f"wamid.{name}"

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes:
        """A message is one thing here, whatever ``parts`` says."""
        context = {"context": {"from": DISPLAY, "id": quoted}} if quoted else {}
        return _written(person, mid, at, type="text", text={"body": text}, **context)

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes:
        echo = {"from": DISPLAY, "to": COUNTRY + person, "id": mid, "timestamp": _seconds(at), "type": "text"}
        return _webhook("smb_message_echoes", message_echoes=[{**echo, "text": {"body": text}}])

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes:
        edit = {"original_message_id": mid, "message": {"type": "text", "text": {"body": text}}}
        return _written(person, f"{mid}.edit.{number}", at, type="edit", edit=edit)

    def unsent(self, person: str, mid: str, at: int) -> bytes:
        return _written(person, f"{mid}.gone", at, type="revoke", revoke={"original_message_id": mid})

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes:
        given = {"message_id": mid, **({} if emoji is None else {"emoji": emoji})}
        own = sha256(f"{person} {mid} {emoji} {at}".encode()).hexdigest()[:16]
        return _written(person, f"wamid.reaction.{own}", at, type="reaction", reaction=given)

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """A status of each, with our reference where we gave one."""
        statuses = []
        for mid in mids:
            about = {"id": mid, "status": state, "timestamp": _seconds(at), "recipient_id": COUNTRY + person}
            statuses.append({**about, **({"biz_opaque_callback_data": given[mid]} if mid in given else {})})
        return _webhook("messages", statuses=statuses)

    def reference_in(self, request: ApiRequest) -> str | None:
        return str((request.json or {})["biz_opaque_callback_data"])

    def taken(self, person: str, mid: str) -> ApiResponse:
        contact = {"input": COUNTRY + person, "wa_id": COUNTRY + person}
        return answer(messaging_product="whatsapp", contacts=[contact], messages=[{"id": mid}])

    def refused(self) -> ApiResponse:
        return answer(400, error={"code": 131026, "message": "Message undeliverable"})

    def busy(self) -> ApiResponse:
        return answer(429, error={"code": 130429, "message": "Rate limit hit"})


def _seconds(at: int) -> str:
    return str(int(moment(at).timestamp()))


def _written(person: str, id: str, at: int, **members: Any) -> bytes:
    phone = COUNTRY + person
    contacts = [{"profile": {"name": f"Person {person}"}, "wa_id": phone}]
    return _webhook(
        "messages", contacts=contacts, messages=[{"from": phone, "id": id, "timestamp": _seconds(at), **members}]
    )


def _webhook(field: str, **value: Any) -> bytes:
    metadata = {"display_phone_number": DISPLAY, "phone_number_id": NUMBER}
    change = {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]})
