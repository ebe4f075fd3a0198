"""Messages: read, sent, tried again, taken back, reacted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from marshmallow import Schema

from patchbay.collections import CONVERSATIONS, MESSAGES
from patchbay.errors import Forbidden, NotFound
from patchbay.inbox.consent import refuse_unwanted
from patchbay.inbox.lifecycle import require_control
from patchbay.inbox.resending import cancel_message, retry_message, set_reaction
from patchbay.inbox.sending import send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.content import AnyContent, Text
from patchbay.model.conversation import Conversation
from patchbay.model.message import Message, Origin
from patchbay.model.principal import PrincipalType
from patchbay.model.times import rfc3339
from patchbay.views import message_view, receipts_view, revisions_view
from patchbay.web.call import Call
from patchbay.web.conversations import conversation_by_id, finding, the_conversation
from patchbay.web.lists import items_answer, listing, page_answer, query_of
from patchbay.web.missed import missed_as_read
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations
from patchbay.web.schemas.fields import OneOf
from patchbay.web.schemas.message_requests import (
    RawMessageSchema,
    ReactionRequestSchema,
    SayingSchema,
    SendSchema,
    SentSchema,
)
from patchbay.web.schemas.messages import MessageSchema, ReceiptSchema, RevisionSchema
from patchbay.web.timeline import on_thread

OPERATIONS = Operations(
    "Messages",
    {
        "messages.read": "See messages and timelines",
        "messages.send": "Send messages and reactions, try failed ones again, take queued ones back",
        "messages.raw": "See the webhooks that messages came in, whole",
    },
    scoped=True,
)
ACCEPTED_WITHIN_S = 10.0  # that ``?wait=accepted`` waits
ORIGINS: dict[PrincipalType, Origin] = {"user": "agent", "bootstrap": "agent", "api_key": "api", "bot": "bot"}
_one = "/messages/{message_id}"
_REFUSALS = (
    "not_found",
    "conversation_closed",
    "conversation_moved",
    "control_lost",
    "contact_blocked",
    "contact_erased",
    "contact_stopped",
    "consent_stopped",
    "window_closed",
    "capability_unsupported",
    "channel_disabled",
    "channel_unavailable",
    "channel_reauth_required",
)
_UNREACTABLE = (
    "not_reactable",
    "capability_unsupported",
    "channel_disabled",
    "channel_unavailable",
    "channel_reauth_required",
)


class SendQuerySchema(Schema):
    wait = OneOf(
        ("accepted",),
        metadata={"description": f"Wait up to {ACCEPTED_WITHIN_S:g} s for the provider's answer."},
    )


@OPERATIONS.get(
    "/conversations/{conversation_id}/messages",
    "messages.read",
    answer=Listing(MessageSchema),
    query=listing(sorts=("seq",), default_sort="seq"),
)
async def list_messages(call: Call) -> Answer:
    """List the messages of a conversation, oldest first; `sort=-seq` is newest first."""
    conversation = await the_conversation(call)
    page = await call.gateway.store.find(query_of(call, MESSAGES, where=on_thread(conversation)))
    return page_answer(call, page, message_view)


@OPERATIONS.post(
    "/conversations/{conversation_id}/messages",
    "messages.send",
    body=SayingSchema,
    query=SendQuerySchema,
    answer=SentSchema,
    creates=True,
    errors=_REFUSALS,
)
async def send_in_conversation(call: Call) -> Answer:
    """Send a message in a conversation.

    201 as soon as it is durably queued.
    """
    conversation = await the_conversation(call)
    return await _send(call, lambda _: conversation.id, lane=conversation.thread_id)


@OPERATIONS.post(
    "/messages/send",
    "messages.send",
    body=SendSchema,
    query=SendQuerySchema,
    answer=SentSchema,
    creates=True,
    errors=_REFUSALS,
    also_at=("/messages/send",),
)
async def send_a_message(call: Call) -> Answer:
    """Send a message to a conversation or a person.

    By recipient it goes into the conversation that is not closed with that person, or starts one. 201 as soon as it is
    durably queued; with `wait=accepted` the provider's own answer comes along, where it comes in time.
    """
    id = call.body.get("conversation_id")
    if id is not None:
        conversation = await conversation_by_id(call, id)
        return await _send(call, lambda _: conversation.id, lane=conversation.thread_id)
    find = finding(call)
    return await _send(call, lambda uow: find(uow)[0].id, lane=None)


@dataclass(frozen=True)
class _Sent:
    message: Message
    channel: str


async def _send(call: Call, find: Callable[[UnitOfWork], str], *, lane: str | None) -> Answer:
    body, channels, author = call.body, call.gateway.registry.channels, call.actor
    said = content_of(call)

    def send(uow: UnitOfWork) -> _Sent:
        conversation = uow.need(CONVERSATIONS, find(uow))
        message = send_message(
            uow,
            channels,
            conversation.id,
            said,
            author=author,
            client_ref=body.get("client_ref"),
            **conditions(call),
        )
        return _Sent(message, conversation.channel)

    async with missed_as_read(call):
        answer = await call.perform(send, _queued, lane=lane)
    return await _accepted(call, answer) if call.query.get("wait") == "accepted" else answer


def conditions(call: Call) -> dict[str, Any]:
    """What the body says about when it may be sent; the same for a send and its preview."""
    actor, body, said_now = call.actor, call.body, content_of(call)

    def allowed(uow: UnitOfWork, conversation: Conversation) -> None:
        require_control(conversation, actor, body.get("control_token"))
        refuse_unwanted(uow, conversation.thread_id, said_now)

    said = {name: body.get(name) for name in ("reply_to", "expected_last_seq", "options")}
    return {**said, "origin": ORIGINS[call.principal.type], "allowed": allowed}


def _queued(sent: _Sent) -> Answer:
    return Answer(
        _sent_view(sent.message, sent.channel, None),
        status=201,
        version=sent.message.version,
        location=f"{API_ROOT}/messages/{sent.message.id}",
    )


async def _accepted(call: Call, answer: Answer) -> Answer:
    """The answer with what the provider said; a repetition waits for the same message, and sends nothing."""
    first = msgspec.json.decode(answer.data) if isinstance(answer.data, msgspec.Raw) else answer.data
    id = first["message"]["id"]
    response = await call.gateway.delivery.wait_accepted(id, ACCEPTED_WITHIN_S)
    message = await call.gateway.store.get(MESSAGES, id)
    if message is None:
        return answer
    conversation = await conversation_by_id(call, first["conversation_id"])
    return Answer(
        _sent_view(message, conversation.channel, response),
        status=answer.status,
        version=message.version,
        location=answer.location,
        headers=answer.headers,
    )


def _sent_view(message: Message, channel: str, response: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "message": message_view(message),
        "conversation_id": message.conversation_id,
        "whatsapp_response": response if channel == "whatsapp" else None,
        "channel_response": response,
    }


@OPERATIONS.get(_one, "messages.read", answer=MessageSchema)
async def show_message(call: Call) -> Answer:
    """Show a message."""
    return _answer(await the_message(call))


@OPERATIONS.post(f"{_one}/retry", "messages.send", answer=MessageSchema, versioned=True, errors=("not_retryable",))
async def retry_a_message(call: Call) -> Answer:
    """Send a message again that failed, expired or was cancelled, or of which nobody knows whether it arrived."""
    return await _change(call, retry_message)


@OPERATIONS.post(f"{_one}/cancel", "messages.send", answer=MessageSchema, versioned=True, errors=("not_cancellable",))
async def cancel_a_message(call: Call) -> Answer:
    """Take a message back that has not begun to leave."""
    return await _change(call, cancel_message)


@OPERATIONS.put(
    f"{_one}/reaction",
    "messages.send",
    body=ReactionRequestSchema,
    answer=MessageSchema,
    versioned=True,
    errors=_UNREACTABLE,
)
async def set_a_reaction(call: Call) -> Answer:
    """React to a message; there is one reaction of the business at most."""
    return await _react(call, call.body["emoji"])


@OPERATIONS.delete(
    f"{_one}/reaction",
    "messages.send",
    answer=MessageSchema,
    versioned=True,
    errors=_UNREACTABLE,
)
async def remove_a_reaction(call: Call) -> Answer:
    """Take the reaction to a message back."""
    return await _react(call, None)


@OPERATIONS.get(f"{_one}/receipts", "messages.read", answer=Listing(ReceiptSchema))
async def list_receipts(call: Call) -> Answer:
    """List every step that was reported of a message."""
    return items_answer(call, receipts_view(await the_message(call)), None)


@OPERATIONS.get(f"{_one}/revisions", "messages.read", answer=Listing(RevisionSchema))
async def list_revisions(call: Call) -> Answer:
    """List what a message said before it was edited or deleted."""
    return items_answer(call, revisions_view(await the_message(call)), None)


@OPERATIONS.get(f"{_one}/raw", "messages.raw", answer=RawMessageSchema)
async def show_raw_message(call: Call) -> Answer:
    """Show the webhook that a message came in, as long as the journal keeps it."""
    if not call.rows.all:
        raise Forbidden("A webhook may hold the messages of others: this takes the permission for all rows.")
    message = await the_message(call)
    raw = None if message.raw_event_id is None else await call.gateway.store.raw(message.raw_event_id)
    if raw is None:
        raise NotFound("The message came in no webhook, or the journal keeps it no longer.")
    return Answer(
        {
            "event_id": raw.id,
            "channel": raw.channel,
            "received_at": rfc3339(raw.received_at),
            "body": msgspec.json.decode(raw.body),
        }
    )


async def the_message(call: Call) -> Message:
    """The message that the path names. Raises ``NotFound``."""
    return await call.need(MESSAGES, call.path["message_id"])


def content_of(call: Call) -> AnyContent:
    """What the body says: its content, or its text as one."""
    if "content" in call.body:
        content: AnyContent = call.body["content"]
        return content
    return Text(text=call.body["text_content"])


async def _change(call: Call, command: Callable[[UnitOfWork, str], Message]) -> Answer:
    known, expected = await the_message(call), call.expected_version

    def change(uow: UnitOfWork) -> Message:
        require_version(uow.need(MESSAGES, known.id).version, expected)
        return command(uow, known.id)

    return _answer(await call.run(change, lane=known.thread_id))


async def _react(call: Call, emoji: str | None) -> Answer:
    channels, actor = call.gateway.registry.channels, call.actor
    return await _change(call, lambda uow, id: set_reaction(uow, channels, id, emoji, actor=actor))


def _answer(message: Message) -> Answer:
    return Answer(message_view(message), version=message.version)
