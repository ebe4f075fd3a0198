"""The limits of interactive messages, one kind after the other. No IO.

Source: WhatsApp Cloud API, Messages reference, Interactive messages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patchbay.model.content import Button, Card, Header, Interactive
from patchbay_whatsapp import capabilities as the
from patchbay_whatsapp.measure import check_link, check_text, refuse

ANY_HEADER = frozenset({"text", "image", "video", "document"})
TEXT_HEADER = frozenset({"text"})
NO_HEADER: frozenset[str] = frozenset()
_PARTS = ("button", "buttons", "sections", "cards", "url", "catalog_id", "product_id", "parameters")


def check_interactive(content: Interactive) -> None:
    """Raise ``Unsupported`` for the first part that WhatsApp would refuse, or would leave out."""
    kind = KINDS.get(content.kind)
    if kind is None:
        hint = "Use buttons (up to 3) or a list (up to 10 rows)."
        refuse("/kind", f"WhatsApp has no interactive message of the kind {content.kind!r}.", hint)
    for part in _PARTS:
        if getattr(content, part) and part not in kind.parts:
            refuse(f"/{part}", f"An interactive message of the kind {content.kind!r} has no {part}.", "Leave it out.")
    if content.body or kind.needs_body:
        check_text(content.body, "/body", kind.body_limit)
    _header(content.header, kind)
    if content.footer:
        if not kind.footer:
            refuse("/footer", f"An interactive message of the kind {content.kind!r} has no footer.", "Leave it out.")
        check_text(content.footer, "/footer", the.FOOTER_LIMIT)
    kind.check(content)


def _header(header: Header | None, kind: Kind) -> None:
    if header is None:
        if kind.needs_header:
            refuse("/header", "This kind needs a header of text.", "Give one.")
        return
    if header.kind not in kind.headers:
        allowed = f"only a header of {', '.join(sorted(kind.headers))}" if kind.headers else "no header"
        refuse("/header", f"This kind takes {allowed}.", "Put it into the body.")
    if header.kind == "text":
        if header.media is not None:
            refuse("/header/media", "A header is a text or a file, not both.", "Leave one out.")
        check_text(header.text, "/header/text", the.HEADER_TEXT_LIMIT)
    elif header.text is not None:
        refuse("/header/text", "A header is a text or a file, not both.", "Leave one out.")
    elif header.media is None:
        refuse("/header/media", f"The {header.kind} of the header is missing.", "Upload it and refer to it.")


def _buttons(content: Interactive) -> None:
    if not 1 <= len(content.buttons) <= the.BUTTONS:
        hint = "Use a list for up to ten choices."
        refuse("/buttons", f"There are {len(content.buttons)} buttons; WhatsApp takes 1 to {the.BUTTONS}.", hint)
    for place, button in enumerate(content.buttons):
        pointer = f"/buttons/{place}"
        if button.url is not None:
            refuse(f"{pointer}/url", "A reply button opens no link.", "Use an interactive of the kind cta_url.")
        if button.payload is not None:
            refuse(f"{pointer}/payload", "A reply button has an id, not a payload.", "Put it into the id.")
        check_text(button.title, f"{pointer}/title", the.BUTTON_TITLE_LIMIT)
        _id(button.id, f"{pointer}/id", the.BUTTON_ID_LIMIT)
    _unique([button.title for button in content.buttons], "/buttons/{}/title", "Two buttons have the same title.")
    _unique([button.id for button in content.buttons], "/buttons/{}/id", "Two buttons have the same id.")


def _list(content: Interactive) -> None:
    check_text(content.button, "/button", the.LABEL_LIMIT)
    _section_count(content)
    rows = [
        (f"/sections/{at}/rows/{place}", row)
        for at, section in enumerate(content.sections)
        for place, row in enumerate(section.rows)
    ]
    if len(rows) > the.ROWS:
        hint = "Split the choice in two steps."
        refuse("/sections", f"There are {len(rows)} rows; WhatsApp takes {the.ROWS} in all sections together.", hint)
    for at, section in enumerate(content.sections):
        if section.product_ids:
            refuse(f"/sections/{at}/product_ids", "A list has rows, not products.", "Use the kind product_list.")
        if not section.rows:
            refuse(f"/sections/{at}/rows", "The section has no rows.", "Give at least one.")
    seen: set[str] = set()
    for pointer, row in rows:
        check_text(row.title, f"{pointer}/title", the.ROW_TITLE_LIMIT)
        if row.description:
            check_text(row.description, f"{pointer}/description", the.ROW_DESCRIPTION_LIMIT)
        _id(row.id, f"{pointer}/id", the.ROW_ID_LIMIT)
        if row.id in seen:
            refuse(f"{pointer}/id", "Two rows have the same id.", "Give each its own.")
        seen.add(row.id)


def _section_count(content: Interactive) -> None:
    count = len(content.sections)
    if not 1 <= count <= the.SECTIONS:
        refuse("/sections", f"There are {count} sections; WhatsApp takes 1 to {the.SECTIONS}.", "Regroup them.")
    for at, section in enumerate(content.sections):
        if section.title is not None or count > 1:
            check_text(section.title, f"/sections/{at}/title", the.SECTION_TITLE_LIMIT)


def _link(content: Interactive) -> None:
    check_text(content.button, "/button", the.LABEL_LIMIT)
    check_link(content.url, "/url")


def _flow(content: Interactive) -> None:
    check_text(content.button, "/button", the.FLOW_LABEL_LIMIT)
    if any(_is_emoji(character) for character in content.button or ""):
        refuse("/button", "The button of a Flow takes no emoji.", "Leave it out.")
    named = [name for name in ("flow_id", "flow_name") if content.parameters.get(name)]
    if len(named) != 1:
        refuse("/parameters", "A Flow is named by flow_id or by flow_name, one of them.", "Give one of them.")
    action = content.parameters.get("flow_action", "navigate")
    if action not in ("navigate", "data_exchange"):
        refuse("/parameters/flow_action", "A flow_action is navigate or data_exchange.", "Correct it.")
    if "flow_cta" in content.parameters:
        refuse("/parameters/flow_cta", "The label of a Flow is the content's button.", "Put it there.")


def _is_emoji(character: str) -> bool:
    return character in "\ufe0f\u200d\u20e3" or (
        ord(character) >= 0x2190 and unicodedata.category(character) in ("So", "Sk")
    )


def _product(content: Interactive) -> None:
    _needed(content.catalog_id, "/catalog_id")
    _needed(content.product_id, "/product_id")


def _products(content: Interactive) -> None:
    _needed(content.catalog_id, "/catalog_id")
    _section_count(content)
    count = sum(len(section.product_ids) for section in content.sections)
    if count > the.PRODUCTS:
        refuse("/sections", f"There are {count} products; WhatsApp takes {the.PRODUCTS}.", "Send several messages.")
    for at, section in enumerate(content.sections):
        if section.rows:
            refuse(f"/sections/{at}/rows", "A product list has products, not rows.", "Use the kind list.")
        if not section.product_ids:
            refuse(f"/sections/{at}/product_ids", "The section has no products.", "Give at least one.")
        for place, product in enumerate(section.product_ids):
            _needed(product, f"/sections/{at}/product_ids/{place}")


def _carousel(content: Interactive) -> None:
    count = len(content.cards)
    if count not in the.CARDS:
        refuse("/cards", f"There are {count} cards; WhatsApp takes 2 to 10.", "Add or leave out some.")
    shapes = {_shape(card) for card in content.cards}
    if len(shapes) > 1:
        refuse("/cards", "All cards are products, or all are links with the same kind of header.", "Make them alike.")
    if shapes == {"link"} and content.catalog_id:
        refuse("/catalog_id", "Cards that open links have no catalogue.", "Leave it out.")
    for place, card in enumerate(content.cards):
        _card(card, f"/cards/{place}", content)


def _shape(card: Card) -> str:
    return "product" if card.product_id else "link"


def _card(card: Card, pointer: str, content: Interactive) -> None:
    for part in ("title", "subtitle", "header"):
        if getattr(card, part) is not None:
            hint = "Give the picture as image_url." if part == "header" else "Put it into the body."
            refuse(f"{pointer}/{part}", f"A card of a WhatsApp carousel has no {part} of its own.", hint)
    if card.body is not None:
        check_text(card.body, f"{pointer}/body", the.CARD_BODY_LIMIT)
        if card.body.count("\n") > the.CARD_LINE_BREAKS:
            refuse(f"{pointer}/body", "A card takes two line breaks.", "Leave some out.")
    if card.product_id:
        _needed(content.catalog_id, "/catalog_id")
        for part in ("image_url", "url", "buttons"):
            if getattr(card, part):
                refuse(f"{pointer}/{part}", f"A card of a product has no {part}.", "Leave it out.")
        return
    check_link(card.image_url, f"{pointer}/image_url")
    label = card_link(card)
    if len(card.buttons) != 1:
        refuse(f"{pointer}/buttons", "A card has one button, which opens a link.", "Give one.")
    if card.url is not None and label.url != card.url:
        refuse(f"{pointer}/url", "A card opens one link.", "Give it once.")
    check_text(label.title, f"{pointer}/buttons/0/title", the.LABEL_LIMIT)
    check_link(label.url, f"{pointer}/buttons/0/url")
    if label.id or label.payload:
        refuse(f"{pointer}/buttons/0", "The button of a card opens a link and sends nothing back.", "Leave its id out.")


def card_link(card: Card) -> Button:
    """The link that a card opens: its button, with the card's own address when the button has none."""
    first = card.buttons[0] if card.buttons else Button()
    return Button(id=first.id, title=first.title, payload=first.payload, url=first.url or card.url)


