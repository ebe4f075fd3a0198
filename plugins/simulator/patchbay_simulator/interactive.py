"""Interactive messages: their shapes and limits, and what a person can tap in them. No IO.

Source: WhatsApp Cloud API, Interactive messages (buttons, lists, links, flows, carousels). Limits are in characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchbay_simulator.errors import GraphError

BODY_LIMIT = 1024
LIST_BODY_LIMIT = 4096
HEADER_LIMIT = 60
FOOTER_LIMIT = 60
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
SECTIONS = 10
ROWS = 10
SECTION_TITLE = 24
ROW_TITLE = 24
ROW_DESCRIPTION = 72
ROW_ID = 200
PRODUCTS = 30
CARDS = (2, 10)
BODYLESS = frozenset({"product"})  # every other kind must say something
NAMED_ACTIONS = {
    "cta_url": "cta_url",
    "flow": "flow",
    "location_request_message": "send_location",
    "request_contact_info": "request_contact_info",
    "address_message": "address_message",
    "catalog_message": "catalog_message",
    "voice_call": "voice_call",
    "call_permission_request": "call_permission_request",
}
KINDS = frozenset({"button", "list", "product", "product_list", "carousel", *NAMED_ACTIONS})


@dataclass(frozen=True)
class Choice:
    """Something to tap: a reply button, a row of a list, a quick reply of a template."""

    kind: str
    id: str
    title: str
    description: str | None = None


def _bad(details: str) -> GraphError:
    return GraphError(131009, details)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise GraphError(131008, f"The parameter interactive['{name}'] is required.")
    return value


def _list(value: Any, name: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise GraphError(131008, f"interactive['{name}'] is a list of at least one.")
    if len(value) > most:
        raise _bad(f"interactive['{name}'] holds at most {most}.")
    return value


def _text(owner: Mapping[str, Any], key: str, name: str, limit: int, *, required: bool = True) -> str:
    value = owner.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise GraphError(131008, f"The parameter interactive['{name}'] is required.")
    if len(value) > limit:
        raise _bad(f"interactive['{name}'] is longer than {limit} characters.")
    return value


def check_interactive(content: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Judge an interactive object and return its media, as (kind, media object). Raises ``GraphError``."""
    kind = content.get("type")
    if kind not in KINDS:
        raise _bad(f"interactive['type'] is one of {', '.join(sorted(KINDS))}.")
    if kind not in BODYLESS or "body" in content:
        limit = LIST_BODY_LIMIT if kind == "list" else BODY_LIMIT
        _text(_object(content.get("body"), "body"), "text", "body']['text", limit)
    if content.get("footer") is not None:
        _text(_object(content["footer"], "footer"), "text", "footer']['text", FOOTER_LIMIT)
    action = _object(content.get("action"), "action")
    if kind in NAMED_ACTIONS and action.get("name") != NAMED_ACTIONS[kind]:
        raise _bad(f"interactive['action']['name'] must be {NAMED_ACTIONS[kind]}.")
    media = list(_header(kind, content.get("header")))
    if kind == "button":
        _buttons(action)
    elif kind == "list":
        _sections(action)
    elif kind == "cta_url":
        parameters = _object(action.get("parameters"), "parameters")
        _text(parameters, "display_text", "parameters']['display_text", BUTTON_TITLE)
        _text(parameters, "url", "parameters']['url", 2000)
    elif kind == "flow":
        _flow(_object(action.get("parameters"), "parameters"))
    elif kind == "product":
        _text(action, "catalog_id", "catalog_id", 64)
        _text(action, "product_retailer_id", "product_retailer_id", 100)
    elif kind == "product_list":
        _products(action)
    elif kind == "carousel":
        media += _cards(content, action)
    return media


def _header(kind: str, header: Any) -> Iterator[tuple[str, Any]]:
    if header is None:
        if kind == "product_list":
            raise GraphError(131008, "A product list takes a text header.")
        return
    form = _object(header, "header").get("type")
    if kind in ("product", "carousel"):
        raise _bad(f"interactive of type {kind} takes no header.")
    if form == "text":
        _text(header, "text", "header']['text", HEADER_LIMIT)
    elif form in ("image", "video", "document") and kind not in ("list", "product_list"):
        yield form, header.get(form)
    else:
        raise _bad("interactive['header']['type'] is not one that this message takes.")


