"""Contents as WhatsApp just takes them, and the refusal of those that it does not."""

from __future__ import annotations

from typing import Any

from patchbay.model.content import (
    Button,
    Card,
    ContactCard,
    Contacts,
    Header,
    Interactive,
    MediaRef,
    Row,
    Section,
    Template,
)
from patchbay.testing.outbound import identity, recipient
from patchbay_whatsapp.limits import check
from tests.plugins.refusals import refused_by

TO_PHONE = recipient(identity("phone", "+15550001111", channel="whatsapp"))
REF = MediaRef(id="med_1")
refused = refused_by(check, TO_PHONE)


def buttons(*many: Button, **more: Any) -> Interactive:
    return Interactive(kind="buttons", body="Body", buttons=many or (Button(id="1", title="One"),), **more)


def several(count: int) -> tuple[Button, ...]:
    return tuple(Button(id=str(n), title=f"Button {n}") for n in range(count))


def menu(*sections: Section, **more: Any) -> Interactive:
    chosen = sections or (Section(rows=(Row(id="1", title="One"),)),)
    return Interactive(kind="list", **{"body": "Body", "button": "Menu", "sections": chosen, **more})


def rows(count: int, start: int = 0) -> tuple[Row, ...]:
    return tuple(Row(id=str(n), title=f"Row {n}") for n in range(start, start + count))


def one_row(**fields: Any) -> Interactive:
    return menu(Section(rows=(Row(**{"id": "1", "title": "One", **fields}),)))


def flow(**more: Any) -> Interactive:
    return Interactive(**{"kind": "flow", "body": "b", "button": "Go", "parameters": {"flow_id": "1"}, **more})


def goods(*sections: Section, **more: Any) -> Interactive:
    fields = {"body": "b", "header": Header(text="Sale"), "catalog_id": "c", "sections": sections, **more}
    return Interactive(kind="product_list", **fields)


def link_card(**more: Any) -> Card:
    button = Button(title="See", url="https://e.org/1")
    return Card(**{"image_url": "https://e.org/1.jpg", "buttons": (button,), **more})


def carousel(*cards: Card, **more: Any) -> Interactive:
    return Interactive(kind="carousel", **{"body": "b", "cards": cards, **more})


def labelled(label: str) -> Interactive:
    return carousel(link_card(), link_card(buttons=(Button(title=label, url="https://e.org/1"),)))


def card(**more: Any) -> Contacts:
    return Contacts(contacts=(ContactCard(**{"formatted_name": "Mara Voss", "first_name": "Mara", **more}),))


def template(**more: Any) -> Template:
    return Template(**{"name": "order_update", "language": "en", **more})


def button_component(**more: Any) -> Template:
    return template(components=({"type": "button", "sub_type": "url", "index": "0", **more},))
