"""Snoozed conversations whose time has come. No IO of its own: it runs commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from patchbay.collections import CONVERSATIONS
from patchbay.inbox.activities import Why
from patchbay.inbox.lifecycle import awake
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Conversation
from patchbay.ports import Clock, Query, Store, Where

DUE = Why(reason="due")
AT_ONCE = 100  # looked up per round


class Runner(Protocol):
    """What waking needs of ``patchbay.service.Inbox``."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...

    async def run(self, command: Callable[[UnitOfWork], Any], *, lane: str | None = None) -> Any: ...


def wake_due(uow: UnitOfWork, conversation_id: str) -> Conversation | None:
    """Open a snoozed conversation again if its time has come; None when there was nothing to do."""
    conversation = uow.get(CONVERSATIONS, conversation_id)
    if conversation is None or conversation.status != "snoozed":
        return None
    if conversation.snoozed_until is not None and conversation.snoozed_until > uow.now:
        return None
    return awake(uow, conversation, DUE)


async def wake_snoozed(inbox: Runner) -> int:
    """Wake everything that is due, one commit each, so that one which is contended holds nobody up; how many."""
    woken = 0
    while True:
        due = await inbox.store.find(
            Query(
                CONVERSATIONS,
                where=(Where("status", "eq", "snoozed"), Where("snoozed_until", "lte", inbox.clock.now())),
                sort="snoozed_until",
                limit=AT_ONCE,
            )
        )
        before = woken
        for conversation in due.items:
            awake_now = await inbox.run(_waking(conversation.id), lane=conversation.thread_id)
            woken += awake_now is not None
        if due.next is None or woken == before:
            return woken


def _waking(conversation_id: str) -> Callable[[UnitOfWork], Conversation | None]:
    return lambda uow: wake_due(uow, conversation_id)