def _buttons(action: Mapping[str, Any]) -> None:
    titles, ids = set(), set()
    for button in _list(action.get("buttons"), "buttons", BUTTONS):
        if _object(button, "buttons").get("type") != "reply":
            raise _bad("Buttons are of type reply.")
        reply = _object(button.get("reply"), "reply")
        title = _text(reply, "title", "reply']['title", BUTTON_TITLE)
        id_ = _text(reply, "id", "reply']['id", BUTTON_ID)
        if id_ != id_.strip():
            raise _bad("A button id has no spaces around it.")
        if title in titles or id_ in ids:
            raise _bad("Button titles and ids are unique.")
        titles.add(title)
        ids.add(id_)


def _sections(action: Mapping[str, Any]) -> None:
    _text(action, "button", "button", BUTTON_TITLE)
    sections = _list(action.get("sections"), "sections", SECTIONS)
    ids: list[str] = []
    for section in sections:
        _text(_object(section, "sections"), "title", "section']['title", SECTION_TITLE, required=len(sections) > 1)
        for row in _list(section.get("rows"), "rows", ROWS):
            _text(_object(row, "rows"), "title", "row']['title", ROW_TITLE)
            _text(row, "description", "row']['description", ROW_DESCRIPTION, required=False)
            ids.append(_text(row, "id", "row']['id", ROW_ID))
    if len(ids) > ROWS:
        raise _bad(f"A list holds at most {ROWS} rows in all.")
    if len(set(ids)) < len(ids):
        raise _bad("Row ids are unique.")


def _flow(parameters: Mapping[str, Any]) -> None:
    _text(parameters, "flow_message_version", "flow_message_version", 10)
    _text(parameters, "flow_cta", "flow_cta", 30)
    if ("flow_id" in parameters) == ("flow_name" in parameters):
        raise GraphError(131008, "A flow takes exactly one of flow_id and flow_name.")


def _products(action: Mapping[str, Any]) -> None:
    _text(action, "catalog_id", "catalog_id", 64)
    products = 0
    for section in _list(action.get("sections"), "sections", SECTIONS):
        products += len(_list(_object(section, "sections").get("product_items"), "product_items", PRODUCTS))
    if products > PRODUCTS:
        raise _bad(f"A product list holds at most {PRODUCTS} products.")


def _cards(content: Mapping[str, Any], action: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if content.get("footer") is not None:
        raise _bad("A carousel takes no footer.")
    cards = _list(action.get("cards"), "cards", CARDS[1])
    if len(cards) < CARDS[0]:
        raise _bad(f"A carousel holds {CARDS[0]} to {CARDS[1]} cards.")
    for card in cards:
        header = _object(card, "cards").get("header")
        if isinstance(header, Mapping) and header.get("type") in ("image", "video"):
            yield str(header["type"]), header.get(str(header["type"]))


def choices(kind: str, content: Mapping[str, Any], template: Mapping[str, Any] | None = None) -> list[Choice]:
    """What a person can tap in a message. ``template`` is the stored template where the message is one."""
    if kind == "interactive" and content.get("type") == "button":
        return [Choice("button_reply", b["reply"]["id"], b["reply"]["title"]) for b in content["action"]["buttons"]]
    if kind == "interactive" and content.get("type") == "list":
        return [
            Choice("list_reply", row["id"], row["title"], row.get("description"))
            for section in content["action"]["sections"]
            for row in section["rows"]
        ]
    if kind == "template" and template is not None:
        return list(_quick_replies(content, template))
    return []


def _quick_replies(content: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[Choice]:
    payloads = {
        str(component.get("index")): component["parameters"][0].get("payload")
        for component in content.get("components", [])
        if component.get("type") == "button" and component.get("parameters")
    }
    for component in template.get("components", []):
        if component.get("type") == "BUTTONS":
            for index, button in enumerate(component.get("buttons", [])):
                if button.get("type") == "QUICK_REPLY":
                    yield Choice("button", str(payloads.get(str(index)) or button["text"]), button["text"])
