"""The calls that a message takes."""

from __future__ import annotations

from typing import Any

import pytest
from patchbay.channel import Draft
from patchbay.errors import Rejected, Unsupported
from patchbay.model.content import AnyContent, Button, ContactCard, ContactPhone, Contacts, Interactive, Location, Text
from patchbay.testing.outbound import outgoing
from patchbay.testing.play import answer, play

from people import BOT, CHANNEL, MARA, call, refused, taken

HI = Text(text="Hi")

QUIET = {"is_disabled": True}

YES_NO = (Button(id="y", title="Yes"), Button(id="n", title="No"))

HELP = Button(title="Help", url="https://example.com")

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
    CHANNEL.check(BOT, content, MARA, None)
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA)), taken())
    assert call(sent.request) == method
    assert sent.request.json == {"chat_id": 7001, **params}
    assert sent.request.effect
    assert (sent.result.external_id, sent.result.recipient_keys) == ("7001:12", ())


def test_a_reply_quotes_and_options_are_handed_on() -> None:
    message = outgoing(HI, MARA, reply_to="7001:10", options={"disable_notification": "true", "message_thread_id": "5"})
    sent = play(CHANNEL.send(BOT, message), taken())
    assert sent.request.json is not None
    assert sent.request.json["reply_parameters"] == {"message_id": 10}
    assert (sent.request.json["disable_notification"], sent.request.json["message_thread_id"]) == (True, 5)


def test_a_reply_to_a_press_quotes_the_question() -> None:
    sent = play(CHANNEL.send(BOT, outgoing(HI, MARA, reply_to="callback:9000001:7001:10")), taken())
    assert sent.request.json is not None
    assert sent.request.json["reply_parameters"] == {"message_id": 10}


@pytest.mark.parametrize("reply_to", ["update:506", "callback:9", "migration:-55:-1005", "x"])
def test_what_is_no_message_cannot_be_quoted(reply_to: str) -> None:
    with pytest.raises(Rejected):
        play(CHANNEL.send(BOT, outgoing(HI, MARA, reply_to=reply_to)))


ODD_OPTIONS: list[dict[str, Any]] = [
    {"disable_notification": "yes"},
    {"protect_content": ["true"]},
    {"message_thread_id": True},
    {"message_thread_id": "0"},
    {"direct_messages_topic_id": "five"},
    {"parse_mode": "HTML"},
]


@pytest.mark.parametrize("options", ODD_OPTIONS)
def test_an_option_that_is_none_is_refused_before_it_is_queued(options: dict[str, Any]) -> None:
    (name,) = options
    for refused_by in (
        lambda: CHANNEL.closes_at(Draft(HI, MARA, options=options)),
        lambda: play(CHANNEL.send(BOT, outgoing(HI, MARA, options=options))),
    ):
        with pytest.raises(Unsupported) as caught:
            refused_by()
        assert caught.value.pointer == f"/options/{name}"
        assert caught.value.hint


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


def test_typing_is_shown() -> None:
    shown = play(CHANNEL.typing(BOT, MARA, "7001:11"), answer(ok=True, result=True))
    assert (call(shown.request), shown.request.json) == ("sendChatAction", {"chat_id": 7001, "action": "typing"})
    assert not shown.request.effect


def test_a_press_is_acknowledged_and_a_message_is_not() -> None:
    pressed = play(CHANNEL.acknowledge(BOT, "callback:9:7001:10"), answer(ok=True, result=True))
    assert (call(pressed.request), pressed.request.json) == ("answerCallbackQuery", {"callback_query_id": "9"})
    assert not pressed.request.effect
    too_late = refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    with pytest.raises(Rejected):
        play(CHANNEL.acknowledge(BOT, "callback:9:7001:10"), too_late)
    assert play(CHANNEL.acknowledge(BOT, "7001:11")).requests == ()