def _address(content: Interactive) -> None:
    if content.parameters.get("country") not in the.ADDRESS_COUNTRIES:
        refuse("/parameters/country", "WhatsApp asks for addresses in IN and SG only.", "Ask in a text.")


def _voice_call(content: Interactive) -> None:
    if content.button is not None:
        check_text(content.button, "/button", the.LABEL_LIMIT)
    minutes = content.parameters.get("ttl_minutes", 1)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= the.CALL_TTL_MINUTES:
        refuse("/parameters/ttl_minutes", f"ttl_minutes is 1 to {the.CALL_TTL_MINUTES}.", "Correct it.")
    if "display_text" in content.parameters:
        refuse("/parameters/display_text", "The label of the call is the content's button.", "Put it there.")


def _nothing_more(content: Interactive) -> None:
    """A kind that is all body."""


def _id(value: str, pointer: str, limit: int) -> None:
    check_text(value, pointer, limit)
    if value != value.strip():
        refuse(pointer, "An id neither starts nor ends with a space.", "Leave the spaces out.")


def _unique(values: list[str], pointer: str, reason: str) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            refuse(pointer.format(place), reason, "Give each its own.")


def _needed(value: str | None, pointer: str) -> None:
    if not (value or "").strip():
        refuse(pointer, "It is needed for this kind.", "Give it.")


