"""A send to WhatsApp: whom it names, the files it uploads first, and what its answer says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from patchbay.channel import ApiResponse, IdentityKey, Recipient
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    Unavailable,
)
from patchbay.model.content import (
    Audio,
    Button,
    DocumentFile,
    Header,
    Image,
    Interactive,
    MediaRef,
    Template,
    Text,
)
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import answer, play
from tests.plugins.whatsapp.sending import ACCOUNT, CHANNEL, PHONE, SENT, TO_PHONE, send

USER = identity("wa_bsuid", "US.20260001112223334445", channel="whatsapp")
PARENT = identity("wa_parent_bsuid", "US.ENT.70011122233344455566", channel="whatsapp")
GROUP = identity("wa_group", "120363000000000001", channel="whatsapp")
REF = MediaRef(id="med_1")


def test_a_text_is_one_post_with_our_reference() -> None:
    sent = send(Text(text="Hello"))
    assert sent.request.method == "POST"
    assert sent.request.path == "/401000000000001/messages"
    assert sent.request.effect
    assert sent.request.authorise
    assert sent.request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+15550001111",
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
        "biz_opaque_callback_data": "ref_1",
    }
    assert sent.result.external_id == "wamid.SENT"
    assert sent.result.state == "accepted"
    assert sent.result.response == SENT.body
    assert sent.result.uploaded is None


def test_a_reply_names_the_message_that_it_answers() -> None:
    body = send(Text(text="Yes"), reply_to="wamid.BEFORE").request.json
    assert body is not None
    assert body["context"] == {"message_id": "wamid.BEFORE"}


def test_an_identity_key_is_sent_along_when_asked_for() -> None:
    body = send(Text(text="Yes"), options={"recipient_identity_key_hash": "hash", "other": 1}).request.json
    assert body is not None
    assert body["recipient_identity_key_hash"] == "hash"
    assert "other" not in body


@pytest.mark.parametrize(
    ("to", "address"),
    [
        (recipient(USER, PHONE, PARENT), {"recipient_type": "individual", "to": "+15550001111"}),
        (
            recipient(identity("phone", "15550001111", channel="whatsapp")),
            {"recipient_type": "individual", "to": "+15550001111"},
        ),
        (recipient(PARENT, USER), {"recipient_type": "individual", "recipient": "US.20260001112223334445"}),
        (recipient(PARENT), {"recipient_type": "individual", "recipient": "US.ENT.70011122233344455566"}),
        (recipient(GROUP), {"recipient_type": "group", "to": "120363000000000001"}),
        (
            recipient(identity("phone", "+15550001111", channel="whatsapp", status="superseded"), USER),
            {"recipient_type": "individual", "recipient": "US.20260001112223334445"},
        ),
        (
            recipient(identity("phone", "", channel="whatsapp"), USER),
            {"recipient_type": "individual", "recipient": "US.20260001112223334445"},
        ),
    ],
)
def test_the_phone_goes_first_then_the_user_id(to: Recipient, address: dict[str, str]) -> None:
    body = send(Text(text="Hi"), to).request.json
    assert body is not None
    assert {key: body[key] for key in ("recipient_type", "to", "recipient") if key in body} == address


@pytest.mark.parametrize("to", [recipient(), recipient(identity("phone", " ", channel="whatsapp"))])
def test_nothing_is_sent_to_nobody(to: Recipient) -> None:
    with pytest.raises(RecipientUnreachable):
        play(CHANNEL.send(ACCOUNT, outgoing(Text(text="Hi"), to)))


def test_a_file_is_uploaded_first_and_its_id_is_kept() -> None:
    file = stored_file("image", "image/jpeg", filename="cat.jpg")
    flow = CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE, media=file))
    upload, message = (played := play(flow, answer(id="900"), SENT)).requests
    assert (upload.method, upload.path, upload.effect) == ("POST", "/401000000000001/media", False)
    assert upload.form == {"messaging_product": "whatsapp", "type": "image/jpeg"}
    assert upload.json is None
    assert upload.file is not None
    assert (upload.file.field, upload.file.filename, upload.file.content_type) == ("file", "cat.jpg", "image/jpeg")
    assert upload.file.media is file
    assert message.json is not None
    assert message.json["image"] == {"id": "900"}
    assert played.result.uploaded is not None
    assert played.result.uploaded.media_id == "med_1"
    assert played.result.uploaded.provider_media_id == "900"
    assert played.result.uploaded.lifetime == timedelta(days=30)


@pytest.mark.parametrize(
    ("kind", "mime_type", "name", "content_type"),
    [
        ("audio", "audio/ogg", "audio.ogg", "audio/ogg; codecs=opus"),
        ("audio", "audio/ogg; codecs=opus", "audio.ogg", "audio/ogg; codecs=opus"),
        ("document", "application/pdf", "document.pdf", "application/pdf"),
        ("document", None, "document.bin", "application/octet-stream"),
    ],
)
def test_a_file_without_a_name_gets_one(kind: Any, mime_type: str | None, name: str, content_type: str) -> None:
    content = Audio(media=REF) if kind == "audio" else DocumentFile(media=REF)
    flow = CHANNEL.send(ACCOUNT, outgoing(content, TO_PHONE, media=stored_file(kind, mime_type)))
    upload = play(flow, answer(id="900"), SENT).requests[0]
    assert upload.file is not None
    assert (upload.file.filename, upload.file.content_type) == (name, content_type)


def test_a_header_is_uploaded_like_any_file() -> None:
    content = Interactive(
        kind="buttons", body="x", header=Header(kind="image", media=REF), buttons=(Button(id="1", title="1"),)
    )
    flow = CHANNEL.send(ACCOUNT, outgoing(content, TO_PHONE, media=stored_file("image", "image/png")))
    message = play(flow, answer(id=900), SENT).requests[1]
    assert message.json is not None
    assert message.json["interactive"]["header"] == {"type": "image", "image": {"id": "900"}}


def test_a_file_that_nobody_stored_is_refused_before_any_request() -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE)))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(), Unavailable),
        (answer(id=""), Unavailable),
        (answer(id=None), Unavailable),
        (answer(400, error={"code": 131053}), Unavailable),
        (answer(400, error={"code": 190}), AccountBroken),
        (answer(504), Unavailable),
    ],
)
def test_an_upload_that_fails_sends_nothing(response: ApiResponse, kind: type[Exception]) -> None:
    flow = CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE, media=stored_file("image", "image/png")))
    with pytest.raises(kind):
        play(flow, response)


def test_the_answer_links_phone_and_user_id() -> None:
    assert send(Text(text="x")).result.recipient_keys == (
        IdentityKey(kind="phone", value="+15550001111"),
        IdentityKey(kind="wa_bsuid", value="US.20260001112223334445", scope="portfolio"),
    )


@pytest.mark.parametrize(
    ("contacts", "keys"),
    [
        ([{"input": "x", "wa_id": "15550001111"}], ["phone"]),
        ([{"input": "x", "user_id": "US.1"}], ["wa_bsuid"]),
        ([{"input": "x", "wa_id": "US.1"}], ["wa_bsuid"]),
        ([{"input": "x", "wa_id": "", "user_id": None}], []),
        ([{"wa_id": 5}], []),
        ([], []),
        (None, []),
        ("x", []),
        (["x"], []),
    ],
)
def test_odd_contacts_in_the_answer_cost_nothing(contacts: Any, keys: list[str]) -> None:
    response = answer(contacts=contacts, messages=[{"id": "wamid.1"}])
    assert [key.kind for key in send(Text(text="x"), response=response).result.recipient_keys] == keys


def test_a_group_is_nobodys_phone() -> None:
    response = answer(
        contacts=[{"input": "120363000000000001", "wa_id": "120363000000000001"}],
        messages=[{"id": "wamid.1", "group_id": "120363000000000001"}],
    )
    assert send(Text(text="x"), recipient(GROUP), response=response).result.recipient_keys == ()


@pytest.mark.parametrize("status", ["accepted", "held_for_quality_assessment", "paused"])
def test_a_paced_template_is_accepted_and_says_so(status: str) -> None:
    response = answer(messages=[{"id": "wamid.1", "message_status": status}])
    result = send(Template(name="sale", language="en"), response=response).result
    assert (result.state, result.external_id) == ("accepted", "wamid.1")
    assert result.response["messages"][0]["message_status"] == status


@pytest.mark.parametrize(
    "response",
    [answer(), answer(messages=[]), answer(messages=[{}]), answer(messages=[{"id": ""}]), answer(messages={"id": "x"})],
)
def test_an_answer_without_an_id_may_have_sent_it(response: ApiResponse) -> None:
    with pytest.raises(OutcomeUnknown):
        send(Text(text="x"), response=response)


def test_an_error_inside_a_good_status_is_an_error() -> None:
    with pytest.raises(Rejected) as caught:
        send(Text(text="x"), response=answer(200, error={"code": 131009, "message": "No."}))
    assert caught.value.provider_code == "131009"


def test_a_reaction_is_set_and_taken_back() -> None:
    set_one = play(CHANNEL.react(ACCOUNT, TO_PHONE, "wamid.X", "👍"), SENT)
    assert set_one.request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+15550001111",
        "type": "reaction",
        "reaction": {"message_id": "wamid.X", "emoji": "👍"},
    }
    assert set_one.request.effect
    assert set_one.result.external_id == "wamid.SENT"
    taken = play(CHANNEL.react(ACCOUNT, TO_PHONE, "wamid.X", None), SENT).request.json
    assert taken is not None
    assert taken["reaction"] == {"message_id": "wamid.X", "emoji": ""}


def test_a_message_is_marked_read() -> None:
    request = play(CHANNEL.mark_read(ACCOUNT, TO_PHONE, "wamid.X"), answer(success=True)).request
    assert request.json == {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}
    assert not request.effect


def test_typing_is_shown_on_the_last_message_and_needs_one() -> None:
    request = play(CHANNEL.typing(ACCOUNT, TO_PHONE, "wamid.X"), answer(success=True)).request
    assert request.json == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.X",
        "typing_indicator": {"type": "text"},
    }
    assert play(CHANNEL.typing(ACCOUNT, TO_PHONE, None)).requests == ()


def test_a_strange_account_id_stays_one_segment_of_the_path() -> None:
    odd = account("whatsapp", "../me?x=")
    request = play(CHANNEL.send(odd, outgoing(Text(text="x"), TO_PHONE)), SENT).request
    assert request.path == "/..%2Fme%3Fx%3D/messages"
