"""Lines of the timeline that say what was done to a conversation. No IO."""

from __future__ import annotations

from typing import Any

from patchbay.collections import ACTIVITIES, CONVERSATIONS, THREADS
from patchbay.inbox.landing import emit_conversation
from patchbay.inbox.sending import expect_last_seq
from patchbay.inbox.states import Action, has_work
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.conversation import Conversation
from patchbay.model.document import Value
from patchbay.model.message import Activity
from patchbay.views import activity_view


class Expected(Value, frozen=True, kw_only=True):
    """What the caller believed when asking: the version (If-Match), and the last item seen. None expects nothing."""

    version: int | None = None
    last_seq: int | None = None


ANYTHING = Expected()


class Why(Value, frozen=True, kw_only=True):
    """What the doer gave as a reason, and said beside it; both stand in the timeline."""

    reason: str | None = None
    note: str | None = None


NO_REASON = Why()


def begin(
    uow: UnitOfWork, conversation_id: str, action: Action, expected: Expected = ANYTHING
) -> tuple[Conversation, bool]:
    """The conversation, and whether the action has anything to do.

    Raises ``NotFound``, ``VersionConflict``, ``StateConflict`` (conversation_moved, conversation_closed).
    """
    conversation = uow.reach(CONVERSATIONS, conversation_id)
    require_version(conversation.version, expected.version)
    expect_last_seq(uow, conversation, expected.last_seq)
    return conversation, has_work(action, conversation)


def act(
    uow: UnitOfWork,
    conversation: Conversation,
    verb: str,
    event: str,
    *,
    was: Any = None,
    now: Any = None,
    why: Why = NO_REASON,
    **changes: Any,
) -> Conversation:
    """Change a conversation, put a line into its timeline and tell the world, all in one commit.

    ``was`` and ``now`` are plain JSON values for the line; ``changes`` are fields of the conversation.
    """
    before, conversation = conversation, uow.put(CONVERSATIONS, conversation, **changes)
    activity = record(uow, conversation, verb, was=was, now=now, why=why)
    emit_conversation(
        uow, event, conversation, before=before, changed=sorted(changes), activity=activity_view(activity)
    )
    return conversation


def record(
    uow: UnitOfWork, conversation: Conversation, verb: str, *, was: Any = None, now: Any = None, why: Why = NO_REASON
) -> Activity:
    """Put a line at the end of the thread."""
    return uow.add(
        ACTIVITIES,
        Activity(
            id=uow.ids.new("act"),
            created_at=uow.now,
            updated_at=uow.now,
            thread_id=conversation.thread_id,
            conversation_id=conversation.id,
            seq=next_seq(uow, conversation.thread_id),
            verb=verb,
            actor=uow.actor,
            from_value=was,
            to_value=now,
            reason=why.reason,
            note=why.note,
        ),
    )


def next_seq(uow: UnitOfWork, thread_id: str) -> int:
    """The next place on a thread, taken (invariant 2: dense, never reused)."""
    thread = uow.need(THREADS, thread_id)
    return uow.put(THREADS, thread, last_seq=thread.last_seq + 1).last_seq