@dataclass(frozen=True)
class Kind:
    """What one kind of ours is at WhatsApp: its ``type``, which parts of the content it reads, and its own check."""

    type: str
    parts: frozenset[str]
    check: Callable[[Interactive], None]
    headers: frozenset[str] = ANY_HEADER
    needs_header: bool = False
    footer: bool = True
    needs_body: bool = True
    body_limit: int = the.BODY_LIMIT


def _parts(*names: str) -> frozenset[str]:
    return frozenset(names)


KINDS: Mapping[str, Kind] = {
    "buttons": Kind("button", _parts("buttons"), _buttons),
    "list": Kind("list", _parts("button", "sections"), _list, TEXT_HEADER, body_limit=the.LIST_BODY_LIMIT),
    "cta_url": Kind("cta_url", _parts("button", "url"), _link),
    "flow": Kind("flow", _parts("button", "parameters"), _flow),
    "location_request": Kind("location_request_message", _parts(), _nothing_more, NO_HEADER, footer=False),
    "contact_request": Kind("request_contact_info", _parts(), _nothing_more, NO_HEADER),
    "address": Kind("address_message", _parts("parameters"), _address, TEXT_HEADER),
    "product": Kind("product", _parts("catalog_id", "product_id"), _product, NO_HEADER, needs_body=False),
    "product_list": Kind("product_list", _parts("catalog_id", "sections"), _products, TEXT_HEADER, needs_header=True),
    "catalog": Kind("catalog_message", _parts("product_id"), _nothing_more, NO_HEADER),
    "carousel": Kind("carousel", _parts("cards", "catalog_id"), _carousel, NO_HEADER, footer=False),
    "voice_call": Kind("voice_call", _parts("button", "parameters"), _voice_call),
    "call_permission_request": Kind("call_permission_request", _parts(), _nothing_more, NO_HEADER),
}
