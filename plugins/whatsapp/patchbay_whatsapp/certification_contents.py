"""Contents that WhatsApp is certified with: one of each kind of interactive, and what is just too much. No IO.

Sources: WhatsApp Cloud API, Messages reference, Interactive messages.
"""

from __future__ import annotations

from patchbay.model.content import (
    AnyContent,
    Button,
    Card,
    ContactCard,
    ContactPhone,
    Header,
    Interactive,
    Native,
    Row,
    Section,
    Template,
    Text,
)

CARD = ContactCard(formatted_name="Bo Test", first_name="Bo", phones=(ContactPhone(phone="+15550002222"),))
LINK = Card(
    body="One", image_url="https://shop.example/1.jpg", buttons=(Button(title="See", url="https://shop.example/1"),)
)
ROWS = tuple(Row(id=str(number), title=f"Row {number}") for number in range(11))
BUTTONS = tuple(Button(id=str(number), title=f"Button {number}") for number in range(4))
INTERACTIVE: tuple[AnyContent, ...] = (
    Interactive(kind="buttons", body="Choose", header=Header(text="Kettles"), buttons=BUTTONS[:3]),
    Interactive(kind="list", body="Choose", button="Go", sections=(Section(rows=ROWS[:10]),)),
    Interactive(kind="cta_url", body="Choose", button="Go", url="https://shop.example/1"),
    Interactive(kind="flow", body="Choose", button="Go", parameters={"flow_id": "1"}),
    Interactive(kind="location_request", body="Where are you?"),
    Interactive(kind="contact_request", body="Your number?"),
    Interactive(kind="carousel", body="Choose", cards=(LINK, LINK)),
    Interactive(kind="product", body="This one", catalog_id="1", product_id="2"),
    Interactive(
        kind="product_list",
        body="These",
        header=Header(text="Kettles"),
        catalog_id="1",
        sections=(Section(title="Blue", product_ids=("2", "3")),),
    ),
    Interactive(kind="address", body="Where to?", parameters={"country": "IN"}),
    Interactive(kind="catalog", body="All of them"),
    Interactive(kind="voice_call", body="Call us", button="Call"),
    Interactive(kind="call_permission_request", body="May we call you?"),
)
TOO_MUCH: tuple[AnyContent, ...] = (
    Text(text=" "),
    Native(payload={"type": "text", "text": {"body": "Hello"}, "to": "15550002222"}),
    Interactive(kind="buttons", body="Choose", buttons=BUTTONS),
    Interactive(kind="list", body="Choose", button="Go", sections=(Section(rows=ROWS),)),
    Interactive(kind="cta_url", body="Choose", button="Go", url="javascript:alert(1)"),
    Interactive(kind="flow", body="Choose", button="Go"),
    Interactive(kind="carousel", body="Choose", cards=(LINK,)),
    Interactive(kind="product_list", body="These", catalog_id="1", header=Header(text="Kettles")),
    Interactive(kind="address", body="Where to?", parameters={"country": "FR"}),
    Template(name="Order Update", language="en"),
)
