"""A preview says what the send would be refused with, whatever keeps it from leaving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, CONVERSATIONS
from patchbay.errors import PatchbayError, StateConflict
from patchbay.inbox.consent import set_blocked
from patchbay.inbox.gone import refuse_blocked
from patchbay.inbox.lifecycle import close, require_control
from patchbay.inbox.previewing import preview
from patchbay.inbox.sending import send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Text
from patchbay.model.conversation import Controller, Conversation
from patchbay.model.message import Actor
from tests.core.inbox.builders import AGENT, CHANNELS, Inbox

BOT = Actor(type="bot", id="robin")


def allowed(uow: UnitOfWork, conversation: Conversation) -> None:
    require_control(conversation, BOT, None)
    refuse_blocked(uow, conversation.contact_id)


def closed(inbox: Inbox) -> None:
    inbox.world.run(lambda uow: close(uow, inbox.conversation.id))


def blocked(inbox: Inbox) -> None:
    inbox.world.run(lambda uow: set_blocked(uow, inbox.conversation.contact_id, True))


def taken_over(inbox: Inbox) -> None:
    inbox.world.put(CONVERSATIONS, replace(inbox.conversation, controller=Controller(type="agent", id="ann")))


def moved_on(inbox: Inbox) -> None:
    inbox.say("And another thing", id="wamid.2")


def account_is(status: Any) -> Callable[[Inbox], None]:
    def so(inbox: Inbox) -> None:
        inbox.world.put(ACCOUNTS, replace(inbox.account, status=status))

    return so


def window_over(inbox: Inbox) -> None:
    inbox.world.now += timedelta(hours=25)


def nothing(inbox: Inbox) -> None:
    pass


def outcome(inbox: Inbox, command: Callable[..., Any], channels: Mapping[str, Channel], **more: Any) -> Any:
    """What the command answers, or the code of its refusal."""
    id = inbox.conversation.id
    content = Text(text="Hi")
    try:
        return inbox.world.run(
            lambda uow: command(uow, channels, id, content, expected_last_seq=1, allowed=allowed, **more)
        )
    except PatchbayError as refused:
        return refused.problem_code if isinstance(refused, StateConflict) else refused.code


@pytest.mark.parametrize(
    ("so", "channels", "code"),
    [
        (nothing, CHANNELS, None),
        (closed, CHANNELS, "conversation_closed"),
        (taken_over, CHANNELS, "control_lost"),
        (blocked, CHANNELS, "contact_blocked"),
        (moved_on, CHANNELS, "conversation_moved"),
        (nothing, {}, "channel_unavailable"),
        (account_is("disabled"), CHANNELS, "channel_disabled"),
        (account_is("reauth_required"), CHANNELS, "channel_reauth_required"),
        (window_over, CHANNELS, "window_closed"),
    ],
)
def test_a_preview_is_refused_as_the_send_is(
    so: Callable[[Inbox], None], channels: Mapping[str, Channel], code: str | None
) -> None:
    inbox = Inbox()
    inbox.say()
    inbox.world.put(CONVERSATIONS, replace(inbox.conversation, controller=Controller(type="bot", id="robin")))
    so(inbox)
    seen = outcome(inbox, preview, channels)
    assert (None if seen["problem"] is None else seen["problem"]["code"]) == code
    assert bool(seen["parts"]) == (code is None)
    sent = outcome(inbox, send_message, channels, author=AGENT)
    assert code is None or sent == code


def test_of_two_reasons_both_name_the_first() -> None:
    inbox = Inbox()
    inbox.say()
    blocked(inbox)
    inbox.world.put(ACCOUNTS, replace(inbox.account, status="disabled"))
    inbox.world.put(CONVERSATIONS, replace(inbox.conversation, controller=Controller(type="bot", id="robin")))
    window_over(inbox)
    assert outcome(inbox, preview, CHANNELS)["problem"]["code"] == "contact_blocked"
    assert outcome(inbox, send_message, CHANNELS, author=AGENT) == "contact_blocked"
