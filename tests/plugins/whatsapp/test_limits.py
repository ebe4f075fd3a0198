"""Every limit, at the limit and one past it; and whatever is asked for, it passes or is ``Unsupported``."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import Recipient
from patchbay.errors import Unsupported
from patchbay.model import content as model
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    InteractiveReply,
    Location,
    MediaRef,
    Order,
    Row,
    Section,
    Share,
    Sticker,
    StoryMention,
    StoryReply,
    SystemNotice,
    Template,
    Text,
    Video,
)
from patchbay.model.media import Media
from patchbay.testing.outbound import identity, recipient, stored_file
from patchbay_whatsapp.capabilities import CAPABILITIES
from patchbay_whatsapp.limits import check
from patchbay_whatsapp.limits_interactive import KINDS
from patchbay_whatsapp.payloads import content_part

TO_PHONE = recipient(identity("phone", "+15550001111", channel="whatsapp"))
TO_USER = recipient(identity("wa_bsuid", "US.20260001112223334445", channel="whatsapp"))
TO_GROUP = recipient(identity("wa_group", "120363000000000001", channel="whatsapp"))
REF = MediaRef(id="med_1")
MB = 2**20


def refused(content: AnyContent, media: Media | None = None, to: Recipient = TO_PHONE) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        check(content, to, media)
    assert caught.value.reason
    assert caught.value.hint
    return caught.value


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


# What is just allowed, what is just not, and the part that the refusal names.
LIMITS: list[tuple[AnyContent, AnyContent, str]] = [
    (Text(text="x" * 4096), Text(text="x" * 4097), "/text"),
    (Text(text="x"), Text(text=""), "/text"),
    (Text(text="x"), Text(text=" \n"), "/text"),
    (buttons(*several(3)), buttons(*several(4)), "/buttons"),
    (buttons(*several(1)), Interactive(kind="buttons", body="x"), "/buttons"),
    (buttons(Button(id="1", title="x" * 20)), buttons(Button(id="1", title="x" * 21)), "/buttons/0/title"),
    (buttons(*several(2)), buttons(Button(id="1", title="A"), Button(id="2", title="A")), "/buttons/1/title"),
    (buttons(*several(2)), buttons(Button(id="1", title="A"), Button(id="1", title="B")), "/buttons/1/id"),
    (buttons(Button(id="x" * 256, title="A")), buttons(Button(id="x" * 257, title="A")), "/buttons/0/id"),
    (buttons(Button(id="a b", title="A")), buttons(Button(id="ab ", title="A")), "/buttons/0/id"),
    (buttons(Button(id="a b", title="A")), buttons(Button(id=" ab", title="A")), "/buttons/0/id"),
    (buttons(), buttons(Button(id="", title="A")), "/buttons/0/id"),
    (buttons(), buttons(Button(id="1", title="A", url="https://e.org")), "/buttons/0/url"),
    (buttons(), buttons(Button(id="1", title="A", payload="p")), "/buttons/0/payload"),
    (buttons(footer="x" * 60), buttons(footer="x" * 61), "/footer"),
    (buttons(header=Header(text="x" * 60)), buttons(header=Header(text="x" * 61)), "/header/text"),
    (buttons(header=Header(text="x")), buttons(header=Header(text="")), "/header/text"),
    (buttons(header=Header(text="x")), buttons(header=Header(text="x", media=REF)), "/header/media"),
    (buttons(), buttons(header=Header(kind="image")), "/header/media"),
    (buttons(), buttons(header=Header(kind="image", text="x", media=REF)), "/header/text"),
    (
        Interactive(kind="cta_url", body="x" * 1024, button="Go", url="https://e.org"),
        Interactive(kind="cta_url", body="x" * 1025, button="Go", url="https://e.org"),
        "/body",
    ),
    (buttons(), Interactive(kind="buttons", buttons=several(1)), "/body"),
    (buttons(), buttons(sections=(Section(),)), "/sections"),
    (menu(body="x" * 4096), menu(body="x" * 4097), "/body"),
    (menu(button="x" * 20), menu(button="x" * 21), "/button"),
    (menu(), menu(button=None), "/button"),
    (menu(header=Header(text="x")), menu(header=Header(kind="image", media=REF)), "/header"),
    (menu(Section(rows=rows(10))), menu(Section(rows=rows(11))), "/sections"),
    (
        menu(Section(title="A", rows=rows(5)), Section(title="B", rows=rows(5, 5))),
        menu(Section(title="A", rows=rows(5)), Section(title="B", rows=rows(6, 5))),
        "/sections",
    ),
    (
        menu(*(Section(title=str(n), rows=rows(1, n)) for n in range(10))),
        menu(*(Section(title=str(n), rows=rows(1, n)) for n in range(11))),
        "/sections",
    ),
    (menu(), Interactive(kind="list", body="b", button="Go"), "/sections"),
    (menu(Section(title="x" * 24, rows=rows(1))), menu(Section(title="x" * 25, rows=rows(1))), "/sections/0/title"),
    (
        menu(Section(title="A", rows=rows(1)), Section(title="B", rows=rows(1, 1))),
        menu(Section(title="A", rows=rows(1)), Section(rows=rows(1, 1))),
        "/sections/1/title",
    ),
    (menu(), menu(Section(title="A")), "/sections/0/rows"),
    (menu(), menu(Section(rows=rows(1), product_ids=("1",))), "/sections/0/product_ids"),
    (one_row(title="x" * 24), one_row(title="x" * 25), "/sections/0/rows/0/title"),
    (one_row(title="x"), one_row(title=""), "/sections/0/rows/0/title"),
    (one_row(description="x" * 72), one_row(description="x" * 73), "/sections/0/rows/0/description"),
    (one_row(id="x" * 200), one_row(id="x" * 201), "/sections/0/rows/0/id"),
    (menu(Section(rows=rows(2))), menu(Section(rows=rows(1) + rows(1))), "/sections/0/rows/1/id"),
    (
        Interactive(kind="cta_url", body="b", button="x" * 20, url="http://e.org"),
        Interactive(kind="cta_url", body="b", button="x" * 21, url="http://e.org"),
        "/button",
    ),
    (
        Interactive(kind="cta_url", body="b", button="Go", url="https://e.org/a?b=c"),
        Interactive(kind="cta_url", body="b", button="Go", url="javascript:alert(1)"),
        "/url",
    ),
    (
        Interactive(kind="cta_url", body="b", button="Go", url="https://e.org"),
        Interactive(kind="cta_url", body="b", button="Go"),
        "/url",
    ),
    (flow(button="x" * 30), flow(button="x" * 31), "/button"),
    (flow(button="Añadir ¡ya! ©"), flow(button="Go 🚀"), "/button"),
    (flow(parameters={"flow_name": "a"}), flow(parameters={}), "/parameters"),
    (flow(parameters={"flow_id": "1"}), flow(parameters={"flow_id": "1", "flow_name": "a"}), "/parameters"),
    (
        flow(parameters={"flow_id": "1", "flow_action": "data_exchange"}),
        flow(parameters={"flow_id": "1", "flow_action": "jump"}),
        "/parameters/flow_action",
    ),
    (flow(), flow(parameters={"flow_id": "1", "flow_cta": "Go"}), "/parameters/flow_cta"),
    (
        Interactive(kind="location_request", body="x" * 1024),
        Interactive(kind="location_request", body="x" * 1025),
        "/body",
    ),
    (
        Interactive(kind="location_request", body="b"),
        Interactive(kind="location_request", body="b", footer="f"),
        "/footer",
    ),
    (
        Interactive(kind="contact_request", body="b", footer="f"),
        Interactive(kind="contact_request", body="b", header=Header(text="h")),
        "/header",
    ),
    (
        Interactive(kind="address", body="b", parameters={"country": "IN"}),
        Interactive(kind="address", body="b", parameters={"country": "US"}),
        "/parameters/country",
    ),
    (
        Interactive(kind="product", catalog_id="c", product_id="1"),
        Interactive(kind="product", catalog_id="c"),
        "/product_id",
    ),
    (
        Interactive(kind="product", catalog_id="c", product_id="1", body="b"),
        Interactive(kind="product", product_id="1", body="b"),
        "/catalog_id",
    ),
    (
        Interactive(kind="product", catalog_id="c", product_id="1"),
        Interactive(kind="product", catalog_id="c", product_id="1", header=Header(text="h")),
        "/header",
    ),
    (
        goods(Section(title="A", product_ids=("1",) * 30)),
        goods(Section(title="A", product_ids=("1",) * 31)),
        "/sections",
    ),
    (
        goods(*(Section(title=str(n), product_ids=("1",)) for n in range(10))),
        goods(*(Section(title=str(n), product_ids=("1",)) for n in range(11))),
        "/sections",
    ),
    (goods(Section(product_ids=("1",))), goods(Section(product_ids=("1",)), header=None), "/header"),
    (
        goods(Section(product_ids=("1",))),
        goods(Section(product_ids=("1",)), header=Header(kind="image", media=REF)),
        "/header",
    ),
    (goods(Section(product_ids=("1",))), goods(Section()), "/sections/0/product_ids"),
    (goods(Section(product_ids=("1",))), goods(Section(product_ids=("",))), "/sections/0/product_ids/0"),
    (goods(Section(product_ids=("1",))), goods(Section(product_ids=("1",), rows=rows(1))), "/sections/0/rows"),
    (goods(Section(product_ids=("1",))), goods(Section(product_ids=("1",)), catalog_id=None), "/catalog_id"),
    (carousel(*(link_card(),) * 10), carousel(*(link_card(),) * 11), "/cards"),
    (carousel(*(link_card(),) * 2), carousel(link_card()), "/cards"),
    (
        carousel(link_card(body="x" * 160), link_card()),
        carousel(link_card(body="x" * 161), link_card()),
        "/cards/0/body",
    ),
    (
        carousel(link_card(body="a\nb\nc"), link_card()),
        carousel(link_card(body="a\nb\nc\nd"), link_card()),
        "/cards/0/body",
    ),
    (labelled("x" * 20), labelled("x" * 21), "/cards/1/buttons/0/title"),
    (labelled("x"), carousel(link_card(), link_card(buttons=())), "/cards/1/buttons"),
    (labelled("x"), carousel(link_card(), link_card(image_url=None)), "/cards/1/image_url"),
    (labelled("x"), carousel(link_card(), link_card(title="t")), "/cards/1/title"),
    (labelled("x"), carousel(link_card(), link_card(header=Header(text="t"))), "/cards/1/header"),
    (labelled("x"), carousel(link_card(), link_card(url="https://e.org/2")), "/cards/1/url"),
    (
        labelled("x"),
        carousel(link_card(), link_card(buttons=(Button(id="1", title="a", url="https://e.org"),))),
        "/cards/1/buttons/0",
    ),
    (labelled("x"), carousel(link_card(), link_card(buttons=(Button(title="a"),))), "/cards/1/buttons/0/url"),
    (labelled("x"), carousel(link_card(), Card(product_id="1"), catalog_id="c"), "/cards"),
    (labelled("x"), carousel(link_card(), link_card(), header=Header(text="h")), "/header"),
    (labelled("x"), carousel(link_card(), link_card(), footer="f"), "/footer"),
    (labelled("x"), carousel(link_card(), link_card(), body=""), "/body"),
    (labelled("x"), carousel(link_card(), link_card(), catalog_id="c"), "/catalog_id"),
    (
        carousel(Card(product_id="1"), Card(product_id="2"), catalog_id="c"),
        carousel(Card(product_id="1"), Card(product_id="2")),
        "/catalog_id",
    ),
    (
        carousel(Card(product_id="1"), Card(product_id="2"), catalog_id="c"),
        carousel(Card(product_id="1"), Card(product_id="2", url="https://e.org"), catalog_id="c"),
        "/cards/1/url",
    ),
    (
        Interactive(kind="voice_call", body="b", button="x" * 20, parameters={"ttl_minutes": 43_200}),
        Interactive(kind="voice_call", body="b", button="x" * 21),
        "/button",
    ),
    (
        Interactive(kind="voice_call", body="b", parameters={"ttl_minutes": 43_200}),
        Interactive(kind="voice_call", body="b", parameters={"ttl_minutes": 43_201}),
        "/parameters/ttl_minutes",
    ),
    (
        Interactive(kind="voice_call", body="b", parameters={"ttl_minutes": 1}),
        Interactive(kind="voice_call", body="b", parameters={"ttl_minutes": True}),
        "/parameters/ttl_minutes",
    ),
    (
        Interactive(kind="voice_call", body="b"),
        Interactive(kind="voice_call", body="b", parameters={"display_text": "x"}),
        "/parameters/display_text",
    ),
    (
        Interactive(kind="call_permission_request", body="b"),
        Interactive(kind="call_permission_request", body=""),
        "/body",
    ),
    (Location(latitude=90, longitude=180), Location(latitude=90.001, longitude=0), "/latitude"),
    (Location(latitude=-90, longitude=-180), Location(latitude=0, longitude=-180.001), "/longitude"),
    (Location(latitude=0, longitude=0), Location(latitude=float("nan"), longitude=0), "/latitude"),
    (
        Location(latitude=0, longitude=0, name="n", address="a"),
        Location(latitude=0, longitude=0, address="a"),
        "/name",
    ),
    (Location(latitude=0, longitude=0), Location(latitude=0, longitude=0, url="https://e.org"), "/url"),
    (card(), card(formatted_name=""), "/contacts/0/formatted_name"),
    (card(), card(first_name=None), "/contacts/0/first_name"),
    (card(first_name=None, last_name="Voss"), card(first_name="", last_name=""), "/contacts/0/first_name"),
    (card(first_name=None, extra={"name": {"middle_name": "M"}}), card(vcard="BEGIN:VCARD"), "/contacts/0/vcard"),
    (card(extra={"org": {"company": "x"}}), card(extra={"pets": []}), "/contacts/0/extra/pets"),
    (card(extra={"name": {"prefix": "Dr"}}), card(extra={"name": {"nick": "M"}}), "/contacts/0/extra/name/nick"),
    (card(extra={"birthday": "1990-01-31"}), card(extra={"birthday": "31.1.1990"}), "/contacts/0/extra/birthday"),
    (
        card(phones=(ContactPhone(phone="+1"),)),
        card(phones=(ContactPhone(phone=" "),)),
        "/contacts/0/phones/0/phone",
    ),
    (card(), Contacts(contacts=()), "/contacts"),
    (card(), Contacts(contacts=card().contacts, origin="other"), "/origin"),
    (template(name="a" * 512), template(name="a" * 513), "/name"),
    (template(name="a_1"), template(name="A-1"), "/name"),
    (template(), template(name=""), "/name"),
    (template(language="pt_BR"), template(language="pt-BR"), "/language"),
    (template(language="fil"), template(language="english"), "/language"),
    (template(variables={"1": "a", "2": "b"}), template(variables={"1": "a", "3": "b"}), "/variables"),
    (template(variables={"1": "a"}), template(variables={"0": "a"}), "/variables"),
    (template(variables={"1": "a"}), template(variables={"9" * 5000: "a"}), "/variables"),
    (template(variables={"1": "a", "2": "b"}), template(variables={"1": "a", "01": "b"}), "/variables"),
    (template(variables={"name": "a"}), template(variables={"name": "a", "1": "b"}), "/variables"),
    (template(variables={"a_1": "a"}), template(variables={"First Name": "a"}), "/variables"),
    (template(variables={"1": "x" * 32_768}), template(variables={"1": "x" * 32_769}), "/variables/1"),
    (template(variables={"1": "x"}), template(variables={"1": ""}), "/variables/1"),
    (button_component(index=9), button_component(index=10), "/components/0/index"),
    (button_component(index="0"), button_component(index="-1"), "/components/0/index"),
    (button_component(sub_type="QUICK_REPLY"), button_component(sub_type="link"), "/components/0/sub_type"),
    (template(components=({"type": "header"},)), template(components=({"type": "heading"},)), "/components/0/type"),
    (template(components=({"type": "BODY"},)), template(components=({"parameters": []},)), "/components/0/type"),
    (
        template(components=({"type": "body", "parameters": []},)),
        template(components=({"type": "body", "parameters": {}},)),
        "/components/0/parameters",
    ),
]


@pytest.mark.parametrize(("allowed", "past", "pointer"), LIMITS)
def test_the_limit_is_where_it_is(allowed: AnyContent, past: AnyContent, pointer: str) -> None:
    check(allowed, TO_PHONE, None)
    assert refused(past).pointer == "/content" + pointer


JPEG = "image/jpeg"
FILES: list[tuple[AnyContent, str, int]] = [
    (Image(media=REF), JPEG, 5 * MB),
    (Image(media=REF), "image/png", 5 * MB),
    (Video(media=REF), "video/mp4", 16 * MB),
    (Video(media=REF), "video/3gpp", 16 * MB),
    (Audio(media=REF), "audio/aac", 16 * MB),
    (Audio(media=REF), "audio/amr", 16 * MB),
    (Audio(media=REF), "audio/mpeg", 16 * MB),
    (Audio(media=REF), "audio/mp4", 16 * MB),
    (Audio(media=REF), "audio/ogg", 16 * MB),
    (Audio(media=REF, voice=True), "audio/ogg; codecs=opus", 16 * MB),
    (DocumentFile(media=REF), "application/pdf", 100 * MB),
    (DocumentFile(media=REF), "application/zip", 100 * MB),
    (Sticker(media=REF), "image/webp", 100 * 1024),
    (Sticker(media=REF, animated=True), "image/webp", 500 * 1024),
]


@pytest.mark.parametrize(("content", "mime_type", "largest"), FILES)
def test_a_file_may_be_as_large_as_its_kind_allows(content: AnyContent, mime_type: str, largest: int) -> None:
    check(content, TO_PHONE, stored_file("document", mime_type, largest))
    assert refused(content, stored_file("document", mime_type, largest + 1)).pointer == "/content/media"
    assert refused(content, stored_file("document", mime_type, 0)).pointer == "/content/media"


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (Image(media=REF), "image/webp"),
        (Image(media=REF), "image/gif"),
        (Image(media=REF), "image/svg+xml"),
        (Video(media=REF), "video/webm"),
        (Video(media=REF), "video/quicktime"),
        (Audio(media=REF), "audio/wav"),
        (Audio(media=REF), "audio/webm"),
        (Sticker(media=REF), "image/png"),
        (Image(media=REF), None),
        (DocumentFile(media=REF), None),
        (DocumentFile(media=REF), ""),
    ],
)
def test_another_type_of_file_is_refused(content: AnyContent, mime_type: str | None) -> None:
    assert refused(content, stored_file("document", mime_type)).pointer == "/content/media"


def test_a_file_that_was_not_found_is_judged_by_its_reference() -> None:
    check(Image(media=MediaRef(id="m", mime_type=JPEG, size=5)), TO_PHONE, None)
    assert refused(Image(media=REF)).pointer == "/content/media"


def test_what_was_sniffed_goes_before_what_was_said() -> None:
    said = Image(media=MediaRef(id="m", mime_type=JPEG, size=5))
    assert refused(said, stored_file("image", "text/html")).pointer == "/content/media"


def test_a_voice_message_is_opus() -> None:
    assert refused(Audio(media=REF, voice=True), stored_file("audio", "audio/mpeg")).pointer == "/content/voice"


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_a_file_in_a_header_is_judged_like_any_other(kind: Any) -> None:
    content = buttons(header=Header(kind=kind, media=REF))
    good = {"image": "image/png", "video": "video/mp4", "document": "application/pdf"}[kind]
    check(content, TO_PHONE, stored_file("document", good))
    assert refused(content, stored_file("document", good, 101 * MB)).pointer == "/content/header/media"


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (Image(media=REF, caption="x" * 1025), JPEG),
        (Video(media=REF, caption="x" * 1025), "video/mp4"),
        (DocumentFile(media=REF, caption="x" * 1025), "application/pdf"),
    ],
)
def test_a_caption_has_1024_characters(content: Any, mime_type: str) -> None:
    assert refused(content, stored_file("document", mime_type)).pointer == "/content/caption"
    check(type(content)(media=REF, caption="x" * 1024), TO_PHONE, stored_file("document", mime_type))


@pytest.mark.parametrize(
    "content",
    [
        InteractiveReply(kind="button"),
        StoryReply(),
        StoryMention(),
        Share(),
        Order(),
        SystemNotice(notice="x"),
        model.Unsupported(provider_type="x"),
    ],
)
def test_what_whatsapp_has_no_message_for_is_refused(content: AnyContent) -> None:
    assert refused(content).pointer == "/content"


@pytest.mark.parametrize("kind", ["quick_replies", "generic"])
def test_kinds_of_other_channels_are_refused(kind: Any) -> None:
    assert refused(Interactive(kind=kind, body="x")).pointer == "/content/kind"


def test_the_capabilities_say_what_the_check_takes() -> None:
    assert CAPABILITIES.interactive == set(KINDS)
    assert CAPABILITIES.text_limit == 4096


@pytest.mark.parametrize("content", [Text(text="x"), template()])
def test_a_group_takes_texts_and_templates(content: AnyContent) -> None:
    check(content, TO_GROUP, None)
    check(Image(media=REF), TO_GROUP, stored_file("image", JPEG))


@pytest.mark.parametrize("content", [buttons(), Location(latitude=0, longitude=0), card()])
def test_a_group_takes_nothing_else(content: AnyContent) -> None:
    assert refused(content, to=TO_GROUP).pointer == "/content"


def test_a_one_time_password_needs_the_phone() -> None:
    otp = button_component(sub_type="otp")
    check(otp, TO_PHONE, None)
    error = refused(otp, to=TO_USER)
    assert error.pointer == "/content/components/0/sub_type"
    assert "contact request" in (error.hint or "")
    check(template(), TO_USER, None)


@pytest.mark.parametrize(
    "to",
    [
        recipient(),
        recipient(identity("phone", "", channel="whatsapp")),
        recipient(identity("phone", "+15550001111", channel="whatsapp", status="superseded")),
        recipient(identity("psid", "123", channel="messenger")),
    ],
)
def test_nobody_can_be_written_to_without_an_address(to: Recipient) -> None:
    assert refused(Text(text="x"), to=to).pointer == "/to"


words = (
    st.none()
    | st.sampled_from(["", " ", "x", "x" * 25, "x" * 5000, "https://e.org", "IN", "en", "🚀"])
    | st.text(max_size=5)
)
plain = st.sampled_from(["", "x", "a b", "x" * 25, "x" * 5000, "1"]) | st.text(max_size=5)
refs = st.builds(
    MediaRef,
    id=plain,
    mime_type=st.sampled_from([None, JPEG, "video/mp4", "image/webp", "audio/ogg", "x"]),
    size=st.none() | st.integers(-1, 200 * MB),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(plain, inner, max_size=2),
    max_leaves=5,
)
tables = st.dictionaries(
    st.sampled_from(["flow_id", "country", "ttl_minutes", "name", "birthday", "org"]) | plain, anything, max_size=3
)
many_buttons = st.lists(st.builds(Button, id=plain, title=plain, url=words, payload=words), max_size=4).map(tuple)
headers = st.builds(
    Header, kind=st.sampled_from(["text", "image", "video", "document"]), text=words, media=st.none() | refs
)
contents = st.one_of(
    st.builds(Text, text=plain, preview_url=st.booleans()),
    st.builds(Image, media=refs, caption=words),
    st.builds(Video, media=refs, caption=words),
    st.builds(Audio, media=refs, voice=st.booleans()),
    st.builds(DocumentFile, media=refs, caption=words),
    st.builds(Sticker, media=refs, animated=st.booleans()),
    st.builds(Location, latitude=st.floats(), longitude=st.floats(), name=words, address=words, url=words),
    st.builds(
        Contacts,
        contacts=st.lists(
            st.builds(ContactCard, formatted_name=plain, first_name=words, last_name=words, vcard=words, extra=tables),
            max_size=2,
        ).map(tuple),
        origin=words,
    ),
    st.builds(
        Interactive,
        kind=st.sampled_from([*KINDS, "generic", "quick_replies"]),
        body=plain,
        header=st.none() | headers,
        footer=words,
        button=words,
        buttons=many_buttons,
        sections=st.lists(
            st.builds(
                Section,
                title=words,
                rows=st.lists(st.builds(Row, id=plain, title=plain, description=words), max_size=3).map(tuple),
                product_ids=st.lists(plain, max_size=3).map(tuple),
            ),
            max_size=3,
        ).map(tuple),
        cards=st.lists(
            st.builds(
                Card, title=words, body=words, image_url=words, url=words, product_id=words, buttons=many_buttons
            ),
            max_size=3,
        ).map(tuple),
        url=words,
        catalog_id=words,
        product_id=words,
        parameters=tables,
    ),
    st.builds(
        Template,
        name=plain,
        language=plain | st.just("en"),
        variables=st.dictionaries(plain | st.sampled_from(["1", "2"]), plain, max_size=3),
        components=st.lists(
            st.dictionaries(st.sampled_from(["type", "sub_type", "index", "parameters"]), anything, max_size=4),
            max_size=2,
        ).map(tuple),
    ),
    st.builds(StoryReply),
    st.builds(model.Unsupported, provider_type=plain),
)
recipients = st.sampled_from([TO_PHONE, TO_USER, TO_GROUP, recipient()])
files = st.none() | st.builds(
    stored_file,
    st.just("document"),
    st.sampled_from([None, JPEG, "video/mp4", "audio/ogg", "image/webp", "application/pdf", ";"]),
    st.none() | st.integers(0, 200 * MB),
)


@given(contents, recipients, files)
def test_any_content_passes_or_is_unsupported_and_what_passes_can_be_built(
    content: AnyContent, to: Recipient, media: Media | None
) -> None:
    try:
        check(content, to, media)
    except Unsupported as refusal:
        pointer = refusal.pointer
    else:
        kind, part = content_part(content, "900")
        pointer = f"/content/{kind}" if msgspec.json.encode(part) else ""
    assert pointer == "/to" or pointer.startswith("/content")
