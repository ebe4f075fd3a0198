"""What a group of items is known to read, so that it can be loaded in a few bulk reads. No IO.

Messages are read for every group, for no cache holds them. The people who write are mostly remembered; once one of them
is not, ``ROUNDS`` name what the group reads of all such ``strangers``, their threads and conversations, each round from
what the one before it found. A round that names too little costs a later single read, never a wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from patchbay.channel import (
    HistoryMessage,
    IdentityKey,
    Item,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageWithheld,
    ReactionChanged,
    ReceiptReceived,
    WatermarkReceived,
)
from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES, PARKED, THREADS, Collection
from patchbay.inbox.loaded import Loaded
from patchbay.inbox.locate import parked_id
from patchbay.inbox.outbox_ids import parse_reference
from patchbay.inbox.people import key_id
from patchbay.inbox.watermarks import waits_for
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import message_id, part_ref, thread_id

Pairs = Sequence[tuple[Item, ChannelAccount]]
Needs = dict[Collection[Any], list[str]]


def message_needs(pairs: Pairs) -> Needs:
    """Messages by the ids in the payloads, and what may be parked for those."""
    messages: list[str] = []
    parked: list[str] = []
    for item, account in pairs:
        event = item.event
        match event:
            case MessageReceived() | MessageEchoed():
                name = part_ref(event.external_id, event.part)
                messages.append(message_id(account.id, name))
                parked.append(parked_id(account.id, name))
                if event.reply_to is not None:
                    messages.append(message_id(account.id, event.reply_to))
                    parked.append(parked_id(account.id, event.reply_to))
            case HistoryMessage() | MessageWithheld():
                messages.append(message_id(account.id, event.external_id))
                parked.append(parked_id(account.id, event.external_id))
            case MessageEdited() | MessageDeleted() | ReactionChanged():
                messages.append(message_id(account.id, event.target))
            case ReceiptReceived():
                reference = parse_reference(event.reference)
                if reference is not None:
                    messages.append(reference.message_id)
                messages.append(message_id(account.id, event.external_id))
            case _:
                pass
    return {MESSAGES: messages, PARKED: parked}


def strangers(pairs: Pairs, loaded: Loaded) -> Pairs:
    """Those about people who are not remembered, and those that name nobody."""
    return [
        (item, account)
        for item, account in pairs
        if not (keys := _keys(item)) or loaded.peek(IDENTITIES, key_id(account, keys[0])) is None
    ]


def identity_needs(pairs: Pairs, loaded: Loaded) -> Needs:
    """Identities by the keys in the payloads, and what was reported about those who have none yet."""
    keys = [(account, key) for item, account in pairs for key in _keys(item)]
    return {
        IDENTITIES: [key_id(account, key) for account, key in keys],
        PARKED: [parked_id(account.id, waits_for(key)) for account, key in keys],
    }


def thread_needs(pairs: Pairs, loaded: Loaded) -> Needs:
    """The contacts and threads of the identities that were found."""
    needs: Needs = {CONTACTS: [], THREADS: [], IDENTITIES: []}
    for item, account in pairs:
        for key in _keys(item):
            identity = loaded.peek(IDENTITIES, key_id(account, key))
            if identity is not None:
                needs[CONTACTS].append(identity.contact_id)
                needs[IDENTITIES].append(identity.line_id)
                needs[THREADS].append(thread_id(account.id, identity.line_id))
    for message in _messages(pairs, loaded):
        needs[THREADS].append(message.thread_id)
    return needs


def conversation_needs(pairs: Pairs, loaded: Loaded) -> Needs:
    """The conversations of the threads that were found; new people have a thread nobody has made yet."""
    needs: Needs = {CONVERSATIONS: [], THREADS: []}
    for item, account in pairs:
        for key in _keys(item)[:1]:
            identity = loaded.peek(IDENTITIES, key_id(account, key))
            line = key_id(account, key) if identity is None else identity.line_id
            needs[THREADS].append(thread_id(account.id, line))
            thread = loaded.peek(THREADS, thread_id(account.id, line))
            if thread is not None:
                for id in (thread.open_conversation_id, thread.last_conversation_id):
                    if id is not None:
                        needs[CONVERSATIONS].append(id)
    for message in _messages(pairs, loaded):
        if message.conversation_id is not None:
            needs[CONVERSATIONS].append(message.conversation_id)
    return needs


ROUNDS: tuple[Callable[[Pairs, Loaded], Needs], ...] = (identity_needs, thread_needs, conversation_needs)


def _keys(item: Item) -> tuple[IdentityKey, ...]:
    match item.event:
        case MessageReceived(sender=sender, group=None):
            return sender.keys
        case MessageReceived(group=IdentityKey() as group, sender=sender):
            return (group, *sender.keys)
        case MessageEchoed(recipient=recipient) if recipient is not None:
            return recipient.keys
        case MessageWithheld(person=person) if person is not None:
            return person.keys
        case HistoryMessage(person=person) | ReactionChanged(person=person) | WatermarkReceived(person=person):
            return person.keys
        case _:
            return ()


def _messages(pairs: Pairs, loaded: Loaded) -> Iterator[Any]:
    for id in _message_ids(pairs):
        found = loaded.peek(MESSAGES, id)
        if found is not None:
            yield found


def _message_ids(pairs: Pairs) -> Iterable[str]:
    for item, account in pairs:
        match item.event:
            case MessageEdited(target=target) | MessageDeleted(target=target) | ReactionChanged(target=target):
                yield message_id(account.id, target)
            case ReceiptReceived(reference=text):
                reference = parse_reference(text)
                if reference is not None:
                    yield reference.message_id
            case _:
                pass
