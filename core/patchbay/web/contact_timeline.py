"""A contact's timeline: everything on all of their threads, whatever the channel, merged by time.

The order within a thread is its own (``seq``) and is never changed by the merge; between threads the moment of
recording decides. The cursor says how far each thread was shown, so what is added meanwhile moves nothing.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import merge
from typing import Annotated, NamedTuple

import msgspec
from marshmallow import Schema, fields, validate

from patchbay.collections import THREADS
from patchbay.errors import FieldError, Invalid
from patchbay.inbox.people import current_contact
from patchbay.inbox.rows import scope_of
from patchbay.model.conversation import Thread
from patchbay.ports import Query, Where
from patchbay.views import View
from patchbay.web.call import Call
from patchbay.web.contacts import the_contact
from patchbay.web.lists import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, items_answer
from patchbay.web.operations import Answer, Listing, Operations
from patchbay.web.schemas.message_requests import ContactTimelineItemSchema
from patchbay.web.timeline_items import Kind, found_of, shown_kinds

OPERATIONS = Operations("Contacts")
THREADS_AT_MOST = 30  # of one contact: those that were used last
_KEY = 10  # characters of a thread's id in the cursor; they are random enough to tell a contact's threads apart
MAX_SEQ = 2**63 - 1  # what the store can compare a place with
_positions = msgspec.json.Decoder(dict[str, Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)]]).decode


class ContactTimelineQuerySchema(Schema):
    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(1, MAX_CURSOR),
        metadata={"description": "`page.next` of the page before."},
    )


class _Line(NamedTuple):
    """One item, newest first by ``at``, and in a thread by ``seq``."""

    at: datetime
    thread: str
    seq: int
    view: View


@OPERATIONS.get(
    "/contacts/{contact_id}/timeline",
    "messages.read",
    answer=Listing(ContactTimelineItemSchema),
    query=ContactTimelineQuerySchema,
)
async def show_contact_timeline(call: Call) -> Answer:
    """Show what happened with a contact on all channels, the newest first.

    Notes are there for who has `notes.read`; those that belong to the contact alone are at `/contacts/{id}/notes`.
    """
    id = (await the_contact(call)).id
    contact = await call.gateway.inbox.run(lambda uow: current_contact(uow, id))
    limit = call.query["limit"]
    shown_to = _read(call.query["cursor"])
    of_contact = (Where("contact_id", "eq", contact.id),)
    query = Query(THREADS, of_contact, limit=MAX_LIMIT, any_of=scope_of(call.rows, THREADS))
    found = await call.gateway.store.find(query)
    threads = sorted(found.items, key=lambda thread: thread.updated_at, reverse=True)[:THREADS_AT_MOST]
    kinds = shown_kinds(call)
    every = await asyncio.gather(*[_lines(call, thread, shown_to, limit + 1, kinds) for thread in threads])
    lines = list(merge(*every, key=lambda line: line.at, reverse=True))
    for line in lines[:limit]:
        shown_to[line.thread[-_KEY:]] = line.seq
    more = _cursor(shown_to) if len(lines) > limit else None
    return items_answer(call, [line.view for line in lines[:limit]], more)


async def _lines(
    call: Call, thread: Thread, shown_to: Mapping[str, int], limit: int, kinds: Sequence[Kind]
) -> Sequence[_Line]:
    """The next items of one thread, the newest first."""
    where = [Where("thread_id", "eq", thread.id)]
    if thread.id[-_KEY:] in shown_to:
        where.append(Where("seq", "lt", shown_to[thread.id[-_KEY:]]))
    found = await found_of(call, kinds, tuple(where), sort="-seq", limit=limit)
    whose = {"thread_id": thread.id, "account_id": thread.account_id, "channel": thread.channel}
    return [
        _Line(each.created_at, thread.id, each.seq, {"type": kind.type, "seq": each.seq, **whose, kind.type: view})
        for kind, each, view in found[:limit]
    ]


def _cursor(shown_to: Mapping[str, int]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(shown_to)).decode().rstrip("=")


def _read(cursor: str | None) -> dict[str, int]:
    """How far each thread was shown. Raises ``Invalid``."""
    if cursor is None:
        return {}
    try:
        return _positions(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.DecodeError):
        message = "This is not a cursor of this timeline; ask for the first page again."
        raise Invalid(message, errors=[FieldError("?cursor", "invalid", message)]) from None
