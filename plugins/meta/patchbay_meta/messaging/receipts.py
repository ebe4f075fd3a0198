"""How far messages came: delivered and read, by a watermark or by message. No IO.

Everything sent until the watermark came so far. Watermarks repeat and come late; the core keeps the latest.
Source: Messenger Platform, Webhooks, "message_deliveries" and "message_reads"; Instagram, "messaging_seen".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from patchbay.channel.inbound import ReceiptReceived, WatermarkReceived
from patchbay.model.message import DeliveryState
from patchbay_meta.messaging.event import Event, Update
from patchbay_meta.reading import Odd, each, moment_of, text


def deliveries(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """The messages that are named, each for itself, then the watermark. It is the time where no other is given."""
    event = _dated(event, raw)
    mids = [mid for given in each(raw, "mids") if (mid := text({"mid": given}, "mid"))]
    for mid in dict.fromkeys(mids):
        yield _receipt(event, "delivered", mid, watermark=False)
    if raw.get("watermark") is not None or not mids:
        yield _watermark(event, "delivered", raw)


def reads(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """Everything up to a moment (Messenger), or up to a message (Instagram)."""
    event = _dated(event, raw)
    mid = text(raw, "mid")
    yield _watermark(event, "read", raw) if mid is None else _receipt(event, "read", mid, watermark=True)


def _dated(event: Event, raw: dict[str, Any]) -> Event:
    return event if event.occurred_at else replace(event, occurred_at=moment_of(raw.get("watermark")))


def _receipt(event: Event, state: DeliveryState, mid: str, *, watermark: bool) -> Update:
    return Update(
        event.key(state, mid),
        lambda: ReceiptReceived(
            occurred_at=event.moment(), external_id=mid, state=state, recipient=event.person, watermark=watermark
        ),
    )


def _watermark(event: Event, state: DeliveryState, raw: dict[str, Any]) -> Update:
    named = event.person.keys[0].value if event.person else None
    return Update(
        event.key(f"{state}_until", named, text(raw, "watermark")),
        lambda: WatermarkReceived(
            occurred_at=event.moment(), person=event.known_person(), state=state, up_to=_until(raw)
        ),
    )


def _until(raw: dict[str, Any]) -> datetime:
    moment = moment_of(raw.get("watermark"))
    if moment is None:
        raise Odd("there is no usable watermark")
    return moment
