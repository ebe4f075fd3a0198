"""Every limit, at the limit and one past it; and whatever is asked for, it passes or is ``Unsupported``."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Unsupported
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Order,
    Row,
    Section,
    Share,
    Sticker,
    SystemNotice,
    Template,
    Text,
    Video,
)
from patchbay.model.media import Media
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import answer, play
from patchbay_messenger.capabilities import CAPABILITIES
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.limits import check
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.messaging.interactive import KINDS
from tests.plugins.refusals import refused_by

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101")
TO = recipient(identity("psid", "7001", channel="messenger"))
BY_REF = recipient(identity("external", "user_ref:abc", channel="messenger"))
REF = MediaRef(id="med_1")
MB = 2**20
YES = Button(id="y", title="Yes")
CARD = Card(title="Lamp", subtitle="Warm")
URL = "https://shop.example/1"
refused = refused_by(check, TO)


def quick(**more: Any) -> Interactive:
    return Interactive(**{"kind": "quick_replies", "body": "Coming?", "buttons": (YES,), **more})


def buttons(**more: Any) -> Interactive:
    return quick(kind="buttons", **more)


def above(kind: Any, /, **more: Any) -> Interactive:
    return quick(**{"kind": "buttons", "body": "", "header": Header(kind=kind, media=REF), **more})


def cards(*given: Card) -> Interactive:
    return Interactive(kind="generic", cards=given)


def products(*ids: str) -> Interactive:
    return Interactive(kind="product_list", sections=(Section(product_ids=ids),))


FITS: list[AnyContent] = [
    Text(text="x" * 2000),
    Text(text="x" * 2000 * 20),
    quick(body="x" * 2000),
    quick(buttons=(YES,) * 13),
    quick(buttons=(Button(id="x" * 1000, title="x" * 20),)),
    buttons(body="x" * 640),
    buttons(buttons=(YES,) * 3),
    buttons(buttons=(Button(id="x" * 1000, title="x" * 20),)),
    Interactive(kind="cta_url", body="See", button="x" * 20, url=URL),
    cards(*(CARD,) * 10),
    cards(Card(title="x" * 80, subtitle="x" * 80, buttons=(YES,) * 3)),
    cards(Card(title="Lamp", image_url=URL)),
    products(*"0123456789"),
    Template(name="order_update", language="en_US", variables={"1": "x" * 1024}),
]
TOO_MUCH: list[tuple[AnyContent, str]] = [
    (Text(text=""), "/text"),
    (Text(text=" \n"), "/text"),
    (Text(text="x" * (2000 * 20 + 1)), "/text"),
    (Text(text="a" + " " * 5000 + "b"), "/text"),
    (quick(body="x" * 2001), "/body"),
    (quick(body=" "), "/body"),
    (quick(buttons=()), "/buttons"),
    (quick(buttons=(YES,) * 14), "/buttons"),
    (quick(buttons=(Button(id="y", title="x" * 21),)), "/buttons/0/title"),
    (quick(buttons=(YES, Button(id="x" * 1001, title="x"))), "/buttons/1/id"),
    (quick(buttons=(Button(title="x"),)), "/buttons/0/id"),
    (quick(buttons=(Button(title="x", url=URL),)), "/buttons/0/url"),
    (quick(header=Header(text="x")), "/header"),
    (quick(footer="x"), "/footer"),
    (buttons(body="x" * 641), "/body"),
    (buttons(buttons=(YES,) * 4), "/buttons"),
    (buttons(buttons=(Button(id="y", title="x" * 21),)), "/buttons/0/title"),
    (buttons(buttons=(Button(id="x" * 1001, title="x"),)), "/buttons/0/id"),
    (buttons(buttons=(Button(title="x", url="shop.example"),)), "/buttons/0/url"),
    (buttons(buttons=(Button(id="y", title="x", url=URL),)), "/buttons/0/id"),
    (buttons(buttons=(Button(id="y", title="x", payload="z"),)), "/buttons/0/payload"),
    (Interactive(kind="cta_url", body="See", button="x" * 21, url=URL), "/button"),
    (Interactive(kind="cta_url", body="See", button="x"), "/url"),
    (cards(), "/cards"),
    (cards(*(CARD,) * 11), "/cards"),
    (cards(Card(title="x" * 81, subtitle="x")), "/cards/0/title"),
    (cards(CARD, Card(title="x", subtitle="x" * 81)), "/cards/1/subtitle"),
    (cards(Card(title="x")), "/cards/0"),
    (cards(Card(title="x", body="x")), "/cards/0/body"),
    (cards(Card(title="x", product_id="x")), "/cards/0/product_id"),
    (cards(Card(title="x", header=Header(text="x"))), "/cards/0/header"),
    (cards(Card(title="x", image_url="x")), "/cards/0/image_url"),
    (cards(Card(title="x", url="x")), "/cards/0/url"),
    (cards(Card(title="x", buttons=(YES,) * 4)), "/cards/0/buttons"),
    (cards(Card(title="x", buttons=(Button(id="y"),))), "/cards/0/buttons/0/title"),
    (Interactive(kind="generic", body="x", cards=(CARD,)), "/body"),
    (products(*"0123456789a"), "/sections"),
    (products(" "), "/sections"),
    (Interactive(kind="product_list", sections=(Section(title="x", product_ids=("1",)),)), "/sections/0/title"),
    (Interactive(kind="product_list", sections=(Section(rows=(Row(id="1", title="x"),)),)), "/sections/0/rows"),
    (Interactive(kind="product"), "/product_id"),
    (Interactive(kind="product", product_id="1", catalog_id="2"), "/catalog_id"),
    (Interactive(kind="list", body="x", button="x"), "/kind"),
    (Template(name="Order", language="en"), "/name"),
    (Template(name="x" * 513, language="en"), "/name"),
    (Template(name="a", language="English"), "/language"),
    (Template(name="a", language="en", variables={"2": "x"}), "/variables"),
    (Template(name="a", language="en", variables={"first_name": "x"}), "/variables"),
    (Template(name="a", language="en", variables={"1": "x" * 1025}), "/variables/1"),
    (Template(name="a", language="en", components=({"type": "FOOTER"},)), "/components/0/type"),
    (Template(name="a", language="en", components=({"type": "body", "parameters": 1},)), "/components/0/parameters"),
    (Location(latitude=1, longitude=2), ""),
    (Contacts(contacts=()), ""),
    (Sticker(media=REF), ""),
    (Share(url=URL), ""),
    (Order(), ""),
    (SystemNotice(notice="x"), ""),
]


@pytest.mark.parametrize("content", FITS)
def test_what_fits_passes(content: AnyContent) -> None:
    check(content, TO, None)
    check(content, BY_REF, None)


@pytest.mark.parametrize(("content", "pointer"), TOO_MUCH)
def test_what_does_not_fit_is_refused_and_the_part_is_named(content: AnyContent, pointer: str) -> None:
    assert refused(content).pointer == "/content" + pointer


def test_somebody_without_an_id_cannot_be_written_to() -> None:
    assert refused(Text(text="x"), to=recipient()).pointer == "/to"
    assert (
        refused(Text(text="x"), to=recipient(identity("phone", "+15550001111", channel="messenger"))).pointer == "/to"
    )


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (Image(media=REF, caption="x" * 2001), stored_file("image", "image/jpeg", 25 * MB)),
        (Image(media=REF, caption=""), stored_file("image", "image/gif; x=y", 1)),
        (Video(media=REF), stored_file("video", "video/quicktime", None)),
        (Audio(media=REF, voice=True), stored_file("audio", "audio/ogg", 25 * MB)),
        (DocumentFile(media=REF), stored_file("document", "application/x-odd", 25 * MB)),
    ],
)
def test_files_that_fit_pass(content: AnyContent, media: Media) -> None:
    check(content, TO, media)


@pytest.mark.parametrize(
    ("content", "media", "pointer"),
    [
        (Image(media=REF), stored_file("image", "image/webp"), "/media"),
        (Image(media=REF), stored_file("image", "image/png", 25 * MB + 1), "/media"),
        (Image(media=REF), stored_file("image", "image/png", 0), "/media"),
        (Image(media=REF), stored_file("image", None), "/media"),
        (Image(media=REF), None, "/media"),
        (Image(media=REF, caption=" "), stored_file("image", "image/png"), "/caption"),
        (Video(media=REF), stored_file("video", "image/png"), "/media"),
        (Audio(media=REF), stored_file("audio", "video/mp4"), "/media"),
        (DocumentFile(media=REF), stored_file("document", "application/pdf", 25 * MB + 1), "/media"),
        (above("image", body="x"), stored_file("image", "image/png"), "/body"),
        (above("image", footer="x"), stored_file("image", "image/png"), "/footer"),
        (above("image", buttons=(YES,) * 4), stored_file("image", "image/png"), "/buttons"),
        (above("image"), stored_file("image", "image/webp"), "/header/media"),
        (above("document"), stored_file("document", "application/pdf"), "/header/kind"),
        (above("image", kind="quick_replies"), stored_file("image", "image/png"), "/header"),
    ],
)
def test_files_that_do_not_fit_are_refused(content: AnyContent, media: Media | None, pointer: str) -> None:
    assert refused(content, media).pointer == "/content" + pointer


def test_every_kind_that_is_declared_has_a_form() -> None:
    assert CAPABILITIES.interactive <= set(KINDS)
    assert CAPABILITIES.text_limit == 2000


def around(limit: int) -> st.SearchStrategy[str]:
    """Texts at a limit, within it and past it."""
    lengths = st.sampled_from([1, 2, limit // 2, limit - 1, limit, limit, limit + 1])
    return st.builds(lambda sign, length: (sign * length)[:length], st.sampled_from(["x", "é ", "👍"]), lengths)


LINK = st.sampled_from([URL, "http://shop.example", "shop.example"])
reply_button = st.builds(Button, id=around(1000), title=around(20))
any_button = reply_button | st.builds(Button, title=around(20), url=LINK)
any_card = st.builds(
    Card,
    title=around(80),
    subtitle=st.none() | around(80),
    image_url=st.none() | LINK,
    buttons=st.lists(any_button, max_size=4).map(tuple),
)
any_interactive = st.one_of(
    st.builds(
        Interactive,
        kind=st.just("quick_replies"),
        body=around(2000),
        buttons=st.lists(reply_button, min_size=1, max_size=14).map(tuple),
    ),
    st.builds(
        Interactive,
        kind=st.just("buttons"),
        body=around(640),
        buttons=st.lists(any_button, min_size=1, max_size=4).map(tuple),
    ),
    st.builds(Interactive, kind=st.just("cta_url"), body=around(640), button=around(20), url=LINK),
    st.builds(
        Interactive,
        kind=st.sampled_from(["generic", "carousel"]),
        cards=st.lists(any_card, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Interactive,
        kind=st.just("product_list"),
        sections=st.lists(
            st.builds(Section, product_ids=st.lists(around(12), max_size=6).map(tuple)), min_size=1, max_size=2
        ).map(tuple),
    ),
)
any_template = st.builds(
    Template,
    name=st.sampled_from(["order_update", "Order"]),
    language=st.sampled_from(["en", "en_US"]),
    variables=st.lists(around(1024), max_size=3).map(
        lambda values: {str(number): value for number, value in enumerate(values, 1)}
    ),
)
any_text = st.builds(Text, text=st.text(max_size=5000)) | st.builds(
    Text, text=st.text(max_size=90).map(lambda text: text * 60)
)


def sizes(message: dict[str, Any]) -> None:
    """The limits of the Send API, on what would leave."""
    assert len(message.get("text", "")) <= 2000
    assert len(message["metadata"]) < 1000
    assert len(message.get("quick_replies", ())) <= 13
    for reply in message.get("quick_replies", ()):
        assert 1 <= len(reply["title"]) <= 20
        assert 1 <= len(reply["payload"]) <= 1000
    payload = message.get("attachment", {}).get("payload", {})
    assert len(payload.get("text", "")) <= 640
    elements = payload.get("elements", ())
    assert len(elements) <= 10
    for holder in (payload, *elements):
        assert len(holder.get("title", "")) <= 80
        assert len(holder.get("subtitle", "")) <= 80
        assert len(holder.get("buttons", ())) <= 3
        assert all(1 <= len(button["title"]) <= 20 for button in holder.get("buttons", ()))


@given(any_interactive | any_template | any_text)
def test_what_check_accepts_is_sent_within_the_limits(content: AnyContent) -> None:
    try:
        check(content, TO, None)
    except Unsupported:
        return
    for part in CHANNEL.split(content):
        sent = play(CHANNEL.send(PAGE, outgoing(part, TO)), answer(recipient_id="7001", message_id="m_1"))
        assert sent.request.json is not None
        msgspec.json.encode(sent.request.json)
        sizes(dict(sent.request.json["message"]))
