"""What people do with a conversation: hand it around, put it off, close it, open it again. No IO.

Each command takes what the caller believed (``Expected``), answers the conversation as it is afterwards, and does
nothing where it is so already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from patchbay.collections import CONVERSATIONS, THREADS
from patchbay.errors import FieldError, Invalid, StateConflict
from patchbay.inbox.activities import ANYTHING, NO_REASON, Expected, Why, act, begin
from patchbay.inbox.gone import refuse_erased
from patchbay.inbox.landing import OPEN_CONVERSATION
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Controller, Conversation
from patchbay.model.message import Actor
from patchbay.model.times import rfc3339, rfc3339_or_none


def assign(
    uow: UnitOfWork,
    conversation_id: str,
    assignee_id: str | None,
    *,
    expected: Expected = ANYTHING,
    why: Why = NO_REASON,
) -> Conversation:
    """Give it to a person; None takes it from whoever has it."""
    conversation, _ = begin(uow, conversation_id, "assign", expected)
    if conversation.assignee_id == assignee_id:
        return conversation
    return _assigned(uow, conversation, "assigned" if assignee_id else "unassigned", assignee_id, why)


def claim(
    uow: UnitOfWork, conversation_id: str, claimer_id: str, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Take what nobody has. Raises ``StateConflict`` when somebody else has it."""
    conversation, _ = begin(uow, conversation_id, "claim", expected)
    if conversation.assignee_id == claimer_id:
        return conversation
    if conversation.assignee_id is not None:
        raise _held_by(conversation, "Assign it, if you may, to take it over.")
    return _assigned(uow, conversation, "claimed", claimer_id, why)


