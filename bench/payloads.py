"""Webhooks as WhatsApp sends them, made and signed one by one: every one is a message that was never seen. No IO."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

APP_SECRET = "bench-app-secret-0123456789abcdef"
VERIFY_TOKEN = "bench-verify"
ACCESS_TOKEN = "bench-access-token"
PHONE_NUMBER_ID = "106540352242922"
BUSINESS_ID = "102290129340398"
SENT_AT = 1_749_416_383  # Unix seconds; of every message, for a provider's clock is not what is measured

TEXT = (
    "Hello, I ordered a blue jacket last week and it has not arrived yet. Could you check the status of the order and "
    "tell me when I can expect delivery? The order number is 8842-1193-7720, placed under my e-mail. I will be away "
    "from Thursday to Sunday, so please leave it with the neighbour at number twelve, who is at home most days after "
    "four in the afternoon. Thank you!"
)


def phone(customer: int) -> str:
    """Digits of a customer's phone number."""
    return f"1650{customer:07d}"


def user_id(customer: int) -> str:
    """The business-scoped id that comes beside the number since 2026."""
    return f"US.1349120865530{customer:09d}"


def external_id(number: int) -> str:
    """What the provider calls message ``number``."""
    return f"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0{number:012d}RgA="


def number_in(text: bytes) -> int | None:
    """The number of the message whose external id stands in these bytes."""
    at = text.find(b"RTAzODEwMTQ0")
    return int(text[at + 12 : at + 24]) if at >= 0 else None


def webhook(customer: int, number: int) -> dict[str, Any]:
    """A text message of about 950 bytes. Source: WhatsApp Cloud API, Webhooks, "messages" object."""
    return _webhook(phone(customer), user_id(customer), external_id(number), str(SENT_AT), customer)


def _webhook(sender: str, user: str, message: str, sent_at: str, customer: int | str) -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": BUSINESS_ID,
                "changes": [
                    {
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15550783881", "phone_number_id": PHONE_NUMBER_ID},
                            "contacts": [
                                {"profile": {"name": f"Customer {customer}"}, "wa_id": sender, "user_id": user}
                            ],
                            "messages": [
                                {
                                    "from": sender,
                                    "from_user_id": user,
                                    "id": message,
                                    "timestamp": sent_at,
                                    "type": "text",
                                    "text": {"body": TEXT},
                                }
                            ],
                        },
                        "field": "messages",
                    }
                ],
            }
        ],
    }


def signature(body: bytes) -> str:
    """What the header ``X-Hub-Signature-256`` says of a body."""
    return "sha256=" + hmac.digest(APP_SECRET.encode(), body, "sha256").hex()


def _mixed(number: int) -> int:
    """A number that looks like chance, and is the same every time: the finaliser of SplitMix64."""
    mixed = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return mixed ^ (mixed >> 31)


class Requests:
    """Whole HTTP requests of consecutive messages, one per call: ``first`` on, from ``customers`` people in no order.

    With ``in_turn`` everybody writes once before anybody writes again. Requests are spliced from a template and signed
    with a copied key, which costs the load generator about 4 us each.
    """

    def __init__(self, path: str, *, first: int, customers: int, step: int = 1, in_turn: bool = False) -> None:
        """Customers are ``0, step, 2 * step, ...``."""
        self.number = first
        self._customers = customers
        self._step = step
        self._in_turn = in_turn
        cut = ("%a%", "%b%", "%c%", "%d%")
        template = json.dumps(_webhook(cut[0], cut[1], cut[2], str(SENT_AT), cut[3]), separators=(",", ":"))
        self._format = (
            template.replace("%a%", "%(phone)s")
            .replace("%b%", "%(user)s")
            .replace("%c%", "%(id)s")
            .replace("%d%", "%(customer)s")
        )
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "User-Agent: facebookexternalua\r\nX-Hub-Signature-256: sha256="
        )
        self._key = hmac.new(APP_SECRET.encode(), digestmod=hashlib.sha256)

    def next(self) -> bytes:
        number = self.number
        self.number = number + 1
        customer = (number if self._in_turn else _mixed(number)) % self._customers * self._step
        body = (
            self._format
            % {
                "phone": phone(customer),
                "user": user_id(customer),
                "id": external_id(number),
                "customer": customer,
            }
        ).encode()
        key = self._key.copy()
        key.update(body)
        return f"{self._head}{key.hexdigest()}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
