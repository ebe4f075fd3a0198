"""What a send may carry for one channel alone: known options with known values, and how long they let it be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from patchbay.channel import CLOSED, Capabilities, Draft
from patchbay.errors import Unsupported, WindowClosed
from patchbay.inbox.previewing import preview
from patchbay.inbox.sending import send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Text
from patchbay.model.message import Message, Origin
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import AGENT, Inbox

WEEK = timedelta(days=7)


class Patient(WhatsAppChannel):
    """Lets a person answer for a week, and whatever quotes a message for two days from that."""

    def closes_at(self, draft: Draft) -> datetime | None:
        if draft.automated and draft.options.get("tag") == "PERSON":
            raise Unsupported("A person it is not.", pointer="/options/tag")
        if draft.options.get("tag") == "PERSON" and draft.recipient.last_inbound_at is not None:
            return draft.recipient.last_inbound_at + WEEK
        if draft.quoted is not None:
            return draft.quoted.occurred_at + timedelta(days=2)
        return draft.recipient.window.expires_at or CLOSED


OPTIONS: Mapping[str, frozenset[str] | None] = {"tag": frozenset({"PERSON"}), "persona": None}
CHANNEL = Patient(
    WhatsAppSettings(), capabilities=replace(Capabilities(frozenset({"text"}), replies=True), options=OPTIONS)
)
CHANNELS = {"whatsapp": CHANNEL}


def send(inbox: Inbox, reply_to: str | None = None, **options: str) -> Message:
    id = inbox.conversation.id
    return inbox.world.run(
        lambda uow: send_message(uow, CHANNELS, id, Text(text="Hi"), author=AGENT, reply_to=reply_to, options=options)
    )


@pytest.mark.parametrize(("origin", "refused"), [("agent", False), ("api", False), ("bot", True), ("campaign", True)])
def test_a_channel_is_told_whether_a_person_wrote_it(origin: Origin, refused: bool) -> None:
    inbox, _ = written(1.5)
    id, options = inbox.conversation.id, {"tag": "PERSON"}
    shown = inbox.world.run(lambda uow: preview(uow, CHANNELS, id, Text(text="Hi"), origin=origin, options=options))
    assert (shown["problem"] is not None) == refused

    def send_it(uow: UnitOfWork) -> Message:
        return send_message(uow, CHANNELS, id, Text(text="Hi"), author=AGENT, origin=origin, options=options)

    if refused:
        with pytest.raises(Unsupported, match="A person it is not"):
            inbox.world.run(send_it)
    else:
        assert inbox.world.run(send_it).origin == origin


def written(days: float) -> tuple[Inbox, Message]:
    """A conversation whose person wrote so long ago."""
    inbox = Inbox()
    message = inbox.say()
    inbox.world.now += timedelta(days=days)
    return inbox, message


def test_an_option_is_kept_with_the_message() -> None:
    inbox, _ = written(0.5)
    assert send(inbox, persona="ann").options == {"persona": "ann"}


@pytest.mark.parametrize(
    ("options", "pointer", "told"),
    [
        ({"mood": "fair"}, "/options/mood", "It knows: persona, tag."),
        ({"tag": "ROBOT"}, "/options/tag", "It may be: PERSON."),
    ],
)
def test_what_the_channel_does_not_know_is_refused(options: dict[str, str], pointer: str, told: str) -> None:
    inbox, _ = written(0.5)
    with pytest.raises(Unsupported) as refused:
        send(inbox, **options)
    assert (refused.value.pointer, refused.value.hint) == (pointer, told)


def test_an_option_may_reach_beyond_the_window() -> None:
    inbox, _ = written(3)
    with pytest.raises(WindowClosed):
        send(inbox)
    assert send(inbox, tag="PERSON").delivery.state == "queued"
    inbox.world.now += timedelta(days=4)
    with pytest.raises(WindowClosed):
        send(inbox, tag="PERSON")


def test_what_is_quoted_may_reach_beyond_the_window() -> None:
    inbox, message = written(1.5)
    assert send(inbox, reply_to=message.id).reply_to is not None
    inbox.world.now += timedelta(days=0.5)
    with pytest.raises(WindowClosed):
        send(inbox, reply_to=message.id)


def test_a_preview_judges_options_and_quotes_as_a_send_does() -> None:
    inbox, message = written(1.5)
    id = inbox.conversation.id

    def problem(reply_to: str | None = None, **options: str) -> str | None:
        shown = inbox.world.run(
            lambda uow: preview(uow, CHANNELS, id, Text(text="Hi"), reply_to=reply_to, options=options)
        )
        return None if shown["problem"] is None else str(shown["problem"]["code"])

    assert problem() == "window_closed"
    assert problem(mood="fair") == "capability_unsupported"
    assert problem(tag="PERSON") is None
    assert problem(reply_to=message.id) is None
