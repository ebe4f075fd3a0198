"""Sends to WhatsApp, played with values."""

from __future__ import annotations

from typing import Any

from patchbay.channel import ApiResponse, Recipient, SendReceipt
from patchbay.model.content import AnyContent
from patchbay.testing.outbound import account, identity, outgoing, recipient
from patchbay.testing.play import Played, answer, play
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

CHANNEL = WhatsAppChannel(WhatsAppSettings())
ACCOUNT = account("whatsapp", "401000000000001", "301000000000001")
PHONE = identity("phone", "+15550001111", channel="whatsapp")
TO_PHONE = recipient(PHONE)
SENT = answer(
    messaging_product="whatsapp",
    contacts=[{"input": "+15550001111", "wa_id": "15550001111", "user_id": "US.20260001112223334445"}],
    messages=[{"id": "wamid.SENT", "message_status": "accepted"}],
)


def send(
    content: AnyContent, to: Recipient = TO_PHONE, *, response: ApiResponse = SENT, **more: Any
) -> Played[SendReceipt]:
    return play(CHANNEL.send(ACCOUNT, outgoing(content, to, **more)), response)
