"""Interactive messages of the Send API: what they may hold, and their form. No IO.

Sources: Messenger Platform, Quick replies; Templates: button, generic, product (April 2026); Instagram Platform, the
same pages. Lengths are in characters, but for texts beside quick replies, which are texts like all others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from patchbay.model.content import Button, Card, Interactive
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.limits import check_link, check_text, refuse

TEMPLATE_TEXT_LIMIT = 640
TITLE_LIMIT = 20  # of a button or a quick reply; Meta cuts a longer one, we refuse it
PAYLOAD_LIMIT = 1000
BUTTONS = 3
QUICK_REPLIES = 13
ELEMENTS = 10
ELEMENT_TITLE_LIMIT = 80
ELEMENT_SUBTITLE_LIMIT = 80
_PARTS = (
    "body",
    "header",
    "footer",
    "button",
    "buttons",
    "sections",
    "cards",
    "url",
    "catalog_id",
    "product_id",
    "parameters",
)


def check_interactive(content: Interactive, to: Dialect) -> None:
    """Raise ``Unsupported`` for the first part that Meta would refuse, cut or leave out."""
    parts, check, _ = KINDS[content.kind]
    for part in _PARTS:
        if getattr(content, part) and part not in parts:
            hint = "Send it as a text before." if part == "body" else "Leave it out."
            refuse(f"/{part}", f"An interactive message of the kind {content.kind!r} has no {part} here.", hint)
    check(content, to)


def interactive(content: Interactive) -> dict[str, Any]:
    """The members of ``message``."""
    return KINDS[content.kind][2](content)


def _check_buttons(content: Interactive, to: Dialect) -> None:
    check_text(content.body, "/body", TEMPLATE_TEXT_LIMIT)
    check_buttons(content.buttons)


def check_buttons(buttons: Sequence[Button]) -> None:
    """The buttons of a template."""
    _count(buttons, BUTTONS, "/buttons", "buttons", "Use quick_replies for up to 13 choices.")
    for place, button in enumerate(buttons):
        _check_button(button, f"/buttons/{place}")


def _check_button(button: Button, pointer: str) -> None:
    check_text(button.title, f"{pointer}/title", TITLE_LIMIT)
    if button.payload is not None:
        refuse(f"{pointer}/payload", "A button has an id, not a payload.", "Put it into the id.")
    if button.url is None:
        check_text(button.id, f"{pointer}/id", PAYLOAD_LIMIT)
        return
    check_link(button.url, f"{pointer}/url")
    if button.id:
        refuse(f"{pointer}/id", "A button that opens a link sends nothing back.", "Leave its id out.")


def _check_link(content: Interactive, to: Dialect) -> None:
    check_text(content.body, "/body", TEMPLATE_TEXT_LIMIT)
    check_text(content.button, "/button", TITLE_LIMIT)
    check_link(content.url, "/url")


def _check_quick_replies(content: Interactive, to: Dialect) -> None:
    check_text(content.body, "/body", to.text_limit, "Send the first part as a text before.", to=to)
    _count(content.buttons, QUICK_REPLIES, "/buttons", "quick replies", "Split the choice in two steps.")
    for place, button in enumerate(content.buttons):
        if button.url is not None:
            refuse(f"/buttons/{place}/url", "A quick reply opens no link.", "Use an interactive of the kind buttons.")
        _check_button(button, f"/buttons/{place}")


def _check_cards(content: Interactive, to: Dialect) -> None:
    _count(content.cards, ELEMENTS, "/cards", "cards", "Send several messages.")
    for place, card in enumerate(content.cards):
        _check_card(card, f"/cards/{place}")


def _check_card(card: Card, pointer: str) -> None:
    check_text(card.title, f"{pointer}/title", ELEMENT_TITLE_LIMIT)
    if card.subtitle is not None:
        check_text(card.subtitle, f"{pointer}/subtitle", ELEMENT_SUBTITLE_LIMIT)
    for part, hint in (("body", "subtitle"), ("header", "image_url"), ("product_id", "product_id of its own kind")):
        if getattr(card, part) is not None:
            refuse(f"{pointer}/{part}", f"A card has no {part} here.", f"Give it as {hint}.")
    for part in ("image_url", "url"):
        if getattr(card, part) is not None:
            check_link(getattr(card, part), f"{pointer}/{part}")
    if len(card.buttons) > BUTTONS:
        refuse(f"{pointer}/buttons", f"A card takes {BUTTONS} buttons.", "Leave some out.")
    for at, button in enumerate(card.buttons):
        _check_button(button, f"{pointer}/buttons/{at}")
    if not any((card.subtitle, card.image_url, card.url, card.buttons)):
        refuse(pointer, "A card needs something beside its title.", "Give a subtitle, an image, a link or a button.")


def _check_products(content: Interactive, to: Dialect) -> None:
    for at, section in enumerate(content.sections):
        if section.rows:
            refuse(f"/sections/{at}/rows", "A product list has products, not rows.", "Use quick_replies.")
        if section.title is not None:
            refuse(f"/sections/{at}/title", "Products are shown without sections.", "Leave the title out.")
    products = _products(content)
    pointer = "/product_id" if content.kind == "product" else "/sections"
    _count(products, ELEMENTS, pointer, "products", "Send several messages.")
    if not all(product.strip() for product in products):
        refuse(pointer, "A product's id is empty.", "Give the id of the product in the catalogue.")


def _count(found: Sequence[object], most: int, pointer: str, what: str, hint: str) -> None:
    if not 1 <= len(found) <= most:
        refuse(pointer, f"There are {len(found)} {what}; 1 to {most} are taken.", hint)


def _products(content: Interactive) -> list[str]:
    if content.kind == "product":
        return [content.product_id] if content.product_id else []
    return [product for section in content.sections for product in section.product_ids]


def template(template_type: str, **members: Any) -> dict[str, Any]:
    """A template as the members of ``message``."""
    return {"attachment": {"type": "template", "payload": {"template_type": template_type, **members}}}


def _buttons(content: Interactive) -> dict[str, Any]:
    return template("button", text=content.body, buttons=[button_form(button) for button in content.buttons])


def _link(content: Interactive) -> dict[str, Any]:
    link = {"type": "web_url", "title": content.button, "url": content.url}
    return template("button", text=content.body, buttons=[link])


def _quick_replies(content: Interactive) -> dict[str, Any]:
    replies = [{"content_type": "text", "title": one.title, "payload": one.id} for one in content.buttons]
    return {"text": content.body, "quick_replies": replies}


def _cards(content: Interactive) -> dict[str, Any]:
    return template("generic", elements=[_card(card) for card in content.cards])


def _product_elements(content: Interactive) -> dict[str, Any]:
    return template("product", elements=[{"id": product} for product in _products(content)])


def button_form(button: Button) -> Mapping[str, str]:
    """A button that opens a link, or sends its id back."""
    if button.url is not None:
        return {"type": "web_url", "title": button.title, "url": button.url}
    return {"type": "postback", "title": button.title, "payload": button.id}


def _card(card: Card) -> Mapping[str, Any]:
    shown: dict[str, Any] = {"title": card.title}
    if card.subtitle is not None:
        shown["subtitle"] = card.subtitle
    if card.image_url is not None:
        shown["image_url"] = card.image_url
    if card.url is not None:
        shown["default_action"] = {"type": "web_url", "url": card.url}
    if card.buttons:
        shown["buttons"] = [button_form(button) for button in card.buttons]
    return shown


_Kind = tuple[frozenset[str], Callable[[Interactive, Dialect], None], Callable[[Interactive], dict[str, Any]]]
# Which parts of the content a kind of ours reads, its check, and its form.
KINDS: Mapping[str, _Kind] = {
    "buttons": (frozenset({"body", "buttons"}), _check_buttons, _buttons),
    "cta_url": (frozenset({"body", "button", "url"}), _check_link, _link),
    "quick_replies": (frozenset({"body", "buttons"}), _check_quick_replies, _quick_replies),
    "generic": (frozenset({"cards"}), _check_cards, _cards),
    "carousel": (frozenset({"cards"}), _check_cards, _cards),
    "product": (frozenset({"product_id"}), _check_products, _product_elements),
    "product_list": (frozenset({"sections"}), _check_products, _product_elements),
}
