"""Every outbound form over both logins: which host, which sender, and the JSON of the Send API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from patchbay.channel import ApiResponse, IdentityKey, Person, Recipient, SendReceipt
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    RecipientUnreachable,
    Rejected,
    SendError,
    Unsupported,
)
from patchbay.model.account import ChannelAccount
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    DocumentFile,
    Image,
    Interactive,
    MediaRef,
    Sticker,
    Template,
    Text,
    Video,
)
from patchbay.model.media import MediaKind, ProviderMedia
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import Played, answer, play
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings

CHANNEL = InstagramChannel(InstagramSettings())
LOGIN = account("instagram", "17841400000000001", login="instagram")
LINKED = account("instagram", "17841400000000001", "101000000000001", login="page")
TO = recipient(identity("igsid", "9001", channel="instagram"))
SENT = answer(recipient_id="9001", message_id="aWdfSENT")
REF = MediaRef(id="med_1")
BOTH = pytest.mark.parametrize(("on", "node"), [(LOGIN, "/17841400000000001"), (LINKED, "/101000000000001")])


def send(
    content: AnyContent, to: Recipient = TO, *, on: ChannelAccount = LOGIN, response: ApiResponse = SENT, **more: Any
) -> Played[SendReceipt]:
    return play(CHANNEL.send(on, outgoing(content, to, **more)), response)


def body_of(content: AnyContent, **more: Any) -> dict[str, Any]:
    return dict(send(content, **more).request.json or {})


@BOTH
def test_a_text_is_one_post_from_the_account_or_from_its_page(on: ChannelAccount, node: str) -> None:
    sent = send(Text(text="Hello"), on=on)
    assert (sent.request.method, sent.request.path) == ("POST", f"{node}/messages")
    assert sent.request.effect
    # Instagram has no metadata: nothing of ours is in the message.
    assert sent.request.json == {
        "recipient": {"id": "9001"},
        "messaging_type": "RESPONSE",
        "message": {"text": "Hello"},
    }
    assert sent.result.external_id == "aWdfSENT"
    assert sent.result.recipient_keys == (IdentityKey(kind="igsid", value="9001", scope="account"),)


def test_each_login_has_its_host_and_a_setting_replaces_both() -> None:
    assert CHANNEL.base_url(LOGIN) == "https://graph.instagram.com/v26.0"
    assert CHANNEL.base_url(LINKED) == "https://graph.facebook.com/v26.0"
    beside = InstagramChannel(InstagramSettings.model_validate({"graph_url": "http://127.0.0.1:9101"}))
    assert beside.base_url(LOGIN) == beside.base_url(LINKED) == "http://127.0.0.1:9101/v26.0"
    own = account("instagram", "1", login="instagram", graph_url="https://graph.facebook.com")
    assert CHANNEL.base_url(own) == "https://graph.facebook.com/v26.0"


def test_an_account_that_names_a_page_is_connected_by_it_unless_it_says_otherwise() -> None:
    assert CHANNEL.node(account("instagram", "1784", "101")) == "/101"
    assert CHANNEL.node(account("instagram", "1784")) == "/1784"
    assert CHANNEL.node(account("instagram", "1784", "101", login="instagram")) == "/1784"


def test_an_account_by_its_page_needs_the_page() -> None:
    with pytest.raises(AccountBroken) as caught:
        play(CHANNEL.send(account("instagram", "1784", login="page"), outgoing(Text(text="x"), TO)))
    assert caught.value.hint


def test_a_reply_names_the_message_that_it_answers() -> None:
    assert body_of(Text(text="Yes"), reply_to="aWdfBEFORE")["reply_to"] == {"mid": "aWdfBEFORE"}


def test_an_answer_to_a_comment_is_a_private_reply_that_tells_who_wrote_it() -> None:
    sent = send(Text(text="Let us talk"), reply_to="comment:1790", response=answer(recipient_id="9002", message_id="a"))
    assert sent.request.json is not None
    assert sent.request.json["recipient"] == {"comment_id": "1790"}
    assert "reply_to" not in sent.request.json
    assert sent.result.recipient_keys == (IdentityKey(kind="igsid", value="9002", scope="account"),)


def test_a_person_may_answer_with_the_tag_and_nothing_else_is_an_option() -> None:
    body = body_of(Text(text="x"), options={"tag": "HUMAN_AGENT"})
    assert (body["messaging_type"], body["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    for name, value in (("persona_id", "1"), ("notification_type", "NO_PUSH"), ("messaging_type", "UPDATE")):
        with pytest.raises(Unsupported) as caught:
            play(CHANNEL.send(LOGIN, outgoing(Text(text="x"), TO, options={name: value})))
        assert caught.value.pointer == f"/options/{name}"


def test_nothing_is_sent_to_nobody() -> None:
    with pytest.raises(RecipientUnreachable):
        play(CHANNEL.send(LOGIN, outgoing(Text(text="x"), recipient(identity("psid", "1", channel="messenger")))))


FILES: list[tuple[AnyContent, MediaKind, str, str, str]] = [
    (Image(media=REF), "image", "image/jpeg", "image", "image.jpg"),
    (Video(media=REF), "video", "video/mp4", "video", "video.mp4"),
    (Audio(media=REF), "audio", "audio/mp4", "audio", "audio.m4a"),
    (DocumentFile(media=REF), "document", "application/pdf", "file", "file.pdf"),
]


@pytest.mark.parametrize(("content", "kind", "mime_type", "theirs", "name"), FILES)
@BOTH
def test_a_file_is_uploaded_and_then_sent_by_its_id(
    on: ChannelAccount, node: str, content: AnyContent, kind: MediaKind, mime_type: str, theirs: str, name: str
) -> None:
    media = stored_file(kind, mime_type)
    sent = play(CHANNEL.send(on, outgoing(content, TO, media=media)), answer(attachment_id=900), SENT)
    upload, message = sent.requests
    assert (upload.path, upload.effect) == (f"{node}/message_attachments", False)
    form = dict(upload.form or {})
    assert json.loads(form.pop("message")) == {"attachment": {"type": theirs, "payload": {"is_reusable": True}}}
    assert form == ({"platform": "instagram"} if on is LINKED else {})
    assert upload.file is not None
    assert (upload.file.field, upload.file.filename, upload.file.content_type) == ("filedata", name, mime_type)
    assert message.json is not None
    assert message.json["message"] == {"attachment": {"type": theirs, "payload": {"attachment_id": "900"}}}
    assert sent.result.uploaded is not None
    assert sent.result.uploaded.lifetime == timedelta(days=90)


def test_quick_replies_buttons_and_cards_take_metas_form() -> None:
    yes = Button(id="y", title="Yes")
    quick = body_of(Interactive(kind="quick_replies", body="Coming?", buttons=(yes,)))["message"]
    assert quick == {
        "text": "Coming?",
        "quick_replies": [{"content_type": "text", "title": "Yes", "payload": "y"}],
    }
    postback = {"type": "postback", "title": "Yes", "payload": "y"}
    template = body_of(Interactive(kind="buttons", body="Coming?", buttons=(yes,)))["message"]["attachment"]
    assert template == {
        "type": "template",
        "payload": {"template_type": "button", "text": "Coming?", "buttons": [postback]},
    }
    generic = body_of(Interactive(kind="generic", cards=(Card(title="Lamp", buttons=(yes,)),)))["message"]["attachment"]
    assert generic["payload"] == {
        "template_type": "generic",
        "elements": [{"title": "Lamp", "buttons": [postback]}],
    }


@pytest.mark.parametrize("content", [Template(name="a", language="en"), Sticker(media=REF)])
def test_what_instagram_lacks_is_never_sent_as_something_else(content: AnyContent) -> None:
    with pytest.raises(Unsupported):
        play(CHANNEL.send(LOGIN, outgoing(content, TO, media=stored_file("sticker", "image/webp"))))


def test_a_good_answer_without_a_message_is_a_failure_for_no_echo_could_tell() -> None:
    with pytest.raises(Rejected, match="without naming the message"):
        send(Text(text="x"), response=answer(recipient_id="9001"))
    with pytest.raises(Rejected):
        send(Text(text="x"), response=answer(200, message_id="a", error={"code": 100}))


def test_the_human_agent_feature_that_lacks_does_not_stop_the_account() -> None:
    refused = answer(403, error={"code": 10})
    with pytest.raises(Rejected):
        send(Text(text="x"), response=refused, options={"tag": "HUMAN_AGENT"})
    with pytest.raises(AccountBroken):
        send(Text(text="x"), response=refused)


@BOTH
def test_reactions_and_sender_actions_go_the_same_way(on: ChannelAccount, node: str) -> None:
    done = answer(recipient_id="9001")
    react = play(CHANNEL.react(on, TO, "aWdfX", "👍"), done)
    assert react.request.path == f"{node}/messages"
    assert react.request.json == {
        "recipient": {"id": "9001"},
        "sender_action": "react",
        "payload": {"message_id": "aWdfX", "reaction": "👍"},
    }
    assert react.result.external_id == "aWdfX"
    back = play(CHANNEL.react(on, TO, "aWdfX", None), done)
    assert back.request.json == {
        "recipient": {"id": "9001"},
        "sender_action": "unreact",
        "payload": {"message_id": "aWdfX"},
    }
    seen = play(CHANNEL.mark_read(on, TO, "aWdfX"), done)
    assert seen.request.json == {"recipient": {"id": "9001"}, "sender_action": "mark_seen"}
    typing = play(CHANNEL.typing(on, TO, None), done)
    assert typing.request.json == {"recipient": {"id": "9001"}, "sender_action": "typing_on"}


def test_a_received_file_is_where_the_webhook_said_and_sees_no_token() -> None:
    url = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1"
    kept = stored_file("image", "image/jpeg", provider=ProviderMedia(url=url))
    source = play(CHANNEL.fetch_media(LOGIN, kept)).result
    assert (source.url, source.authorise) == (url, False)
    for odd in (None, "http://cdn.example/1"):
        with pytest.raises(MediaRefused):
            play(CHANNEL.fetch_media(LOGIN, stored_file("image", "image/jpeg", provider=ProviderMedia(url=odd))))


@pytest.mark.parametrize("wrap", [lambda told: told, lambda told: {"data": [told]}, lambda told: {"data": told}])
def test_an_instagram_login_says_whose_token_it_is(wrap: Any) -> None:
    mine = answer(**wrap({"id": "5", "user_id": "17841400000000001", "username": "lamps"}))
    asked = play(CHANNEL.check_account(LOGIN), mine)
    assert asked.request.path == "/me"
    assert asked.result["username"] == "lamps"
    with pytest.raises(AccountBroken):
        play(CHANNEL.check_account(LOGIN), answer(**wrap({"id": "5", "user_id": "17841400000000002"})))


def test_an_account_by_its_page_is_asked_for_itself() -> None:
    asked = play(CHANNEL.check_account(LINKED), answer(id="17841400000000001", username="lamps"))
    assert asked.request.path == "/17841400000000001"
    for refused in ({"code": 100, "error_subcode": 33}, {"code": 190, "error_subcode": 463}):
        with pytest.raises(AccountBroken):
            play(CHANNEL.check_account(LINKED), answer(400, error=refused))


def test_there_are_no_templates() -> None:
    assert play(CHANNEL.list_templates(LOGIN)).result == []
    assert not CHANNEL.capabilities.templates


def test_a_profile_is_asked_for_at_the_host_of_the_login_and_may_lack_a_name() -> None:
    key = IdentityKey(kind="igsid", value="9001", scope="account")
    asked = play(CHANNEL.fetch_profile(LOGIN, key), answer(name=None, username="mara"))
    assert (asked.request.path, asked.request.query) == ("/9001", {"fields": "name,username"})
    assert asked.result == Person(keys=(key,), username="mara")
    for refused in ({"code": 230}, {"code": 100, "message": "User consent is required to access user profile"}):
        with pytest.raises(SendError):
            play(CHANNEL.fetch_profile(LOGIN, key), answer(400, error=refused), answer(data=[]))


@pytest.mark.parametrize("heart", ["\u2764", "\u2764\ufe0f"])
def test_a_heart_goes_by_its_name(heart: str) -> None:
    react = play(CHANNEL.react(LOGIN, TO, "aWdfX", heart), answer(recipient_id="9001"))
    assert react.request.json is not None
    assert react.request.json["payload"] == {"message_id": "aWdfX", "reaction": "love"}
