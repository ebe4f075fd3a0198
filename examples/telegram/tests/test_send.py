"""The calls that a message takes, and what their answers mean."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from patchbay.channel import ApiRequest, MediaSource, UploadedMedia
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
)
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Sticker,
    Text,
    Video,
)
from patchbay.model.media import MediaKind, ProviderMedia
from patchbay.testing.outbound import identity, outgoing, recipient, stored_file
from patchbay.testing.play import answer, play

from patchbay_telegram.names import key_of
from people import BAKERS, BOT, CHANNEL, MARA, refused, taken

HI = Text(text="Hi")
REF = MediaRef(id="med_1")
QUIET = {"is_disabled": True}
YES_NO = (Button(id="y", title="Yes"), Button(id="n", title="No"))
HELP = Button(title="Help", url="https://example.com")


def call(request: ApiRequest) -> str:
    assert request.path.startswith("/bot{token}/")
    assert request.method == "POST"
    return request.path.removeprefix("/bot{token}/")


PLAIN: list[tuple[AnyContent, str, dict[str, Any]]] = [
    (HI, "sendMessage", {"text": "Hi", "link_preview_options": QUIET}),
    (Text(text="https://a.example", preview_url=True), "sendMessage", {"text": "https://a.example"}),
    (Location(latitude=48.2, longitude=16.4), "sendLocation", {"latitude": 48.2, "longitude": 16.4}),
    (
        Location(latitude=48.2, longitude=16.4, name="Shop", address="Ring 1"),
        "sendVenue",
        {"latitude": 48.2, "longitude": 16.4, "title": "Shop", "address": "Ring 1"},
    ),
    (
        Contacts(contacts=(ContactCard(formatted_name="Jo Ek", phones=(ContactPhone(phone="+1555"),)),)),
        "sendContact",
        {"phone_number": "+1555", "first_name": "Jo Ek"},
    ),
    (
        Contacts(
            contacts=(
                ContactCard(
                    formatted_name="Jo Ek",
                    first_name="Jo",
                    last_name="Ek",
                    phones=(ContactPhone(phone="+1555"),),
                    vcard="V",
                ),
            )
        ),
        "sendContact",
        {"phone_number": "+1555", "first_name": "Jo", "last_name": "Ek", "vcard": "V"},
    ),
    (
        Interactive(kind="buttons", body="Sure?", buttons=(*YES_NO, HELP)),
        "sendMessage",
        {
            "text": "Sure?",
            "reply_markup": {
                "inline_keyboard": [
                    [{"text": "Yes", "callback_data": "y"}],
                    [{"text": "No", "callback_data": "n"}],
                    [{"text": "Help", "url": "https://example.com"}],
                ]
            },
        },
    ),
    (
        Interactive(kind="quick_replies", body="Sure?", buttons=YES_NO * 2),
        "sendMessage",
        {
            "text": "Sure?",
            "reply_markup": {
                "inline_keyboard": [
                    [
                        {"text": "Yes", "callback_data": "y"},
                        {"text": "No", "callback_data": "n"},
                        {"text": "Yes", "callback_data": "y"},
                    ],
                    [{"text": "No", "callback_data": "n"}],
                ]
            },
        },
    ),
    (
        Interactive(kind="cta_url", body="See", button="Open", url="https://example.com"),
        "sendMessage",
        {"text": "See", "reply_markup": {"inline_keyboard": [[{"text": "Open", "url": "https://example.com"}]]}},
    ),
    (
        Interactive(kind="contact_request", body="Call you?", button="My number"),
        "sendMessage",
        {
            "text": "Call you?",
            "reply_markup": {
                "keyboard": [[{"text": "My number", "request_contact": True}]],
                "one_time_keyboard": True,
                "resize_keyboard": True,
            },
        },
    ),
]


@pytest.mark.parametrize(("content", "method", "params"), PLAIN)
def test_a_content_is_one_call(content: AnyContent, method: str, params: dict[str, Any]) -> None:
    CHANNEL.check(content, MARA, None)
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA)), taken())
    assert call(sent.request) == method
    assert sent.request.json == {"chat_id": 7001, **params}
    assert sent.request.effect
    assert (sent.result.external_id, sent.result.recipient_keys) == ("7001:12", ())


FILES: list[tuple[AnyContent, MediaKind, str, str, dict[str, str], Any]] = [
    (
        Image(media=REF, caption="Look"),
        "image",
        "image/png",
        "photo",
        {"caption": "Look"},
        [{"file_id": "s"}, {"file_id": "F"}],
    ),
    (Image(media=REF), "image", "image/gif", "animation", {}, {"file_id": "F"}),
    (Video(media=REF, caption="V"), "video", "video/mp4", "video", {"caption": "V"}, {"file_id": "F"}),
    (Audio(media=REF), "audio", "audio/mpeg", "audio", {}, {"file_id": "F"}),
    (Audio(media=REF, voice=True), "audio", "audio/ogg", "voice", {}, {"file_id": "F"}),
    (DocumentFile(media=REF), "document", "application/pdf", "document", {}, {"file_id": "F"}),
    (Sticker(media=REF), "sticker", "image/webp", "sticker", {}, {"file_id": "F"}),
]


@pytest.mark.parametrize(("content", "kind", "mime_type", "field", "params", "held"), FILES)
def test_a_file_goes_along_once_and_by_its_id_afterwards(
    content: AnyContent, kind: MediaKind, mime_type: str, field: str, params: dict[str, str], held: Any
) -> None:
    media = stored_file(kind, mime_type)
    CHANNEL.check(content, MARA, media)
    first = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken(**{field: held}))
    assert call(first.request) == f"send{field.capitalize()}"
    assert first.request.form == {"chat_id": "7001", **params}
    file = first.request.file
    assert file is not None
    assert (file.field, file.media, file.content_type) == (field, media, mime_type)
    assert first.result.uploaded == UploadedMedia("med_1", f"{field}:F", timedelta(days=365))

    again = outgoing(content, MARA, media=media, provider_media_id=f"{field}:F")
    second = play(CHANNEL.send(BOT, again), taken())
    assert second.request.json == {"chat_id": 7001, **params, field: "F"}
    assert second.result.uploaded is None


def test_a_file_keeps_its_name() -> None:
    media = stored_file("document", "application/pdf", filename="stored.pdf")
    content = DocumentFile(media=MediaRef(id="med_1", filename="Offer.pdf"))
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken())
    assert sent.request.file is not None
    assert sent.request.file.filename == "Offer.pdf"
    assert sent.result.uploaded is None  # the answer named no file


def test_an_id_of_another_kind_is_of_no_use() -> None:
    message = outgoing(
        DocumentFile(media=REF), MARA, media=stored_file("image", "image/png"), provider_media_id="photo:F"
    )
    sent = play(CHANNEL.send(BOT, message), taken(document={"file_id": "D"}))
    assert sent.request.file is not None
    assert sent.result.uploaded is not None
    assert sent.result.uploaded.provider_media_id == "document:D"


def test_a_file_that_telegram_forgot_is_handed_over_again() -> None:
    message = outgoing(Image(media=REF), MARA, media=stored_file("image", "image/png"), provider_media_id="photo:old")
    forgot = refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
    sent = play(CHANNEL.send(BOT, message), forgot, taken(photo=[{"file_id": "new"}]))
    assert [request.file is not None for request in sent.requests] == [False, True]
    assert sent.result.uploaded is not None
    assert sent.result.uploaded.provider_media_id == "photo:new"


def test_buttons_stand_below_a_picture() -> None:
    content = Interactive(kind="buttons", header=Header(kind="document", media=REF), body="Sign?", buttons=YES_NO)
    media = stored_file("document", "application/pdf")
    CHANNEL.check(content, MARA, media)
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken())
    assert call(sent.request) == "sendDocument"
    assert sent.request.form is not None
    assert sent.request.form["caption"] == "Sign?"
    assert json.loads(sent.request.form["reply_markup"])["inline_keyboard"][1] == [{"text": "No", "callback_data": "n"}]


def test_a_reply_quotes_and_options_are_handed_on() -> None:
    message = outgoing(HI, MARA, reply_to="7001:10", options={"disable_notification": True, "message_thread_id": 5})
    sent = play(CHANNEL.send(BOT, message), taken())
    assert sent.request.json is not None
    assert sent.request.json["reply_parameters"] == {"message_id": 10}
    assert (sent.request.json["disable_notification"], sent.request.json["message_thread_id"]) == (True, 5)


def test_a_reply_to_a_press_answers_the_press_and_quotes_the_question() -> None:
    message = outgoing(HI, MARA, reply_to="callback:9000001:7001:10")
    too_late = refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    for said in (answer(ok=True, result=True), too_late):
        sent = play(CHANNEL.send(BOT, message), said, taken())
        press, text = sent.requests
        assert (call(press), press.json, press.effect) == (
            "answerCallbackQuery",
            {"callback_query_id": "9000001"},
            False,
        )
        assert text.json is not None
        assert text.json["reply_parameters"] == {"message_id": 10}


@pytest.mark.parametrize("reply_to", ["update:506", "callback:9", "migration:-55:-1005", "x"])
def test_what_is_no_message_cannot_be_quoted(reply_to: str) -> None:
    with pytest.raises(Rejected):
        play(CHANNEL.send(BOT, outgoing(HI, MARA, reply_to=reply_to)))


@pytest.mark.parametrize(
    "options", [{"disable_notification": "yes"}, {"message_thread_id": True}, {"parse_mode": "HTML"}]
)
def test_an_option_that_is_none_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        play(CHANNEL.send(BOT, outgoing(HI, MARA, options=options)))


def test_a_group_that_moved_is_followed_and_stays_the_same_line() -> None:
    moved = refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1005)
    sent = play(CHANNEL.send(BOT, outgoing(HI, BAKERS, reply_to="-55:3")), moved, taken(1, -1005))
    first, second = (request.json for request in sent.requests)
    assert first is not None
    assert second is not None
    assert (first["chat_id"], second["chat_id"]) == (-55, -1005)
    assert (sent.result.external_id, sent.result.recipient_keys) == ("-1005:1", (key_of(-1005),))
    with pytest.raises(Rejected):  # once: two groups that name each other are no way
        play(CHANNEL.send(BOT, outgoing(HI, BAKERS)), moved, moved)


@pytest.mark.parametrize(
    "person",
    [
        recipient(),
        recipient(identity("external", "7001", channel="pigeon")),
        recipient(identity("external", "7001", channel="telegram", status="superseded")),
        recipient(identity("external", "@mara", channel="telegram")),
    ],
)
def test_somebody_without_a_chat_cannot_be_reached(person: Any) -> None:
    with pytest.raises(RecipientUnreachable):
        play(CHANNEL.send(BOT, outgoing(HI, person)))


ANSWERS: list[tuple[int, str, type[SendError]]] = [
    (400, "Bad Request: chat not found", RecipientUnreachable),
    (400, "Bad Request: not enough rights to send text messages to the chat", RecipientUnreachable),
    (400, "Bad Request: message to be replied not found", Rejected),
    (400, "Bad Request: VOICE_MESSAGES_FORBIDDEN", Rejected),
    (400, "Bad Request: IMAGE_PROCESS_FAILED", MediaRefused),
    (400, "Bad Request: something new", Rejected),
    (401, "Unauthorized", AccountBroken),
    (403, "Forbidden: bot was blocked by the user", RecipientUnreachable),
    (403, "Forbidden: bot was kicked from the supergroup chat", RecipientUnreachable),
    (404, "Not Found", AccountBroken),
    (413, "Request Entity Too Large", MediaRefused),
    (429, "Too Many Requests: retry after 7", Throttled),
    (500, "Internal Server Error: restart", OutcomeUnknown),
]


@pytest.mark.parametrize(("code", "description", "error"), ANSWERS)
def test_what_a_refusal_means(code: int, description: str, error: type[SendError]) -> None:
    with pytest.raises(SendError) as caught:
        play(CHANNEL.send(BOT, outgoing(HI, MARA)), refused(code, description))
    assert type(caught.value) is error
    assert (caught.value.provider_code, caught.value.details) == (str(code), description)


@pytest.mark.parametrize("words", ["message to be replied", "replied message", "reply message"])
def test_a_quoted_message_that_is_gone_is_told_of(words: str) -> None:
    with pytest.raises(Rejected) as caught:
        play(CHANNEL.send(BOT, outgoing(HI, MARA, reply_to="7001:10")), refused(400, f"Bad Request: {words} not found"))
    assert caught.value.hint == "Send it without quoting."


def test_a_throttle_says_how_long_and_whose_it_is() -> None:
    slow = refused(429, "Too Many Requests: retry after 7", retry_after=7)
    for to, scope in ((MARA, "account"), (BAKERS, "recipient")):
        with pytest.raises(Throttled) as caught:
            play(CHANNEL.send(BOT, outgoing(HI, to)), slow)
        assert (caught.value.retry_after_s, caught.value.scope) == (7, scope)


@pytest.mark.parametrize("odd", [answer(200), answer(ok=True, result=True), answer(ok=True, result={"message_id": 1})])
def test_an_answer_that_names_no_message_leaves_it_unknown(odd: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        play(CHANNEL.send(BOT, outgoing(HI, MARA)), odd)


def test_reactions() -> None:
    liked = play(CHANNEL.react(BOT, MARA, "7001:11", "👍"), answer(ok=True, result=True))
    assert call(liked.request) == "setMessageReaction"
    assert liked.request.json == {"chat_id": 7001, "message_id": 11, "reaction": [{"type": "emoji", "emoji": "👍"}]}
    assert liked.result.external_id == "7001:11"
    gone = play(CHANNEL.react(BOT, MARA, "7001:11", None), answer(ok=True, result=True))
    assert gone.request.json is not None
    assert gone.request.json["reaction"] == []
    with pytest.raises(Rejected):
        play(CHANNEL.react(BOT, MARA, "7001:11", "🦄"), refused(400, "Bad Request: REACTION_INVALID"))
    with pytest.raises(Rejected):
        play(CHANNEL.react(BOT, MARA, "callback:9:7001:10", "👍"))


def test_typing_is_shown_and_answers_the_press_before_it() -> None:
    shown = play(CHANNEL.typing(BOT, MARA, "7001:11"), answer(ok=True, result=True))
    assert (call(shown.request), shown.request.json) == ("sendChatAction", {"chat_id": 7001, "action": "typing"})
    assert not shown.request.effect
    pressed = play(CHANNEL.typing(BOT, MARA, "callback:9:7001:10"), answer(ok=True), answer(ok=True, result=True))
    assert [call(request) for request in pressed.requests] == ["answerCallbackQuery", "sendChatAction"]


def test_a_file_is_found_by_its_id() -> None:
    media = stored_file("document", None, None, provider=ProviderMedia(media_id="F"))
    found = answer(ok=True, result={"file_id": "F", "file_size": 9, "file_path": "documents/fi le{token}.pdf"})
    got = play(CHANNEL.fetch_media(BOT, media), found)
    assert (call(got.request), got.request.json) == ("getFile", {"file_id": "F"})
    url = "https://api.telegram.org/file/bot{token}/documents/fi%20le%7Btoken%7D.pdf"
    assert got.result == MediaSource(url=url, authorise=True, size=9)


FETCHES: list[tuple[Any, type[SendError]]] = [
    (refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable"), Unavailable),
    (refused(400, "Bad Request: file is too big"), MediaRefused),
    (refused(400, "Bad Request: invalid file_id"), MediaRefused),
    (refused(401, "Unauthorized"), AccountBroken),
    (refused(502, "Bad Gateway"), Unavailable),
    (answer(ok=True, result={"file_path": "/var/lib/telegram/a.pdf"}), MediaRefused),
    (answer(ok=True, result={"file_path": "documents/../../etc"}), MediaRefused),
    (answer(ok=True, result={"file_path": "a", "file_size": 21 * 2**20}), MediaRefused),
    (answer(ok=True, result=None), MediaRefused),
]


@pytest.mark.parametrize(("said", "error"), FETCHES)
def test_a_file_that_cannot_be_had(said: Any, error: type[SendError]) -> None:
    media = stored_file("document", None, provider=ProviderMedia(media_id="F"))
    with pytest.raises(SendError) as caught:
        play(CHANNEL.fetch_media(BOT, media), said)
    assert type(caught.value) is error


def test_a_file_without_an_id_is_gone() -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.fetch_media(BOT, stored_file("document", None)))


def test_an_account_is_the_bot_that_its_token_is_of() -> None:
    me = {"id": 4242, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
    asked = play(CHANNEL.check_account(BOT), answer(ok=True, result=me))
    assert (call(asked.request), asked.result) == ("getMe", me)
    for said in (answer(ok=True, result={**me, "id": 5}), refused(401, "Unauthorized")):
        with pytest.raises(AccountBroken):
            play(CHANNEL.check_account(BOT), said)
