"""What is sent in Meta's own form, and files that Meta fetches itself: alike on Messenger and Instagram."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import Channel
from patchbay.errors import Unsupported
from patchbay.model.account import ChannelAccount
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    DocumentFile,
    Header,
    Image,
    Interactive,
    MediaRef,
    Native,
    Video,
)
from patchbay.testing.outbound import account, identity, outgoing, recipient
from patchbay.testing.play import answer, play
from patchbay_instagram import InstagramSettings
from patchbay_instagram.channel import InstagramChannel
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

AT = "https://files.example.org/a"
THERE = MediaRef(url=AT)
MESSENGER = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")
TO = recipient(identity("psid", "7001", channel="messenger"), identity("igsid", "7001", channel="instagram"))
SENT = answer(recipient_id="7001", message_id="m_SENT")
PLATFORMS: dict[str, tuple[Channel, ChannelAccount]] = {
    "messenger": (MESSENGER, PAGE),
    "instagram": (InstagramChannel(InstagramSettings()), account("instagram", "17841400000000001")),
}
EACH = pytest.mark.parametrize("platform", PLATFORMS)
FILES = [(Image(media=THERE), "image"), (Video(media=THERE), "video"), (Audio(media=THERE), "audio")]
FILES.append((DocumentFile(media=THERE), "file"))


def sent(platform: str, content: AnyContent) -> dict[str, Any]:
    """The value of ``message``, in the one request that the send takes."""
    channel, of = PLATFORMS[platform]
    channel.check(of, content, TO, None)
    (request,) = play(channel.send(of, outgoing(content, TO)), SENT).requests
    assert request.json is not None
    return {name: value for name, value in request.json["message"].items() if name != "metadata"}


@EACH
@pytest.mark.parametrize(("content", "kind"), FILES, ids=[kind for _, kind in FILES])
def test_a_file_is_sent_by_its_address_without_an_upload(platform: str, content: AnyContent, kind: str) -> None:
    assert sent(platform, content) == {"attachment": {"type": kind, "payload": {"url": AT}}}


@EACH
def test_the_caption_of_such_a_file_follows_it_too(platform: str) -> None:
    channel, _ = PLATFORMS[platform]
    file, caption = channel.split(Image(media=THERE, caption="New"))
    assert sent(platform, file)["attachment"]["payload"] == {"url": AT}
    assert sent(platform, caption) == {"text": "New"}


def test_messenger_fetches_the_file_above_buttons_before_it_is_shown() -> None:
    header = Header(kind="image", media=THERE)
    content = Interactive(kind="buttons", header=header, buttons=(Button(id="1", title="One"),))
    MESSENGER.check(PAGE, content, TO, None)
    fetched, shown = play(MESSENGER.send(PAGE, outgoing(content, TO)), answer(attachment_id="55"), SENT).requests
    assert (fetched.path, fetched.effect) == ("/101000000000001/message_attachments", False)
    assert fetched.json == {"message": {"attachment": {"type": "image", "payload": {"url": AT, "is_reusable": True}}}}
    assert shown.json is not None
    (element,) = shown.json["message"]["attachment"]["payload"]["elements"]
    assert (element["media_type"], element["attachment_id"]) == ("image", "55")


@EACH
@pytest.mark.parametrize(
    "payload",
    [
        {"attachment": {"type": "like_heart"}},
        {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": "1785"}}},
        {"sticker_id": "369239263222822"},
        {"attachments": [{"type": "image", "payload": {"url": f"{AT}{number}"}} for number in (1, 2)]},
        {"attachment": {"type": "template", "payload": {"template_type": "receipt", "order_number": "12"}}},
    ],
    ids=["heart", "own post", "sticker", "images", "receipt"],
)
def test_a_native_message_is_sent_as_it_is(platform: str, payload: dict[str, Any]) -> None:
    assert sent(platform, Native(payload=payload, text="Shown here")) == payload


@EACH
@pytest.mark.parametrize(
    ("payload", "pointer"),
    [({}, "/content/payload"), ({"text": "Hi", "metadata": "x"}, "/content/payload/metadata")],
    ids=["empty", "metadata"],
)
def test_a_native_message_holds_something_and_no_note_of_ours(
    platform: str, payload: dict[str, Any], pointer: str
) -> None:
    channel, of = PLATFORMS[platform]
    with pytest.raises(Unsupported) as refused:
        channel.check(of, Native(payload=payload), TO, None)
    assert refused.value.pointer == pointer
