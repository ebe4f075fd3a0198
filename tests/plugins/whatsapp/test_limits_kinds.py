"""What WhatsApp has no message for, and whom it cannot reach; any content passes or is ``Unsupported``."""

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
from tests.plugins.whatsapp.contents import REF, TO_PHONE, button_component, buttons, card, refused, template

TO_USER = recipient(identity("wa_bsuid", "US.20260001112223334445", channel="whatsapp"))
TO_GROUP = recipient(identity("wa_group", "120363000000000001", channel="whatsapp"))
MB = 2**20
JPEG = "image/jpeg"


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
