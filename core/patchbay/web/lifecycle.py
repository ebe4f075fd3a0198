"""What is done to a conversation: handed around, put off, closed, opened again, read."""

from __future__ import annotations

from typing import Any

from patchbay.inbox import lifecycle
from patchbay.inbox.activities import Expected, Why
from patchbay.inbox.reading import mark_read, mark_unread
from patchbay.web.call import Call
from patchbay.web.conversations import conversation_answer, do, done
from patchbay.web.given import claimer, department_given, person_given
from patchbay.web.operations import Answer, Operations
from patchbay.web.schemas.conversation_requests import (
    ActionSchema,
    AssignSchema,
    ControlledConversationSchema,
    ReleaseControlSchema,
    SeqSchema,
    SnoozeSchema,
    TransferSchema,
)
from patchbay.web.schemas.conversations import ConversationSchema

OPERATIONS = Operations("Conversations")
_one = "/conversations/{conversation_id}"
_ACTION: dict[str, Any] = {"answer": ConversationSchema, "versioned": True}
_MOVED = ("conversation_moved",)
_OPEN = ("conversation_closed", *_MOVED)
_HELD = ("conflict", *_OPEN)


def believed(call: Call) -> dict[str, Any]:
    """The ``expected`` and ``why`` of a command, as the request gave them."""
    body = call.body
    return {
        "expected": Expected(version=call.expected_version, last_seq=body.get("expected_last_seq")),
        "why": Why(reason=body.get("reason"), note=body.get("note")),
    }


@OPERATIONS.post(f"{_one}/assign", "conversations.assign", body=AssignSchema, errors=_OPEN, **_ACTION)
async def assign_conversation(call: Call) -> Answer:
    """Give a conversation to a person, or to nobody."""
    assignee_id, given = person_given(call, call.body["assignee_id"]), believed(call)
    return await do(call, lambda uow, id: lifecycle.assign(uow, id, assignee_id, **given))


@OPERATIONS.post(f"{_one}/claim", "conversations.write", body=ActionSchema, errors=_HELD, **_ACTION)
async def claim_conversation(call: Call) -> Answer:
    """Take a conversation that nobody has."""
    taker, given = claimer(call), believed(call)
    return await do(call, lambda uow, id: lifecycle.claim(uow, id, taker, **given))


@OPERATIONS.post(f"{_one}/release", "conversations.write", body=ActionSchema, errors=_HELD, **_ACTION)
async def release_conversation(call: Call) -> Answer:
    """Give a conversation back that one has."""
    given = believed(call)
    return await do(call, lambda uow, id: lifecycle.release(uow, id, call.principal.id, **given))


@OPERATIONS.post(f"{_one}/transfer", "conversations.assign", body=TransferSchema, errors=_OPEN, **_ACTION)
async def transfer_conversation(call: Call) -> Answer:
    """Hand a conversation over to a department or a person.

    Handed to a department, nobody in it has it yet. `reason` and `note` stand in the timeline. The person goes on
    waiting since they wrote; with `restart_clocks` that counts from now.
    """
    to: dict[str, Any] = {
        "department_id": department_given(call, call.body.get("department_id")),
        "assignee_id": person_given(call, call.body.get("assignee_id")),
        "restart_clocks": call.body["restart_clocks"],
        **believed(call),
    }
    return await do(call, lambda uow, id: lifecycle.transfer(uow, id, **to))


@OPERATIONS.post(f"{_one}/snooze", "conversations.write", body=SnoozeSchema, errors=_OPEN, **_ACTION)
async def snooze_conversation(call: Call) -> Answer:
    """Put a conversation off until a moment, or until the person writes."""
    until, given = call.body["until"], believed(call)
    return await do(call, lambda uow, id: lifecycle.snooze(uow, id, until, **given))


@OPERATIONS.post(f"{_one}/unsnooze", "conversations.write", body=ActionSchema, errors=_OPEN, **_ACTION)
async def unsnooze_conversation(call: Call) -> Answer:
    """Take a conversation up again before its time."""
    given = believed(call)
    return await do(call, lambda uow, id: lifecycle.unsnooze(uow, id, **given))


@OPERATIONS.post(f"{_one}/close", "conversations.close", body=ActionSchema, errors=_MOVED, **_ACTION)
async def close_conversation(call: Call) -> Answer:
    """Close a conversation; what the person writes next starts a new one."""
    given = believed(call)
    return await do(call, lambda uow, id: lifecycle.close(uow, id, **given))


@OPERATIONS.post(f"{_one}/reopen", "conversations.close", body=ActionSchema, errors=("conflict", *_MOVED), **_ACTION)
async def reopen_conversation(call: Call) -> Answer:
    """Go on with a closed conversation, unless another one is open with the person."""
    given = believed(call)
    return await do(call, lambda uow, id: lifecycle.reopen(uow, id, **given))


@OPERATIONS.post(f"{_one}/read", "conversations.write", body=SeqSchema, **_ACTION)
async def read_conversation(call: Call) -> Answer:
    """Say how far one has read: up to `seq`, or everything.

    The person is told too, where the channel can.
    """
    seq, reader, channels = call.body.get("seq"), call.principal.id, call.gateway.registry.channels
    expected = Expected(version=call.expected_version)
    return await do(call, lambda uow, id: mark_read(uow, channels, id, reader, seq=seq, expected=expected))


@OPERATIONS.post(f"{_one}/unread", "conversations.write", body=SeqSchema, **_ACTION)
async def unread_conversation(call: Call) -> Answer:
    """Make what the person wrote from `seq` on unread again, or their last message."""
    seq, reader = call.body.get("seq"), call.principal.id
    expected = Expected(version=call.expected_version)
    return await do(call, lambda uow, id: mark_unread(uow, id, reader, seq=seq, expected=expected))


@OPERATIONS.post(
    f"{_one}/control/take",
    "conversations.write",
    body=ActionSchema,
    answer=ControlledConversationSchema,
    versioned=True,
    errors=_OPEN,
)
async def take_control(call: Call) -> Answer:
    """Become the one who answers.

    `control_token` is to be sent with messages: it is void once somebody else takes over. Closing voids it too.
    """
    given = believed(call)
    conversation = await done(call, lambda uow, id: lifecycle.take_control(uow, id, call.actor, **given))
    return await conversation_answer(call, conversation, control_token=conversation.controller.token)


@OPERATIONS.post(
    f"{_one}/control/release",
    "conversations.write",
    body=ReleaseControlSchema,
    errors=("control_lost", *_OPEN),
    **_ACTION,
)
async def release_control(call: Call) -> Answer:
    """Leave the answering to people."""
    token, given = call.body.get("token"), believed(call)
    return await do(call, lambda uow, id: lifecycle.release_control(uow, id, call.actor, token=token, **given))
