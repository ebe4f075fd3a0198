"""Every outbound form against the JSON of the Send API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from patchbay.channel import ApiResponse, IdentityKey, Recipient, SendReceipt
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    SendError,
    Unavailable,
    Unsupported,
)
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Section,
    Template,
    Text,
    Video,
)
from patchbay.model.media import MediaKind
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import Played, answer, play
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")
PSID = identity("psid", "7001", channel="messenger")
TO = recipient(PSID)
SENT = answer(recipient_id="7001", message_id="m_SENT")
REF = MediaRef(id="med_1")


def send(content: AnyContent, to: Recipient = TO, *, response: ApiResponse = SENT, **more: Any) -> Played[SendReceipt]:
    return play(CHANNEL.send(PAGE, outgoing(content, to, **more)), response)


def body_of(content: AnyContent, to: Recipient = TO, **more: Any) -> dict[str, Any]:
    return dict(send(content, to, **more).request.json or {})


def test_a_text_is_one_post_with_our_reference() -> None:
    sent = send(Text(text="Hello"))
    assert (sent.request.method, sent.request.path) == ("POST", "/101000000000001/messages")
    assert sent.request.effect
    assert sent.request.authorise
    assert sent.request.json == {
        "recipient": {"id": "7001"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hello", "metadata": "ref_1"},
    }
    assert sent.result.external_id == "m_SENT"
    assert sent.result.recipient_keys == (IdentityKey(kind="psid", value="7001", scope="account"),)
    assert sent.result.uploaded is None


def test_a_reply_names_the_message_that_it_answers() -> None:
    assert body_of(Text(text="Yes"), reply_to="m_BEFORE")["reply_to"] == {"mid": "m_BEFORE"}


@pytest.mark.parametrize(
    ("reply_to", "to"),
    [("comment:11_22", {"comment_id": "11_22"}), ("post:11_33", {"post_id": "11_33"})],
)
def test_an_answer_to_a_comment_or_a_post_is_a_private_reply(reply_to: str, to: dict[str, str]) -> None:
    body = body_of(Text(text="Let us talk"), reply_to=reply_to)
    assert body["recipient"] == to
    assert "reply_to" not in body


def test_the_answer_to_a_private_reply_tells_who_wrote_the_comment() -> None:
    sent = send(Text(text="Hi"), reply_to="comment:1", response=answer(recipient_id=7002, message_id="m_1"))
    assert sent.result.recipient_keys == (IdentityKey(kind="psid", value="7002", scope="account"),)


def test_somebody_known_by_a_user_ref_only_is_written_to_by_it() -> None:
    by_ref = recipient(identity("external", "user_ref:abc", channel="messenger"))
    sent = send(Text(text="Hi"), by_ref, response=answer(message_id="m_1"))
    assert sent.request.json is not None
    assert sent.request.json["recipient"] == {"user_ref": "abc"}
    assert sent.result.recipient_keys == ()
    both = recipient(identity("external", "user_ref:abc", channel="messenger"), PSID)
    assert body_of(Text(text="Hi"), both)["recipient"] == {"id": "7001"}


@pytest.mark.parametrize(
    "to",
    [
        recipient(),
        recipient(identity("psid", " ", channel="messenger")),
        recipient(identity("psid", "1", channel="messenger", status="superseded")),
        recipient(identity("external", "other:abc", channel="messenger")),
    ],
)
def test_nothing_is_sent_to_nobody(to: Recipient) -> None:
    with pytest.raises(RecipientUnreachable):
        play(CHANNEL.send(PAGE, outgoing(Text(text="Hi"), to)))


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({}, {"messaging_type": "RESPONSE"}),
        ({"messaging_type": "UPDATE"}, {"messaging_type": "UPDATE"}),
        ({"tag": "HUMAN_AGENT"}, {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}),
        (
            {"persona_id": "55", "notification_type": "NO_PUSH", "theirs": 1},
            {"messaging_type": "RESPONSE", "persona_id": "55", "notification_type": "NO_PUSH"},
        ),
    ],
)
def test_options_are_members_of_the_body(options: dict[str, Any], members: dict[str, str]) -> None:
    body = body_of(Text(text="Hi"), options=options)
    assert {name: value for name, value in body.items() if name not in ("recipient", "message")} == members


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"tag": "ACCOUNT_UPDATE"}, "/options/tag"),
        ({"tag": ["HUMAN_AGENT"]}, "/options/tag"),
        ({"messaging_type": "MESSAGE_TAG"}, "/options/messaging_type"),
        ({"messaging_type": "UPDATE", "tag": "HUMAN_AGENT"}, "/options/messaging_type"),
        ({"notification_type": "LOUD"}, "/options/notification_type"),
        ({"persona_id": 5}, "/options/persona_id"),
    ],
)
def test_an_option_that_cannot_be_kept_is_refused(options: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Unsupported) as caught:
        play(CHANNEL.send(PAGE, outgoing(Text(text="Hi"), TO, options=options)))
    assert caught.value.pointer == pointer
    assert caught.value.hint


def template(template_type: str, **members: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": {"template_type": template_type, **members}}}


LINK = {"type": "web_url", "title": "Open", "url": "https://shop.example/1"}
CONTENTS: list[tuple[AnyContent, dict[str, Any]]] = [
    (
        Interactive(
            kind="quick_replies", body="Coming?", buttons=(Button(id="y", title="Yes"), Button(id="n", title="No"))
        ),
        {
            "text": "Coming?",
            "quick_replies": [
                {"content_type": "text", "title": "Yes", "payload": "y"},
                {"content_type": "text", "title": "No", "payload": "n"},
            ],
        },
    ),
    (
        Interactive(
            kind="buttons",
            body="More?",
            buttons=(Button(id="more", title="More"), Button(title="Open", url="https://shop.example/1")),
        ),
        template("button", text="More?", buttons=[{"type": "postback", "title": "More", "payload": "more"}, LINK]),
    ),
    (
        Interactive(kind="cta_url", body="See", button="Open", url="https://shop.example/1"),
        template("button", text="See", buttons=[LINK]),
    ),
    (
        Interactive(
            kind="generic",
            cards=(
                Card(
                    title="Lamp",
                    subtitle="Warm",
                    image_url="https://shop.example/1.png",
                    url="https://shop.example/1",
                    buttons=(Button(id="buy:1", title="Buy"),),
                ),
                Card(title="Desk", subtitle="Oak"),
            ),
        ),
        template(
            "generic",
            elements=[
                {
                    "title": "Lamp",
                    "subtitle": "Warm",
                    "image_url": "https://shop.example/1.png",
                    "default_action": {"type": "web_url", "url": "https://shop.example/1"},
                    "buttons": [{"type": "postback", "title": "Buy", "payload": "buy:1"}],
                },
                {"title": "Desk", "subtitle": "Oak"},
            ],
        ),
    ),
    (Interactive(kind="product", product_id="p1"), template("product", elements=[{"id": "p1"}])),
    (
        Interactive(kind="product_list", sections=(Section(product_ids=("p1", "p2")), Section(product_ids=("p3",)))),
        template("product", elements=[{"id": "p1"}, {"id": "p2"}, {"id": "p3"}]),
    ),
]


@pytest.mark.parametrize(("content", "message"), CONTENTS, ids=lambda value: getattr(value, "kind", None))
def test_interactive_messages_take_metas_form(content: AnyContent, message: dict[str, Any]) -> None:
    CHANNEL.check(PAGE, content, TO, None)
    assert body_of(content)["message"] == {**message, "metadata": "ref_1"}


def test_a_template_is_a_utility_message() -> None:
    content = Template(name="order_update", language="en_US", variables={"2": "Friday", "1": "Mara"})
    CHANNEL.check(PAGE, content, TO, None)
    body = body_of(content)
    assert body["messaging_type"] == "UTILITY"
    assert body["message"]["template"] == {
        "name": "order_update",
        "language": {"code": "en_US"},
        "components": [
            {"type": "BODY", "parameters": [{"type": "text", "text": "Mara"}, {"type": "text", "text": "Friday"}]}
        ],
    }


def test_components_go_before_variables() -> None:
    given = ({"type": "body", "parameters": [{"type": "text", "text": "x"}]}, {"type": "BUTTONS", "parameters": []})
    shown = body_of(Template(name="a", language="en", variables={"1": "y"}, components=given))["message"]["template"]
    assert shown["components"] == [{**given[0], "type": "BODY"}, given[1]]
    assert "components" not in body_of(Template(name="a", language="en"))["message"]["template"]


FILES: list[tuple[AnyContent, MediaKind, str, str, str]] = [
    (Image(media=REF), "image", "image/png", "image", "image.png"),
    (Video(media=REF), "video", "video/mp4", "video", "video.mp4"),
    (Audio(media=REF), "audio", "audio/mpeg", "audio", "audio.mp3"),
    (
        DocumentFile(media=MediaRef(id="med_1", filename="offer.pdf")),
        "document",
        "application/pdf",
        "file",
        "offer.pdf",
    ),
    (DocumentFile(media=REF), "document", "application/x-odd", "file", "file.bin"),
]


@pytest.mark.parametrize(("content", "kind", "mime_type", "theirs", "name"), FILES)
def test_a_file_is_uploaded_and_then_sent_by_its_id(
    content: AnyContent, kind: MediaKind, mime_type: str, theirs: str, name: str
) -> None:
    media = stored_file(kind, mime_type)
    sent = play(CHANNEL.send(PAGE, outgoing(content, TO, media=media)), answer(attachment_id="900"), SENT)
    upload, message = sent.requests
    assert (upload.method, upload.path, upload.effect) == ("POST", "/101000000000001/message_attachments", False)
    assert upload.form is not None
    assert set(upload.form) == {"message"}
    assert json.loads(upload.form["message"]) == {"attachment": {"type": theirs, "payload": {"is_reusable": True}}}
    assert upload.file is not None
    assert (upload.file.field, upload.file.media, upload.file.content_type) == ("filedata", media, mime_type)
    assert upload.file.filename == name
    assert message.effect
    assert message.json is not None
    assert message.json["message"]["attachment"] == {"type": theirs, "payload": {"attachment_id": "900"}}
    uploaded = sent.result.uploaded
    assert uploaded is not None
    assert (uploaded.media_id, uploaded.provider_media_id, uploaded.lifetime) == ("med_1", "900", timedelta(days=90))


@pytest.mark.parametrize(("kind", "mime_type"), [("image", "image/png"), ("video", "video/mp4")])
def test_a_file_with_buttons_is_a_media_template(kind: Any, mime_type: str) -> None:
    content = Interactive(kind="buttons", header=Header(kind=kind, media=REF), buttons=(Button(id="y", title="Yes"),))
    media = stored_file(kind, mime_type)
    CHANNEL.check(PAGE, content, TO, media)
    sent = play(CHANNEL.send(PAGE, outgoing(content, TO, media=media)), answer(attachment_id="900"), SENT)
    assert json.loads((sent.requests[0].form or {})["message"])["attachment"]["type"] == kind
    button = {"type": "postback", "title": "Yes", "payload": "y"}
    assert (sent.requests[1].json or {})["message"] == {
        **template("media", elements=[{"media_type": kind, "attachment_id": "900", "buttons": [button]}]),
        "metadata": "ref_1",
    }
    assert sent.result.uploaded is not None


def test_a_file_that_meta_has_is_not_uploaded_again() -> None:
    sent = send(Image(media=REF), provider_media_id="901")
    assert sent.request.json is not None
    assert sent.request.json["message"]["attachment"]["payload"] == {"attachment_id": "901"}
    assert sent.result.uploaded is None


def test_a_file_that_is_gone_is_refused_and_one_without_an_id_is_tried_again() -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.send(PAGE, outgoing(Image(media=REF), TO)))
    media = stored_file("image", "image/png")
    with pytest.raises(Unavailable) as caught:
        play(CHANNEL.send(PAGE, outgoing(Image(media=REF), TO, media=media)), answer())
    assert caught.value.limit == 3


@pytest.mark.parametrize("content", [Location(latitude=1, longitude=2), Image(media=REF, caption="x")])
def test_what_has_no_form_is_refused_and_never_sent_as_something_else(content: AnyContent) -> None:
    media = stored_file("image", "image/png")
    with pytest.raises(Unsupported):
        play(CHANNEL.send(PAGE, outgoing(content, TO, media=media, provider_media_id="900")))


@pytest.mark.parametrize(
    "body", [{}, {"recipient_id": "7001"}, {"message_id": ""}, {"message_id": None}, {"message_id": []}]
)
def test_a_good_answer_without_a_message_is_an_open_question(body: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        send(Text(text="x"), response=answer(200, **body))


def test_an_error_inside_of_a_200_is_an_error() -> None:
    with pytest.raises(Rejected):
        send(Text(text="x"), response=answer(200, message_id="m_1", error={"code": 100, "error_subcode": 2018034}))


def test_a_tag_that_the_app_may_not_use_does_not_stop_the_page() -> None:
    refused = answer(403, error={"code": 10, "message": "(#10) Application does not have permission"})
    with pytest.raises(Rejected) as tagged:
        send(Text(text="x"), response=refused, options={"tag": "HUMAN_AGENT"})
    assert type(tagged.value) is Rejected
    assert tagged.value.hint
    with pytest.raises(AccountBroken):
        send(Text(text="x"), response=refused)


def test_a_reaction_is_set_and_taken_back() -> None:
    done = answer(recipient_id="7001", message_id="m_THEIRS")
    set_ = play(CHANNEL.react(PAGE, TO, "m_THEIRS", "👍"), done)
    assert set_.request.effect
    assert set_.request.json == {
        "recipient": {"id": "7001"},
        "sender_action": "react",
        "payload": {"message_id": "m_THEIRS", "reaction": "👍"},
    }
    assert set_.result.external_id == "m_THEIRS"
    back = play(CHANNEL.react(PAGE, TO, "m_THEIRS", None), answer(recipient_id="7001"))
    assert back.request.json == {
        "recipient": {"id": "7001"},
        "sender_action": "unreact",
        "payload": {"message_id": "m_THEIRS"},
    }
    with pytest.raises(Unsupported):
        play(CHANNEL.react(PAGE, TO, "comment:1", "👍"))
    with pytest.raises(SendError):
        play(CHANNEL.react(PAGE, TO, "m_THEIRS", "👍"), answer(400, error={"code": 100}))


def test_sender_actions_hold_nothing_but_whom_and_what() -> None:
    seen = play(CHANNEL.mark_read(PAGE, TO, "m_1"), answer(recipient_id="7001"))
    assert seen.request.json == {"recipient": {"id": "7001"}, "sender_action": "mark_seen"}
    typing = play(CHANNEL.typing(PAGE, TO, None), answer(recipient_id="7001"))
    assert typing.request.json == {"recipient": {"id": "7001"}, "sender_action": "typing_on"}
    assert not seen.request.effect
    assert not typing.request.effect
    with pytest.raises(SendError):
        play(CHANNEL.typing(PAGE, TO, None), answer(400, error={"code": 100}))


def test_a_comment_is_not_marked_and_a_user_ref_sees_no_typing() -> None:
    by_ref = recipient(identity("external", "user_ref:abc", channel="messenger"))
    assert play(CHANNEL.mark_read(PAGE, TO, "comment:1")).requests == ()
    assert play(CHANNEL.typing(PAGE, by_ref, None)).requests == ()


def test_an_upload_of_unknown_outcome_is_done_again_for_nobody_saw_it() -> None:
    media = stored_file("image", "image/png")
    lost = answer(500, error={"code": 1, "error_subcode": 1357046})
    with pytest.raises(Unavailable):
        play(CHANNEL.send(PAGE, outgoing(Image(media=REF), TO, media=media)), lost)
    with pytest.raises(OutcomeUnknown):
        send(Text(text="x"), response=lost)
