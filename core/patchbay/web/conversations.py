"""Conversations: found, started, shown, changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, get_args

from marshmallow import fields

from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MESSAGES, THREADS
from patchbay.errors import Forbidden
from patchbay.inbox.activities import Expected
from patchbay.inbox.changing import change_conversation, tag_conversation, untag_conversation
from patchbay.inbox.recipients import Target, conversation_for
from patchbay.inbox.rows import scope_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Conversation, ConversationStatus, Priority
from patchbay.ports import Query, Where
from patchbay.views import View, conversation_view
from patchbay.web.call import Call
from patchbay.web.given import department_given
from patchbay.web.lists import items_answer, listing, query_of
from patchbay.web.missed import missed_as_read
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations
from patchbay.web.schemas.contact_requests import SHORT
from patchbay.web.schemas.conversation_requests import ConversationPatchSchema, NewConversationSchema
from patchbay.web.schemas.conversations import ConversationSchema
from patchbay.web.schemas.fields import Listed, OneOf, Time

OPERATIONS = Operations(
    "Conversations",
    {
        "conversations.read": "See conversations",
        "conversations.write": "Start, change, tag, claim, snooze and read conversations, and answer in place of a bot",
        "conversations.assign": "Assign and transfer conversations to others",
        "conversations.close": "Close and reopen conversations",
    },
    scoped=True,
)
ASSIGNING = "conversations.assign"
FOUND_CONTACTS = 200  # whose conversations a search shows beside those that say the words
_one = "/conversations/{conversation_id}"


def _ids(description: str) -> fields.String:
    return fields.String(validate=SHORT, metadata={"description": description})


@OPERATIONS.get(
    "/conversations",
    "conversations.read",
    answer=Listing(ConversationSchema),
    query=listing(
        sorts=("last_activity_at", "created_at", "number"),
        default_sort="-last_activity_at",
        text=True,
        status=Listed(OneOf(get_args(ConversationStatus)), most=4),
        priority=Listed(OneOf(get_args(Priority)), most=4),
        channel=Listed(fields.String(validate=SHORT)),
        account=Listed(fields.String(validate=SHORT)),
        assignee=_ids("An id, `me`, or `none`."),
        department=_ids("An id, or `none`."),
        contact=_ids("Conversations with this contact."),
        tag=_ids("Those that carry this tag."),
        waiting=fields.Boolean(metadata={"description": "Whether the person waits for an answer."}),
        updated_after=Time(),
        created_after=Time(),
    ),
)
async def list_conversations(call: Call) -> Answer:
    """List conversations.

    `q` finds words in messages and subjects, and the names and identities of contacts.
    """
    store, q = call.gateway.store, call.query.get("q")
    by_contact = None
    if q:
        scope = scope_of(call.rows, CONTACTS)
        named = Query(CONTACTS, text=q, text_owners=(IDENTITIES,), any_of=scope, limit=FOUND_CONTACTS)
        people = await store.find(named)
        by_contact = Where("contact_id", "in", tuple(contact.id for contact in people.items))
    query = query_of(call, CONVERSATIONS, where=_where(call), text_owners=(MESSAGES,), text_or=by_contact)
    page = await store.find(query)
    return items_answer(call, await conversation_views(call, page.items), page.next)


def _where(call: Call) -> list[Where]:
    asked, found = call.query, []
    for name, field in (
        ("status", "status"),
        ("priority", "priority"),
        ("channel", "channel"),
        ("account", "account_id"),
    ):
        if name in asked:
            found.append(Where(field, "in", tuple(asked[name])))
    if "assignee" in asked:
        value = call.principal.id if asked["assignee"] == "me" else asked["assignee"]
        found.append(Where("assignee_id", "eq", None if value == "none" else value))
    if "department" in asked:
        found.append(Where("department_id", "eq", None if asked["department"] == "none" else asked["department"]))
    if "contact" in asked:
        found.append(Where("contact_id", "eq", asked["contact"]))
    if "tag" in asked:
        found.append(Where("tags", "has", asked["tag"]))
    if "waiting" in asked:
        found.append(Where("waiting_since", "exists", asked["waiting"]))
    for name, field in (("updated_after", "updated_at"), ("created_after", "created_at")):
        if name in asked:
            found.append(Where(field, "gt", asked[name]))
    return found


@OPERATIONS.post(
    "/conversations",
    "conversations.write",
    body=NewConversationSchema,
    answer=ConversationSchema,
    creates=True,
    errors=("not_found",),
)
async def start_conversation(call: Call) -> Answer:
    """Start a conversation without sending anything.

    200 with the one that is open with this person already, 201 with a new one.
    """
    find = finding(call)
    reader = call.principal.id

    def start(uow: UnitOfWork) -> tuple[Conversation, bool, View]:
        conversation, made = find(uow)
        view = conversation_view(
            conversation,
            uow.get(CONTACTS, conversation.contact_id),
            uow.get(THREADS, conversation.thread_id),
            reader=reader,
        )
        return conversation, made, view

    return await call.perform(start, _started)


def _started(result: tuple[Conversation, bool, View]) -> Answer:
    conversation, made, view = result
    return Answer(view, status=201 if made else 200, version=conversation.version, location=path_of(conversation.id))


@OPERATIONS.get(_one, "conversations.read", answer=ConversationSchema)
async def show_conversation(call: Call) -> Answer:
    """Show a conversation."""
    return await conversation_answer(call, await the_conversation(call))


@OPERATIONS.patch(
    _one,
    "conversations.write",
    body=ConversationPatchSchema,
    answer=ConversationSchema,
    versioned=True,
    errors=("conversation_closed", "conversation_moved"),
)
async def change_a_conversation(call: Call) -> Answer:
    """Change a conversation.

    Attributes are merged and null removes one; tags are replaced. A closed one cannot move to another department, and
    moving one takes `conversations.assign`.
    """
    changes = dict(call.body)
    if "department_id" in changes:
        department_given(call, changes["department_id"])
        if not await call.may(ASSIGNING, CONVERSATIONS, await the_conversation(call)):
            raise Forbidden(f"To move it, this needs the permission {ASSIGNING}.", extra={"permission": ASSIGNING})
    expected = Expected(version=call.expected_version, last_seq=changes.pop("expected_last_seq", None))
    return await do(call, lambda uow, id: change_conversation(uow, id, changes, expected=expected))


@OPERATIONS.put(f"{_one}/tags/{{tag}}", "conversations.write", answer=ConversationSchema, versioned=True)
async def tag_a_conversation(call: Call) -> Answer:
    """Put a tag on a conversation."""
    tag, expected = call.path["tag"], Expected(version=call.expected_version)
    return await do(call, lambda uow, id: tag_conversation(uow, id, tag, expected=expected))


@OPERATIONS.delete(f"{_one}/tags/{{tag}}", "conversations.write", answer=ConversationSchema, versioned=True)
async def untag_a_conversation(call: Call) -> Answer:
    """Take a tag off a conversation."""
    tag, expected = call.path["tag"], Expected(version=call.expected_version)
    return await do(call, lambda uow, id: untag_conversation(uow, id, tag, expected=expected))


# what several modules need


async def the_conversation(call: Call) -> Conversation:
    """The conversation that the path names. Raises ``NotFound``."""
    return await conversation_by_id(call, call.path["conversation_id"])


async def conversation_by_id(call: Call, id: str) -> Conversation:
    """Raises ``NotFound``."""
    return await call.need(CONVERSATIONS, id)


async def do(call: Call, command: Callable[[UnitOfWork, str], Conversation]) -> Answer:
    """Run a command on the conversation that the path names; answer it as it is then."""
    return await conversation_answer(call, await done(call, command))


async def done(call: Call, command: Callable[[UnitOfWork, str], Conversation]) -> Conversation:
    """What a command leaves of the conversation that the path names. Raises what the command raises."""
    known = await the_conversation(call)
    async with missed_as_read(call):
        return await call.run(lambda uow: command(uow, known.id), lane=known.thread_id)


async def conversation_answer(call: Call, conversation: Conversation, **more: Any) -> Answer:
    """The conversation as the asker sees it."""
    (view,) = await conversation_views(call, (conversation,))
    return Answer({**view, **more}, version=conversation.version)


async def conversation_views(call: Call, conversations: Sequence[Conversation]) -> list[View]:
    """Conversations as the asker sees them; their contacts and threads are read in one go."""
    inbox, reader = call.gateway.inbox, call.principal.id
    contacts = await inbox.get_many(CONTACTS, [conversation.contact_id for conversation in conversations])
    threads = await inbox.get_many(THREADS, [conversation.thread_id for conversation in conversations])
    return [
        conversation_view(
            conversation,
            contacts.get(conversation.contact_id),
            threads.get(conversation.thread_id),
            reader=reader,
        )
        for conversation in conversations
    ]


def finding(call: Call) -> Callable[[UnitOfWork], tuple[Conversation, bool]]:
    """What finds or makes the conversation for the body's recipient, and says whether it was made."""
    to = call.body.get("to", {})
    target = Target(
        phone=call.body.get("customer_phone"),
        contact_id=to.get("contact_id"),
        identity_id=to.get("identity_id"),
        channel=to.get("channel"),
        kind=to.get("kind"),
        value=to.get("value"),
        account_id=call.body.get("account_id"),
    )
    channels = call.gateway.registry.channels
    reopen_after = timedelta(seconds=call.gateway.settings.conversations.reopen_after_s)
    return lambda uow: conversation_for(uow, channels, target, reopen_after=reopen_after)


def path_of(conversation_id: str) -> str:
    return f"{API_ROOT}/conversations/{conversation_id}"
