"""What a conversation that moved on shows of what was missed: no more than the caller may read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from patchbay.collections import CONVERSATIONS
from patchbay.errors import StateConflict
from patchbay.web.auth import is_allowed, rows_of
from patchbay.web.call import Call

READING = "messages.read"


@asynccontextmanager
async def missed_as_read(call: Call) -> AsyncIterator[None]:
    """Take from a ``conversation_moved`` the messages that the caller may not read; that it moved stays."""
    try:
        yield
    except StateConflict as moved:
        if "missed" in moved.extra:
            missed = moved.extra["missed"]
            readable = {id for id in {each["conversation_id"] for each in missed} if await _reads(call, id)}
            moved.extra["missed"] = [each for each in missed if each["conversation_id"] in readable]
        raise


async def _reads(call: Call, conversation_id: str | None) -> bool:
    """Whether the caller may read the messages of this conversation."""
    authorizers = call.gateway.registry.authorizers
    if conversation_id is None or not is_allowed(call.principal, READING, authorizers):
        return False
    conversation = await call.gateway.inbox.get(CONVERSATIONS, conversation_id)
    rows = rows_of(call.principal, READING, authorizers)
    return conversation is not None and rows.hold(conversation.department_id, conversation.assignee_id)
