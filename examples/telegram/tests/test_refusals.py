"""What Telegram's refusals mean."""

from __future__ import annotations

from typing import Any

import pytest
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
)
from patchbay.model.content import Text
from patchbay.testing.outbound import identity, outgoing, recipient
from patchbay.testing.play import answer, play

from patchbay_telegram.names import key_of
from people import BAKERS, BOT, CHANNEL, MARA, refused, taken

HI = Text(text="Hi")


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


FORBIDDEN = [
    ("Forbidden: bot was blocked by the user", "The person blocked the bot."),
    ("Forbidden: user is deactivated", "The person's account was deleted."),
    ("Forbidden: bot can't initiate conversation with a user", "The person never wrote to the bot."),
    ("Forbidden: bot was kicked from the supergroup chat", "The bot was removed from the group."),
    ("Forbidden: bot is not a member of the supergroup chat", "The bot is not in the group."),
    ("Forbidden: something new", "The person or group does not let the bot write to it."),
]


@pytest.mark.parametrize(("description", "reason"), FORBIDDEN)
def test_why_somebody_is_out_of_reach_is_told(description: str, reason: str) -> None:
    with pytest.raises(RecipientUnreachable) as caught:
        play(CHANNEL.send(BOT, outgoing(HI, MARA)), refused(403, description))
    assert caught.value.reason == reason


def test_a_topic_that_is_gone_is_told_of() -> None:
    topic = outgoing(HI, BAKERS, options={"message_thread_id": "5"})
    with pytest.raises(Rejected) as caught:
        play(CHANNEL.send(BOT, topic), refused(400, "Bad Request: message thread not found"))
    assert caught.value.hint == "Send it without message_thread_id."
