"""The timeline: messages, notes and activities in the order of their places on the thread."""

from __future__ import annotations

import re

from marshmallow import Schema, fields, validate

from patchbay.errors import FieldError, Invalid
from patchbay.model.conversation import Conversation
from patchbay.ports import Where
from patchbay.web.call import Call
from patchbay.web.conversations import the_conversation
from patchbay.web.lists import MAX_LIMIT, items_answer
from patchbay.web.operations import Answer, Listing, Operations
from patchbay.web.schemas.fields import OneOf
from patchbay.web.schemas.message_requests import TimelineItemSchema
from patchbay.web.timeline_items import found_of, shown_kinds

OPERATIONS = Operations("Conversations")
_CURSOR = re.compile(r"([ud])([0-9]{1,15})")  # up or down the timeline, and from where


class TimelineQuerySchema(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(load_default=None, metadata={"description": "`page.next` of the page before."})
    sort = OneOf(("seq", "-seq"), load_default="seq", metadata={"description": "Oldest first, or newest first."})
    scope = OneOf(
        ("conversation", "thread"),
        load_default="conversation",
        metadata={"description": "`thread` also shows what was before, and what belongs to no conversation."},
    )


@OPERATIONS.get(
    "/conversations/{conversation_id}/timeline",
    "messages.read",
    answer=Listing(TimelineItemSchema),
    query=TimelineQuerySchema,
)
async def show_timeline(call: Call) -> Answer:
    """Show what happened: messages, notes and activities, merged by `seq`.

    Notes are there for who has `notes.read`.
    """
    conversation = await the_conversation(call)
    asked = call.query
    down = asked["sort"] == "-seq"
    where = on_thread(conversation, whole=asked["scope"] == "thread")
    if asked["cursor"] is not None:
        where = (*where, Where("seq", "lt" if down else "gt", _seq_of(asked["cursor"], down)))
    limit = asked["limit"]
    found = await found_of(call, shown_kinds(call), where, sort=asked["sort"], limit=limit + 1)
    items = [{"type": kind.type, "seq": each.seq, kind.type: view} for kind, each, view in found]
    shown = items[:limit]
    more = f"{'d' if down else 'u'}{shown[-1]['seq']}" if len(items) > limit else None
    return items_answer(call, shown, more)


def on_thread(conversation: Conversation, *, whole: bool = False) -> tuple[Where, ...]:
    """The conditions for what belongs to a conversation, or to its whole thread."""
    thread = Where("thread_id", "eq", conversation.thread_id)
    if whole:
        return (thread,)
    return (
        thread,
        Where("conversation_id", "eq", conversation.id),
        Where("seq", "gte", conversation.first_seq),
    )


def _seq_of(cursor: str, down: bool) -> int:
    found = _CURSOR.fullmatch(cursor)
    if found is None or (found[1] == "d") != down:
        message = "This is not a cursor of this timeline; ask for the first page again."
        raise Invalid(message, errors=[FieldError("?cursor", "invalid", message)])
    return int(found[2])
