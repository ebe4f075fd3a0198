"""What the interleavings of a day found: orders of arrival that change what is shown afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from patchbay.collections import MESSAGES, THREADS
from patchbay.model.message import DeliveryState
from patchbay.views.conversations import window_view
from tests.plugins.days.happenings import Telling
from tests.plugins.days.line import Line
from tests.plugins.days.words import Words
from tests.plugins.instagram.words import InstagramWords
from tests.plugins.messenger.words import MessengerWords

MARA = "7001"
MESSENGER, INSTAGRAM = MessengerWords(), InstagramWords()
BOTH = pytest.mark.parametrize("words", [MESSENGER, INSTAGRAM], ids=["messenger", "instagram"])


def told(body: bytes) -> Telling:
    return Telling(0, "", lambda given: body)


def line(words: Words, *bodies: bytes) -> Line:
    """An inbox where Mara said hello, and then these came, each for itself."""
    made = Line(words)
    made.deliver(told(words.said(MARA, "hello", "Hello", 0, 1, None)))
    for body in bodies:
        made.deliver(told(body))
    return made


def states(of: Line) -> dict[str, DeliveryState]:
    ours = (one for one in of.world.all(MESSAGES) if one.direction == "outbound")
    return {one.external_refs[0].external_id: one.delivery.state for one in ours}


def one_of(ends: Iterable[Any]) -> Any:
    """The one end that every order has."""
    first, *others = ends
    assert all(end == first for end in others), [first, *others]
    return first


@pytest.mark.parametrize("state", ["delivered", "read"])
def test_a_watermark_covers_an_echo_that_is_applied_in_the_same_commit(state: Any) -> None:
    echo = MESSENGER.echoed(MARA, "m1", "From the page", 5, None)
    inbox = line(MESSENGER)
    inbox.deliver(told(echo), told(MESSENGER.reported(MARA, state, ["other"], 9, {})))
    assert states(inbox) == {"m1": state}


def test_a_watermark_that_comes_before_the_first_message_of_a_thread_covers_it() -> None:
    echo = MESSENGER.echoed(MARA, "m1", "From the page", 5, None)
    read = MESSENGER.reported(MARA, "read", [], 9, {})
    inbox = Line(MESSENGER)
    for body in (read, echo):
        inbox.deliver(told(body))
    assert states(inbox) == {"m1": "read"}


def test_what_was_seen_covers_what_was_written_before_it_whatever_comes_first() -> None:
    earlier = INSTAGRAM.echoed(MARA, "e1", "First", 5, None)
    later = INSTAGRAM.echoed(MARA, "e2", "Second", 6, None)
    seen = INSTAGRAM.reported(MARA, "read", ["e2"], 9, {})
    ends = (states(line(INSTAGRAM, *order)) for order in permutations([earlier, later, seen]))
    assert one_of(ends) == {"e1": "read", "e2": "read"}


def test_what_was_seen_covers_nothing_that_was_written_after_it() -> None:
    earlier = INSTAGRAM.echoed(MARA, "e1", "First", 5, None)
    later = INSTAGRAM.echoed(MARA, "e2", "Second", 6, None)
    seen = INSTAGRAM.reported(MARA, "read", ["e1"], 9, {})
    ends = (states(line(INSTAGRAM, *order)) for order in permutations([earlier, later, seen]))
    assert one_of(ends) == {"e1": "read", "e2": "sent"}


@BOTH
def test_a_reaction_opens_the_window_although_it_was_taken_back_before_we_heard_of_it(words: Words) -> None:
    given, gone = words.reacted(MARA, "hello", "👍", 50), words.reacted(MARA, "hello", None, 60)
    inboxes = [line(words, *order) for order in permutations([given, gone])]
    one_of(window_view(one.world.all(THREADS)[0].window) for one in inboxes)


def test_an_edit_of_a_withheld_message_stays_when_its_content_comes_after_all() -> None:
    """An app gets its access in the middle: the version 0 that was announced, the edit, the message itself."""
    withheld = json.loads(INSTAGRAM.edited(MARA, "m1", "", 5, 0))
    del withheld["entry"][0]["messaging"][0]["message_edit"]["text"]
    first, whole = json.dumps(withheld).encode(), INSTAGRAM.said(MARA, "m1", "Thre", 5, 1, None)
    edit = INSTAGRAM.edited(MARA, "m1", "Three", 6, 1)
    inboxes = [line(INSTAGRAM, *order) for order in permutations([first, whole, edit])]
    texts = ({one.external_refs[0].external_id: one.text for one in inbox.world.all(MESSAGES)} for inbox in inboxes)
    assert one_of(texts) == {"hello": "Hello", "m1": "Three"}
