"""Which action is possible in which state of a conversation: one table. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from patchbay.errors import StateConflict
from patchbay.model.conversation import Conversation, ConversationStatus

Action = Literal[
    "assign",
    "claim",
    "release",
    "transfer",
    "snooze",
    "unsnooze",
    "close",
    "reopen",
    "take_control",
    "release_control",
    "move",
    "change",
    "read",
    "unread",
]
Step = Literal["do", "nothing", "refuse"]
STATUSES: tuple[ConversationStatus, ...] = ("pending", "open", "snoozed", "closed")


def _row(pending: Step, open_: Step, snoozed: Step, closed: Step) -> Mapping[ConversationStatus, Step]:
    return {"pending": pending, "open": open_, "snoozed": snoozed, "closed": closed}


_WHILE_OPEN = _row("do", "do", "do", "refuse")
_ALWAYS = _row("do", "do", "do", "do")

# "nothing": it is so already, and asking again is answered with how it is
STEPS: Mapping[Action, Mapping[ConversationStatus, Step]] = {
    "assign": _WHILE_OPEN,
    "claim": _WHILE_OPEN,
    "release": _WHILE_OPEN,
    "transfer": _WHILE_OPEN,
    "snooze": _WHILE_OPEN,
    "unsnooze": _row("nothing", "nothing", "do", "refuse"),
    "close": _row("do", "do", "do", "nothing"),
    "reopen": _row("nothing", "nothing", "nothing", "do"),
    "take_control": _WHILE_OPEN,
    "release_control": _WHILE_OPEN,
    "move": _WHILE_OPEN,  # to another department, without handing over
    "change": _ALWAYS,
    "read": _ALWAYS,
    "unread": _ALWAYS,
}


def has_work(action: Action, conversation: Conversation) -> bool:
    """Whether the action has anything to do. Raises ``StateConflict`` (conversation_closed) where it is refused."""
    step = STEPS[action][conversation.status]
    if step == "refuse":
        raise StateConflict(
            "The conversation is closed.",
            code="conversation_closed",
            hint="Reopen it first, or start a new one.",
        )
    return step == "do"
