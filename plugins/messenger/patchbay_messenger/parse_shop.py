"""Carts, and what people think of answers. No IO.

Source: Messenger Platform, Webhooks, "send_cart", "response_feedback" and "messaging_feedback".
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from patchbay.channel.inbound import InboundEvent, MessageReceived, ThreadNotice
from patchbay.model.content import Order, OrderItem
from patchbay_meta.messaging.envelope import Event
from patchbay_meta.reading import Odd, each, kept, part, text

MOST = 10**9  # of one product
DIGITS = 20  # before or after the point: a number with more is no price


def order(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """A cart that was sent from the shop; it has no mid."""
    items = tuple(_item(product) for product in each(raw, "products"))
    if not items:
        raise Odd("there is no product in the cart")
    return MessageReceived(
        occurred_at=event.moment(),
        external_id=key,
        sender=event.known_person(),
        content=Order(text=text(raw, "note") or "", items=items),
        context={"order": kept(raw)},
    )


def _item(product: Any) -> OrderItem:
    """A product by the seller's own id, or else Meta's."""
    id = (text(product, "retailer_id") or text(product, "id")) if isinstance(product, dict) else None
    if id is None:
        raise Odd("a product in the cart has no id")
    return OrderItem(
        product_id=id,
        quantity=_quantity(product.get("quantity")),
        price=_price(product.get("unit_price")),
        currency=text(product, "currency"),
    )


def _quantity(given: Any) -> int:
    """One where nothing is said."""
    number = Decimal(1) if given is None else _number(given)
    if number is None or number != int(number) or not 0 <= number <= MOST:
        raise Odd("the quantity of a product is not a whole number")
    return int(number)


def _price(given: Any) -> str | None:
    """A decimal as text; None for what is no number."""
    number = _number(given)
    return None if number is None else f"{number:f}"


def _number(given: Any) -> Decimal | None:
    if not isinstance(given, (int, float, str)) or isinstance(given, bool):
        return None
    try:
        number = Decimal(str(given))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < DIGITS else None


def response_feedback(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """A thumb up or down for one message of the business."""
    feedback = text(raw, "feedback")
    if feedback is None:
        raise Odd("it does not say what the person thinks")
    return ThreadNotice(
        occurred_at=event.moment(),
        external_id=key,
        notice="response_feedback",
        person=event.known_person(),
        text=f"The person rated an answer: {feedback}.",
        data=kept(raw),
    )


def customer_feedback(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """The answers to a feedback form, each with its type: csat, nps, ces or free_form."""
    answers = [answer for screen in each(raw, "feedback_screens") for answer in _answers(screen)]
    return ThreadNotice(
        occurred_at=event.moment(),
        external_id=key,
        notice="customer_feedback",
        person=event.known_person(),
        text="The person answered a feedback form" + (f": {'; '.join(answers)}." if answers else "."),
        data=kept(raw),
    )


def _answers(screen: Any) -> list[str]:
    questions = part(screen, "questions").values() if isinstance(screen, dict) else ()
    asked = [one for one in questions if isinstance(one, dict)]
    given = [answer for one in asked for answer in (one, part(one, "follow_up"))]
    return [f"{text(one, 'type') or 'answer'} {said}" for one in given if (said := text(one, "payload"))]
