"""Edits, deletions, reactions and echoes, in any order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from msgspec.structs import replace

from patchbay.channel import (
    HistoryMessage,
    InboundEvent,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    RemoteMedia,
    SendReceipt,
)
from patchbay.collections import CONVERSATIONS, MEDIA, MESSAGES, OUTBOX, PARKED
from patchbay.delivery import claims, outcomes
from patchbay.errors import Rejected
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.resending import set_reaction
from patchbay.model.content import Image, MediaRef, Text, media_of, text_content
from patchbay.model.conversation import Window
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import AGENT, CHANNEL, CHANNELS, MARA, Inbox, at, echo, reaction, received


def edit(text: str, id: str, when: int) -> MessageEdited:
    return MessageEdited(occurred_at=at(when), external_id=id, target="wamid.1", content=Text(text=text))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_every_order_of_message_and_edits_ends_the_same(order: tuple[int, ...]) -> None:
    inbox = Inbox()
    events: list[InboundEvent] = [
        received("one"),
        edit("two", "e1", 10),
        edit("three", "e2", 20),
        edit("two", "e1", 10),
    ]
    for index in order:
        inbox.arrive(events[index])
    (message,) = inbox.world.all(MESSAGES)
    assert message.text == "three"
    assert [text_content(revision.content) for revision in message.revisions] == ["one", "two"]
    assert inbox.world.all(PARKED) == []


def pictured(unique_id: str, file_id: str) -> tuple[Image, RemoteMedia]:
    return Image(media=MediaRef()), RemoteMedia(provider_id=file_id, unique_id=unique_id)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_an_edit_that_says_so_replaces_the_file_in_every_order(order: tuple[int, ...]) -> None:
    inbox = Inbox()
    first, of_first = pictured("A", "1")
    events: list[InboundEvent] = [replace(received(), content=first, media=of_first)]
    for number, unique_id in enumerate(("B", "A", "A"), start=1):
        content, media = pictured(unique_id, f"1{number}")  # a file goes by another id each time
        events.append(replace(edit("", f"e{number}", number * 10), content=content, media=media))
    for index in order:
        inbox.arrive(events[index])
    (message,) = inbox.world.all(MESSAGES)
    shown = [media_of(content) for content in (*(each.content for each in message.revisions), message.content)]
    held = {media.id: media.provider.unique_id for media in inbox.world.all(MEDIA)}
    assert [held[ref.id] for ref in shown if ref is not None] == ["A", "B", "A", "A"]
    assert len(held) == 2


def test_a_deletion_leaves_a_tombstone_and_the_preview_follows() -> None:
    inbox = Inbox()
    inbox.say("my card number is 1234")
    gone = MessageDeleted(occurred_at=at(5), external_id="d1", target="wamid.1")
    inbox.arrive(gone)
    assert inbox.arrive(gone).outcome == "duplicate"
    (message,) = inbox.world.all(MESSAGES)
    assert message.deleted is not None
    assert (message.seq, message.text) == (1, "")
    assert "1234" not in (inbox.conversation.last_message.preview if inbox.conversation.last_message else "")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_latest_reaction_wins_in_every_order(order: tuple[int, ...]) -> None:
    inbox = Inbox()
    events: list[InboundEvent] = [
        received(),
        reaction("👍", id="r1", when=1),
        reaction("❤️", id="r2", when=2),
        reaction(None, id="r3", when=3),
    ]
    for index in order:
        inbox.arrive(events[index])
    (message,) = inbox.world.all(MESSAGES)
    assert [kept.emoji for kept in message.reactions] == [None]


def test_an_echo_from_the_phone_stops_the_waiting_clock_and_is_not_sent_again() -> None:
    inbox = Inbox()
    inbox.say()
    assert inbox.conversation.waiting_since is not None
    assert inbox.arrive(echo()).outcome == "applied"
    assert inbox.arrive(echo()).outcome == "duplicate"
    message = max(inbox.world.all(MESSAGES), key=lambda message: message.seq)
    assert (message.origin, message.direction, message.delivery.state) == ("native_app", "outbound", "sent")
    assert inbox.conversation.waiting_since is None


def test_an_echo_of_our_own_send_merges_even_when_it_beats_the_answer() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    assert inbox.arrive(echo("Hi!", id="wamid.out")).outcome == "parked"
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="wamid.out")))
    assert len(inbox.world.all(MESSAGES)) == 2
    assert inbox.arrive(echo("Hi!", id="wamid.out")).outcome == "duplicate"
    assert len(inbox.world.all(MESSAGES)) == 2


def test_an_echo_with_our_reference_is_ours() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    assert inbox.arrive(echo("Hi!", id="wamid.out", reference=reference(message.id, 0, 1))).outcome == "duplicate"
    assert len(inbox.world.all(MESSAGES)) == 2


def test_another_echo_that_waited_for_our_send_is_told_apart_afterwards() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.arrive(echo("typed on the phone", id="wamid.other"))
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="wamid.out")))
    texts = {message.text: message.origin for message in inbox.world.all(MESSAGES)}
    assert texts["typed on the phone"] == "native_app"


def test_history_makes_timeline_items_and_no_work() -> None:
    inbox = Inbox()
    for number, outbound in enumerate((True, False)):
        inbox.arrive(
            HistoryMessage(
                occurred_at=at(-1000 + number),
                external_id=f"wamid.h{number}",
                person=MARA,
                outbound=outbound,
                content=Text(text="long ago"),
                state="read",
            )
        )
    assert len(inbox.world.all(MESSAGES)) == 2
    assert inbox.world.all(CONVERSATIONS) == []
    assert inbox.thread.window.kind == "none"
    assert "message.received" not in inbox.world.told()


def test_a_reaction_that_the_provider_refuses_is_taken_back() -> None:
    inbox = Inbox()
    message = inbox.say()
    inbox.world.run(lambda uow: set_reaction(uow, CHANNELS, message.id, "👍", actor=AGENT))
    (entry,) = [entry for entry in inbox.world.all(OUTBOX) if entry.kind == "reaction"]
    claimed = inbox.world.run(lambda uow: claims.claim(uow, entry.id, "worker", 60, "sending"))
    assert claimed is not None
    refused = Rejected("That is no emoji.")
    inbox.world.run(lambda uow: outcomes.failed(uow, claimed, CHANNEL, refused, "failed"))
    assert [kept.emoji for kept in inbox.message(message.id).reactions] == [None]
    assert inbox.world.told()[-1] == "message.reaction_removed"


class ByReaction(WhatsAppChannel):
    """A channel on which a reaction renews the window."""

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        if not isinstance(event, ReactionChanged):
            return super().window(current, event, message_id)
        return Window(kind="service", opened_by=message_id, expires_at=event.occurred_at + timedelta(hours=24))


def test_a_reaction_renews_the_window_where_the_channel_says_so() -> None:
    inbox = Inbox()
    inbox.say()
    arrival = Arrival(inbox.account, ByReaction(WhatsAppSettings()), "2")
    inbox.world.run(lambda uow: apply_event(uow, arrival, reaction("👍", when=3600)))
    assert inbox.thread.window.expires_at == at(3600) + timedelta(hours=24)
    assert inbox.world.told()[-1] == "conversation.updated"
    inbox.arrive(reaction("❤️", id="wamid.r2", when=7200))
    assert inbox.thread.window.expires_at == at(3600) + timedelta(hours=24), "WhatsApp says it does not"