def release(
    uow: UnitOfWork, conversation_id: str, holder_id: str, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Give back what one has. Raises ``StateConflict`` when somebody else has it."""
    conversation, _ = begin(uow, conversation_id, "release", expected)
    if conversation.assignee_id is None:
        return conversation
    if conversation.assignee_id != holder_id:
        raise _held_by(conversation, "Assign it to nobody, if you may, to take it away.")
    return _assigned(uow, conversation, "released", None, why)


def transfer(
    uow: UnitOfWork,
    conversation_id: str,
    *,
    department_id: str | None = None,
    assignee_id: str | None = None,
    restart_clocks: bool = False,
    expected: Expected = ANYTHING,
    why: Why = NO_REASON,
) -> Conversation:
    """Hand over to a department (nobody in it has it then), to a person, or to a person in a department.

    The person goes on waiting since they wrote, or waits since now where the clocks restart.
    """
    conversation, _ = begin(uow, conversation_id, "transfer", expected)
    if department_id is None and assignee_id is None:
        raise Invalid(
            "Name a department or a person.",
            errors=[FieldError("/department_id", "required", "One of department_id and assignee_id is needed.")],
        )
    before = {"department_id": conversation.department_id, "assignee_id": conversation.assignee_id}
    after = {"department_id": department_id or conversation.department_id, "assignee_id": assignee_id}
    if before == after:
        return conversation
    waiting_since = conversation.waiting_since
    restarted: dict[str, Any] = {"waiting_since": uow.now} if restart_clocks and waiting_since is not None else {}
    return act(
        uow,
        conversation,
        "transferred",
        "conversation.transferred",
        was={**before, "waiting_since": rfc3339_or_none(waiting_since)} if restarted else before,
        now={**after, "waiting_since": rfc3339(uow.now)} if restarted else after,
        why=why,
        **after,
        **restarted,
        **_taken_up(conversation, assignee_id),
    )


def snooze(
    uow: UnitOfWork, conversation_id: str, until: datetime, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Put it off until a moment in the future, or until the person writes."""
    conversation, _ = begin(uow, conversation_id, "snooze", expected)
    if until <= uow.now:
        raise Invalid(
            "It can only be put off into the future.",
            errors=[FieldError("/until", "past", f"Must be later than {rfc3339(uow.now)}.")],
        )
    if conversation.status == "snoozed" and conversation.snoozed_until == until:
        return conversation
    return act(
        uow,
        conversation,
        "snoozed",
        "conversation.snoozed",
        was=rfc3339_or_none(conversation.snoozed_until),
        now=rfc3339(until),
        why=why,
        status="snoozed",
        snoozed_until=until,
    )


def unsnooze(
    uow: UnitOfWork, conversation_id: str, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Take it up again before its time."""
    conversation, work = begin(uow, conversation_id, "unsnooze", expected)
    return awake(uow, conversation, why) if work else conversation


def awake(uow: UnitOfWork, conversation: Conversation, why: Why) -> Conversation:
    """A snoozed conversation, open again."""
    return act(
        uow,
        conversation,
        "unsnoozed",
        "conversation.updated",
        was=rfc3339_or_none(conversation.snoozed_until),
        why=why,
        status="open",
        snoozed_until=None,
    )


def close(
    uow: UnitOfWork, conversation_id: str, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """End this piece of work. What the person writes next starts a new one; a bot's token is void from now on."""
    conversation, work = begin(uow, conversation_id, "close", expected)
    return ended(uow, conversation, why) if work else conversation


def ended(uow: UnitOfWork, conversation: Conversation, why: Why) -> Conversation:
    """A conversation that was not closed, closed."""
    thread = uow.need(THREADS, conversation.thread_id)
    uow.free(OPEN_CONVERSATION, thread.id, conversation.id)
    uow.put(THREADS, thread, open_conversation_id=None)
    return act(
        uow,
        conversation,
        "closed",
        "conversation.closed",
        was=conversation.status,
        now="closed",
        why=why,
        status="closed",
        close_reason=why.reason,
        closed_at=uow.now,
        snoozed_until=None,
        waiting_since=None,
        controller=Controller(token=uow.ids.new("ctl")),
    )


def reopen(
    uow: UnitOfWork, conversation_id: str, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Go on with what was closed. Raises ``StateConflict`` while another one is open on the thread."""
    conversation, work = begin(uow, conversation_id, "reopen", expected)
    if not work:
        return conversation
    thread = uow.need(THREADS, conversation.thread_id)
    refuse_erased(uow, conversation.contact_id)
    if thread.open_conversation_id is not None:
        raise StateConflict(
            "Another conversation is open with this person.",
            extra=_shown(uow, thread.open_conversation_id),
            hint="Go on in that one, or close it first.",
        )
    uow.claim(OPEN_CONVERSATION, thread.id, conversation.id)
    uow.put(THREADS, thread, open_conversation_id=conversation.id, last_conversation_id=conversation.id)
    return act(
        uow,
        conversation,
        "reopened",
        "conversation.reopened",
        was="closed",
        now="open",
        why=why,
        status="open",
        close_reason=None,
        closed_at=None,
    )


def take_control(
    uow: UnitOfWork, conversation_id: str, taker: Actor, *, expected: Expected = ANYTHING, why: Why = NO_REASON
) -> Conversation:
    """Become the one who answers. Whoever did so before loses it with their token."""
    conversation, _ = begin(uow, conversation_id, "take_control", expected)
    kind = "agent" if taker.type == "agent" else "bot"
    if conversation.controller.type == kind and conversation.controller.id == taker.id:
        return conversation
    controller = Controller(type="agent" if kind == "agent" else "bot", id=taker.id, token=uow.ids.new("ctl"))
    opened = {"status": "open"} if kind == "agent" and conversation.status == "pending" else {}
    return _controlled(uow, conversation, controller, why, **opened)


def release_control(
    uow: UnitOfWork,
    conversation_id: str,
    holder: Actor,
    *,
    token: str | None = None,
    expected: Expected = ANYTHING,
    why: Why = NO_REASON,
) -> Conversation:
    """Leave the answering to people. Raises ``StateConflict`` (control_lost) for who does not have it."""
    conversation, _ = begin(uow, conversation_id, "release_control", expected)
    if conversation.controller.type == "none" and token is None:
        return conversation
    _require_token(conversation, token)
    if conversation.controller.id != holder.id:
        raise control_lost(conversation)
    opened = {"status": "open"} if conversation.status == "pending" else {}
    return _controlled(uow, conversation, Controller(token=uow.ids.new("ctl")), why, **opened)


def require_control(conversation: Conversation, speaker: Actor, token: str | None) -> None:
    """Raises ``StateConflict`` (control_lost) for a token that is not the present one, and for a bot that somebody
    took over from. People may always speak."""
    _require_token(conversation, token)
    controller = conversation.controller
    if speaker.type == "bot" and (controller.type != "bot" or controller.id != speaker.id):
        raise control_lost(conversation)


def control_lost(conversation: Conversation) -> StateConflict:
    controller = conversation.controller
    return StateConflict(
        "Somebody else answers here now." if controller.type != "none" else "The control was given up.",
        code="control_lost",
        extra={"controller": {"type": controller.type, "id": controller.id}},
    )


def _require_token(conversation: Conversation, token: str | None) -> None:
    if token is not None and token != conversation.controller.token:
        raise control_lost(conversation)


def _assigned(
    uow: UnitOfWork, conversation: Conversation, verb: str, assignee_id: str | None, why: Why
) -> Conversation:
    return act(
        uow,
        conversation,
        verb,
        "conversation.assigned",
        was=conversation.assignee_id,
        now=assignee_id,
        why=why,
        assignee_id=assignee_id,
        **_taken_up(conversation, assignee_id),
    )


def _taken_up(conversation: Conversation, assignee_id: str | None) -> dict[str, Any]:
    """What a queue or a bot held is open once a person has it."""
    return {"status": "open"} if assignee_id is not None and conversation.status == "pending" else {}


def _controlled(
    uow: UnitOfWork, conversation: Conversation, controller: Controller, why: Why, **changes: Any
) -> Conversation:
    before = conversation.controller
    return act(
        uow,
        conversation,
        "control_changed",
        "conversation.control_changed",
        was={"type": before.type, "id": before.id},
        now={"type": controller.type, "id": controller.id},
        why=why,
        controller=controller,
        **changes,
    )


def _shown(uow: UnitOfWork, conversation_id: str) -> dict[str, Any]:
    """The conversation that is in the way, for who may see it."""
    other = uow.need(CONVERSATIONS, conversation_id)
    is_theirs = uow.rows.hold(other.department_id, other.assignee_id)
    return {"open_conversation_id": other.id} if is_theirs else {}


def _held_by(conversation: Conversation, hint: str) -> StateConflict:
    return StateConflict(
        "Somebody else has this conversation.", extra={"assignee_id": conversation.assignee_id}, hint=hint
    )
