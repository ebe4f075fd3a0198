"""What can be quoted and reacted to, and what a channel must be able to carry for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from patchbay.channel import Capabilities, Recipient, SendFlow, ThreadNotice
from patchbay.collections import MESSAGES
from patchbay.errors import Invalid, Rejected, StateConflict, Unsupported
from patchbay.inbox.previewing import preview
from patchbay.inbox.resending import set_reaction
from patchbay.inbox.sending import send_message
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from patchbay.model.message import Message
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import AGENT, CHANNELS, MARA, Inbox, at

PLAIN = {"whatsapp": WhatsAppChannel(WhatsAppSettings(), capabilities=replace(Capabilities(frozenset({"text"}))))}


def called() -> tuple[Inbox, Message]:
    """A conversation in which the person wrote and called; the notice of the call."""
    inbox = Inbox()
    inbox.say()
    inbox.arrive(ThreadNotice(occurred_at=at(1), external_id="call-7", notice="call", person=MARA))
    notice = max(inbox.world.all(MESSAGES), key=lambda message: message.seq)
    assert notice.origin == "system"
    assert notice.external_refs, "the provider has a name for it, so nothing else keeps it from being quoted"
    return inbox, notice


def sends(inbox: Inbox, reply_to: str) -> None:
    inbox.send(Text(text="Hi"), reply_to=reply_to)


def previews(inbox: Inbox, reply_to: str) -> None:
    id = inbox.conversation.id
    inbox.world.run(lambda uow: preview(uow, CHANNELS, id, Text(text="Hi"), reply_to=reply_to))


@pytest.mark.parametrize("quotes", [sends, previews])
def test_a_notice_cannot_be_quoted(quotes: Callable[[Inbox, str], None]) -> None:
    inbox, notice = called()
    with pytest.raises(Invalid) as refused:
        quotes(inbox, notice.id)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/reply_to", "not_quotable")]


def test_a_notice_cannot_be_reacted_to() -> None:
    inbox, notice = called()
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: set_reaction(uow, CHANNELS, notice.id, "🎉", actor=AGENT))
    assert refused.value.problem_code == "not_reactable"
    assert inbox.message(notice.id).reactions == ()


class Choosy(WhatsAppChannel):
    """It refuses some reactions before it asks its provider for anything."""

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        if emoji == "🦄":
            raise Unsupported("No unicorns.", hint="Send a horse.")
        if emoji == "🐉":
            raise Rejected("Not to this one.")
        return (yield from super().react(account, recipient, target, emoji))


def test_a_reaction_that_the_channel_refuses_is_refused_at_once() -> None:
    inbox = Inbox()
    message, channels = inbox.say(), {"whatsapp": Choosy(WhatsAppSettings())}

    def react(emoji: str) -> Message:
        return inbox.world.run(lambda uow: set_reaction(uow, channels, message.id, emoji, actor=AGENT))

    with pytest.raises(Unsupported) as refused:
        react("🦄")
    assert (refused.value.pointer, refused.value.hint) == ("/emoji", "Send a horse.")
    with pytest.raises(StateConflict) as kept:
        react("🐉")
    assert kept.value.problem_code == "not_reactable"
    assert inbox.message(message.id).reactions == ()
    assert [each.emoji for each in react("👍").reactions] == ["👍"]


def test_a_channel_without_quotes_refuses_them_and_sends_the_rest() -> None:
    inbox = Inbox()
    first, id = inbox.say(), inbox.conversation.id
    with pytest.raises(Unsupported) as refused:
        inbox.world.run(lambda uow: send_message(uow, PLAIN, id, Text(text="Hi"), author=AGENT, reply_to=first.id))
    assert refused.value.pointer == "/reply_to"
    seen = inbox.world.run(lambda uow: preview(uow, PLAIN, id, Text(text="Hi"), reply_to=first.id))
    assert seen["problem"]["code"] == "capability_unsupported"
    assert inbox.world.run(lambda uow: send_message(uow, PLAIN, id, Text(text="Hi"), author=AGENT)).reply_to is None
