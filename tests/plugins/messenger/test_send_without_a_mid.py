"""Sends that answer or react to what Meta has no id for, and answers that name no message."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import Recipient
from patchbay.errors import OutcomeUnknown, Rejected, Unsupported
from patchbay.model.content import Text
from patchbay.testing.outbound import account, identity, outgoing, recipient
from patchbay.testing.play import answer, play
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.reading import digest

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")
TO = recipient(identity("psid", "7001", channel="messenger"))
BY_REF = recipient(identity("external", "user_ref:abc", channel="messenger"))
OURS = [digest(kind, {"a": 1}) for kind in ("postback", "order", "referral", "optin")]


@pytest.mark.parametrize("target", OURS)
def test_an_answer_to_it_goes_without_a_quotation(target: str) -> None:
    sent = play(CHANNEL.send(PAGE, outgoing(Text(text="Yes"), TO, reply_to=target)), answer(message_id="m_1"))
    assert sent.request.json is not None
    assert sent.request.json["recipient"] == {"id": "7001"}
    assert "reply_to" not in sent.request.json


@pytest.mark.parametrize("target", OURS)
@pytest.mark.parametrize("emoji", ["👍", None])
def test_a_reaction_to_it_is_refused_before_anything_is_asked(target: str, emoji: str | None) -> None:
    with pytest.raises(Unsupported, match="no id") as caught:
        play(CHANNEL.react(PAGE, TO, target, emoji))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("to", "more"), [(BY_REF, {}), (TO, {"reply_to": "comment:1_2"}), (TO, {"reply_to": "post:1_3"})]
)
def test_where_no_echo_can_tell_an_answer_without_a_message_is_a_failure(to: Recipient, more: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="without naming the message") as caught:
        play(CHANNEL.send(PAGE, outgoing(Text(text="x"), to, **more)), answer(200))
    assert caught.value.hint


def test_to_a_person_the_echo_tells() -> None:
    with pytest.raises(OutcomeUnknown):
        play(CHANNEL.send(PAGE, outgoing(Text(text="x"), TO)), answer(200))
