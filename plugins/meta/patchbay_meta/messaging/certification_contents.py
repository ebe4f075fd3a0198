"""Contents that both channels of the Send API are certified with: one of each kind, and what is just too much. No IO.

Sources: Messenger Platform, Quick replies; Templates: button, generic, product.
"""

from __future__ import annotations

from patchbay.model.content import AnyContent, Button, Card, Interactive, MediaRef, Section, Text

FILE = MediaRef(id="med_1")
# Two in one message, as the Send API takes them. Source: Messenger Platform, Send API, "attachments".
IMAGES = {
    "attachments": [{"type": "image", "payload": {"url": f"https://shop.example/{number}.jpg"}} for number in (1, 2)]
}
CARD = Card(
    title="The kettle",
    subtitle="Blue, 1.7 l",
    image_url="https://shop.example/1.jpg",
    url="https://shop.example/1",
    buttons=(Button(title="See", url="https://shop.example/1"), Button(id="take:1", title="Take it")),
)
BUTTONS = tuple(Button(id=str(number), title=f"Button {number}") for number in range(14))
PRODUCTS = tuple(str(number) for number in range(11))
INTERACTIVE: tuple[AnyContent, ...] = (
    Interactive(
        kind="buttons", body="Choose", buttons=(*BUTTONS[:2], Button(title="Shop", url="https://shop.example"))
    ),
    Interactive(kind="cta_url", body="Choose", button="Go", url="https://shop.example/1"),
    Interactive(kind="quick_replies", body="Choose", buttons=BUTTONS[:13]),
    Interactive(kind="generic", cards=(CARD,)),
    Interactive(kind="carousel", cards=(CARD,) * 10),
    Interactive(kind="product", product_id="2"),
    Interactive(kind="product_list", sections=(Section(product_ids=PRODUCTS[:10]),)),
)
TOO_MUCH: tuple[AnyContent, ...] = (
    Text(text=" "),
    Interactive(kind="buttons", body="Choose", buttons=BUTTONS[:4]),
    Interactive(kind="buttons", body="x" * 641, buttons=BUTTONS[:3]),
    Interactive(kind="buttons", body="Choose", buttons=(Button(id="1", title="x" * 21),)),
    Interactive(kind="buttons", body="Choose", buttons=(Button(id="x" * 1001, title="One"),)),
    Interactive(kind="buttons", body="Choose", footer="Small print", buttons=BUTTONS[:1]),
    Interactive(kind="cta_url", body="Choose", button="Go", url="javascript:alert(1)"),
    Interactive(kind="quick_replies", body="Choose", buttons=BUTTONS),
    Interactive(kind="quick_replies", body="Choose", buttons=(Button(title="Shop", url="https://shop.example"),)),
    Interactive(kind="generic", cards=(Card(title="x" * 81, subtitle="Blue"),)),
    Interactive(kind="generic", cards=(Card(title="Nothing else"),)),
    Interactive(kind="carousel", cards=(CARD,) * 11),
    Interactive(kind="product"),
    Interactive(kind="product_list", sections=(Section(product_ids=PRODUCTS),)),
)
