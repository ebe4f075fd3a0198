"""Interactive messages in WhatsApp's form. No IO.

Source: WhatsApp Cloud API, Messages reference, Interactive messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.model.content import Card, Header, Interactive, MediaRef, Section
from patchbay_whatsapp.capabilities import FLOW_MESSAGE_VERSION
from patchbay_whatsapp.limits_interactive import KINDS, card_link


def interactive(content: Interactive, media_id: str | None) -> Mapping[str, Any]:
    """The value of ``interactive``. ``media_id`` is the header's file, when it has one."""
    kind = KINDS[content.kind]
    body: dict[str, Any] = {"type": kind.type}
    if content.header is not None:
        body["header"] = _header(content.header, media_id)
    if content.body:
        body["body"] = {"text": content.body}
    if content.footer:
        body["footer"] = {"text": content.footer}
    body["action"] = _action(content, kind.type)
    return body


def _header(header: Header, media_id: str | None) -> Mapping[str, Any]:
    if header.kind == "text":
        return {"type": "text", "text": header.text}
    sent = file(header.media, media_id)
    if header.kind == "document" and header.media is not None and header.media.filename:
        sent["filename"] = header.media.filename
    return {"type": header.kind, header.kind: sent}


def file(ref: MediaRef | None, media_id: str | None) -> dict[str, str]:
    """A file by the address that WhatsApp fetches it from, or by what it calls the one that was uploaded."""
    if ref is not None and ref.url is not None:
        return {"link": ref.url}
    if not media_id:
        raise ValueError("a file is sent by its id or its address")
    return {"id": media_id}


def _action(content: Interactive, type: str) -> Mapping[str, Any]:
    match content.kind:
        case "buttons":
            replies = [{"id": button.id, "title": button.title} for button in content.buttons]
            return {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
        case "list":
            return {"button": content.button, "sections": [_rows(section) for section in content.sections]}
        case "cta_url":
            return _named(type, {"display_text": content.button, "url": content.url})
        case "flow":
            chosen = {"flow_message_version": FLOW_MESSAGE_VERSION, "flow_action": "navigate", **content.parameters}
            return _named(type, {**chosen, "flow_cta": content.button})
        case "location_request":
            return {"name": "send_location"}
        case "address":
            return _named(type, content.parameters)
        case "product":
            return {"catalog_id": content.catalog_id, "product_retailer_id": content.product_id}
        case "product_list":
            sections = [_products(section) for section in content.sections]
            return {"catalog_id": content.catalog_id, "sections": sections}
        case "catalog":
            shown = content.product_id
            return _named(type, {"thumbnail_product_retailer_id": shown} if shown else {})
        case "carousel":
            return {"cards": [_card(card, place, content.catalog_id) for place, card in enumerate(content.cards)]}
        case "voice_call":
            label = {"display_text": content.button} if content.button else {}
            return _named(type, {**content.parameters, **label})
        case _:  # contact_request, call_permission_request: the name says it all
            return {"name": type}


def _named(name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": name, "parameters": dict(parameters)} if parameters else {"name": name}


def _rows(section: Section) -> Mapping[str, Any]:
    rows = [
        {"id": row.id, "title": row.title, **({"description": row.description} if row.description else {})}
        for row in section.rows
    ]
    return {**_title(section), "rows": rows}


def _products(section: Section) -> Mapping[str, Any]:
    items = [{"product_retailer_id": product} for product in section.product_ids]
    return {**_title(section), "product_items": items}


def _title(section: Section) -> Mapping[str, Any]:
    return {"title": section.title} if section.title else {}


def _card(card: Card, index: int, catalog_id: str | None) -> Mapping[str, Any]:
    if card.product_id:
        action = {"product_retailer_id": card.product_id, "catalog_id": catalog_id}
        return {"card_index": index, "type": "product", "action": action}
    link = card_link(card)
    shown: dict[str, Any] = {
        "card_index": index,
        "type": "cta_url",
        "header": {"type": "image", "image": {"link": card.image_url}},
    }
    if card.body:
        shown["body"] = {"text": card.body}
    return {**shown, "action": _named("cta_url", {"display_text": link.title, "url": link.url})}
