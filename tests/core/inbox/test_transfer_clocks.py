"""A transfer keeps the clocks of a conversation, or begins them anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from patchbay.collections import ACTIVITIES
from patchbay.inbox.lifecycle import transfer
from patchbay.model.conversation import Conversation
from patchbay.model.times import rfc3339
from tests.core.inbox.builders import T0, Inbox

LATER = timedelta(minutes=20)


def handed_over(inbox: Inbox, **how: Any) -> Conversation:
    inbox.world.now = T0 + LATER
    return inbox.world.run(lambda uow: transfer(uow, inbox.conversation.id, department_id="dep_1", **how))


def test_the_person_goes_on_waiting_since_they_wrote() -> None:
    inbox = Inbox()
    inbox.say()
    assert handed_over(inbox).waiting_since == T0


def test_restarted_clocks_count_from_the_transfer_and_the_line_says_since_when_it_was() -> None:
    inbox = Inbox()
    inbox.say()
    assert handed_over(inbox, restart_clocks=True).waiting_since == T0 + LATER
    (line,) = inbox.world.all(ACTIVITIES)
    assert (line.from_value["waiting_since"], line.to_value["waiting_since"]) == (rfc3339(T0), rfc3339(T0 + LATER))


def test_who_does_not_wait_does_not_begin_to() -> None:
    inbox = Inbox()
    inbox.say()
    inbox.send()
    assert inbox.conversation.waiting_since is None
    assert handed_over(inbox, restart_clocks=True).waiting_since is None


def test_a_transfer_to_where_it_is_restarts_nothing() -> None:
    inbox = Inbox()
    inbox.say()
    before = handed_over(inbox)
    assert handed_over(inbox, restart_clocks=True) == before
