"""Template attachments as interactive content: cards, buttons, products. No IO.

Messenger names the template's type, Instagram puts the elements under it (``generic``, ``product``).
Source: Messenger Platform, Webhooks, "messages" and "message_echoes", attachments of type template.
"""

from __future__ import annotations

from typing import Any

from patchbay.model.content import AnyContent, Button, Card, Interactive, Unsupported
from patchbay_meta.messaging.links import web_url
from patchbay_meta.reading import each, part, text

CARDS = ("generic", "media", "carousel", "list", "open_graph", "image_grid")  # templates that are a list of elements


def template(raw: dict[str, Any]) -> AnyContent:
    """What the template shows; one that cannot be read is ``Unsupported`` by its type."""
    payload = part(raw, "payload")
    if "product" in payload or text(payload, "template_type") == "product":
        return _products(payload)
    kind = text(payload, "template_type") or ("generic" if "generic" in payload else None)
    said = text(payload, "text") or ""
    buttons = _buttons(payload)
    cards = tuple(card(one) for one in _elements(payload, kind))
    if kind == "button" and (said or buttons):
        return Interactive(kind="buttons", body=said, buttons=buttons)
    if cards and (kind is None or kind in CARDS):
        return Interactive(kind="generic", body=said, cards=cards, buttons=buttons)
    return Unsupported(
        provider_type=f"template.{kind}" if kind else "template",
        reason=said or text(raw, "title") or "Templates of this kind are not known here.",
    )


def _products(payload: dict[str, Any]) -> AnyContent:
    """Products of the catalogue, by the seller's own id where that is told; Meta's stay in ``parameters``."""
    elements = _elements(payload, "product")
    if not elements:
        return Unsupported(provider_type="template.product", reason="It does not say which product it is.")
    cards = tuple(card(one) for one in elements)
    ids = [id for one in elements if (id := text(one, "id"))]
    return Interactive(
        kind="product" if len(cards) == 1 else "product_list",
        body=(cards[0].title or "") if len(cards) == 1 else "",
        product_id=cards[0].product_id if len(cards) == 1 else None,
        cards=cards,
        parameters={"ids": ids} if ids else {},
    )


def _elements(payload: dict[str, Any], kind: str | None) -> list[dict[str, Any]]:
    inside = part(payload, kind) if kind else {}
    return [one for one in each(inside or payload, "elements") if isinstance(one, dict)]


def card(element: dict[str, Any]) -> Card:
    """One element: of a generic template, a product, or a piece of media."""
    return Card(
        title=text(element, "title"),
        subtitle=text(element, "subtitle"),
        image_url=web_url(text(element, "image_url")),
        url=web_url(text(part(element, "default_action"), "url") or text(element, "url")),
        product_id=text(element, "retailer_id") or text(element, "id"),
        buttons=_buttons(element),
    )


def _buttons(raw: dict[str, Any]) -> tuple[Button, ...]:
    return tuple(
        Button(
            id=text(one, "payload") or "",
            title=text(one, "title") or "",
            url=web_url(text(one, "url")),
        )
        for one in each(raw, "buttons")
        if isinstance(one, dict)
    )
