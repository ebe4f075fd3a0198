"""How far each reader has read. No IO.

A cursor remembers the place on the thread, and how many inbound messages stood before it: what is unread is then a
subtraction, for any reader, without counting.
"""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.channel import Channel
from patchbay.collections import CONVERSATIONS, MESSAGES
from patchbay.inbox.activities import ANYTHING, Expected, begin
from patchbay.inbox.landing import emit_conversation
from patchbay.inbox.resending import queue_read
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Conversation, ReadCursor
from patchbay.model.message import Message
from patchbay.ports import Query, Where

_COUNTED_AT_ONCE = 200


def mark_read(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    conversation_id: str,
    reader: str,
    *,
    seq: int | None = None,
    expected: Expected = ANYTHING,
) -> Conversation:
    """Everything up to ``seq`` (None: everything) is read; a cursor only moves forward here.

    The provider is told once per message, where the channel can.
    """
    conversation, _ = begin(uow, conversation_id, "read", expected)
    place = conversation.last_seq if seq is None else min(seq, conversation.last_seq)
    held = conversation.read_cursors.get(reader)
    if held is not None and held.seq >= place:
        return conversation
    base = conversation.inbound_count - len(_inbound_after(uow, conversation, place))
    if held is None:  # what somebody else has read is not unread for a newcomer
        base = max([base, *(cursor.inbound_base for cursor in conversation.read_cursors.values())])
    last = _last_inbound(uow, conversation, place)
    if last is not None:
        queue_read(uow, channels, last)
    return _moved(uow, conversation, reader, ReadCursor(seq=place, inbound_base=base))


def mark_unread(
    uow: UnitOfWork, conversation_id: str, reader: str, *, seq: int | None = None, expected: Expected = ANYTHING
) -> Conversation:
    """What the person wrote from ``seq`` on (None: their last message) is unread again."""
    conversation, _ = begin(uow, conversation_id, "unread", expected)
    if seq is None:
        last = _last_inbound(uow, conversation, conversation.last_seq)
        if last is None:
            return conversation
        seq = last.seq
    place = max(0, seq - 1)
    base = conversation.inbound_count - len(_inbound_after(uow, conversation, place))
    cursor = ReadCursor(seq=place, inbound_base=base)
    if conversation.read_cursors.get(reader) == cursor:
        return conversation
    return _moved(uow, conversation, reader, cursor)


def _moved(uow: UnitOfWork, conversation: Conversation, reader: str, cursor: ReadCursor) -> Conversation:
    conversation = uow.put(CONVERSATIONS, conversation, read_cursors={**conversation.read_cursors, reader: cursor})
    emit_conversation(uow, "conversation.read", conversation, reader_id=reader, read_seq=cursor.seq)
    return conversation


def _inbound_after(uow: UnitOfWork, conversation: Conversation, seq: int) -> list[Message]:
    """What the person wrote after this place; notices that nobody wrote do not count."""
    found: list[Message] = []
    while seq < conversation.last_seq:
        where = (*_inbound(conversation), Where("seq", "gt", seq))
        some = uow.find(Query(MESSAGES, where, sort="seq", limit=_COUNTED_AT_ONCE))
        found.extend(message for message in some if message.author.type == "contact")
        if len(some) < _COUNTED_AT_ONCE:
            break
        seq = some[-1].seq
    return found


def _last_inbound(uow: UnitOfWork, conversation: Conversation, up_to: int) -> Message | None:
    where = (*_inbound(conversation), Where("origin", "eq", "contact"), Where("seq", "lte", up_to))
    found = uow.find(Query(MESSAGES, where, sort="-seq", limit=1))
    return found[0] if found else None


def _inbound(conversation: Conversation) -> tuple[Where, ...]:
    return (
        Where("thread_id", "eq", conversation.thread_id),
        Where("conversation_id", "eq", conversation.id),
        Where("direction", "eq", "inbound"),
    )
