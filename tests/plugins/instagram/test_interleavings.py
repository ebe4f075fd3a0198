"""Sends, echoes by mid only, what was seen, unsends, edits, reactions, retries on Instagram, in any order: one state.

Instagram gives no reference of ours back: an echo waits while a send is in flight on its thread, and what was lost and
did arrive is shown beside our message, as written elsewhere, once it has waited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from patchbay.channel import ApiRequest, ApiResponse, Channel
from patchbay.testing.outbound import account
from patchbay.testing.play import answer
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from tests.plugins.interleavings import Day, Reported, check_day, days, interleavings, moment

OWN, PAGE = "17841400000000001", "101000000000001"
TOGETHER = pytest.mark.parametrize("together", [False, True], ids=["one by one", "several in a commit"])
# The same days each time: a day that is new is looked for with another number of examples, not by a build.
PATIENT = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class InstagramWords:
    """The webhooks of an account that is linked to a page, which name now the one and now the other."""

    channel: Channel = InstagramChannel(InstagramSettings())
    account = account("instagram", OWN, PAGE, login="page")
    edits = True
    unsends = True
    echoes = True
    reactions_end = True

    def mid(self, name: str) -> str:
        return f"aWdf.{name}"

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes:
        message: dict[str, Any] = {"mid": mid, "text": text}
        if parts > 1:
            url = f"https://lookaside.example/{mid}.jpg"
            message["attachments"] = [{"type": "image", "payload": {"url": url}}] * (parts - 1)
        if quoted:
            message["reply_to"] = {"mid": quoted}
        return _event(person, at, message=message)

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes:
        assert reference is None
        return _event(person, at, ours=True, message={"is_echo": True, "mid": mid, "text": text})

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes:
        return _event(person, at, message_edit={"mid": mid, "text": text, "num_edit": number})

    def unsent(self, person: str, mid: str, at: int) -> bytes:
        return _event(person, at, message={"mid": mid, "is_deleted": True})

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes:
        given = {"action": "unreact"} if emoji is None else {"action": "react", "emoji": emoji, "reaction": "other"}
        return _event(person, at, reaction={"mid": mid, **given})

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """There is no report of delivery; that of reading names the last message that was seen."""
        return _event(person, at, read={"mid": mids[-1]})

    def reference_in(self, request: ApiRequest) -> str | None:
        assert "metadata" not in (request.json or {})["message"]
        return None

    def taken(self, person: str, mid: str) -> ApiResponse:
        return answer(recipient_id=person, message_id=mid)

    def refused(self) -> ApiResponse:
        return _error(551, 1545041)

    def busy(self) -> ApiResponse:
        return _error(1200, 0)


def _ms(at: int) -> int:
    return int(moment(at).timestamp() * 1000)


def _error(code: int, subcode: int) -> ApiResponse:
    return answer(400, error={"code": code, "error_subcode": subcode, "message": "no"})


def _event(person: str, at: int, *, ours: bool = False, **kind: Any) -> bytes:
    named = OWN if at % 3 else PAGE
    sides = (OWN, person) if ours else (person, OWN)
    event = {"sender": {"id": sides[0]}, "recipient": {"id": sides[1]}, "timestamp": _ms(at), **kind}
    return json.dumps({"object": "instagram", "entry": [{"id": named, "time": _ms(at), "messaging": [event]}]}).encode()


@TOGETHER
@settings(PATIENT, max_examples=80)
@given(day=days(InstagramWords()), seeds=interleavings())
def test_every_order_of_a_day_ends_in_one_state(day: Day, seeds: list[int], together: bool) -> None:
    check_day(day, seeds, together=together)


@pytest.mark.long
@pytest.mark.timeout(600)
@TOGETHER
@settings(PATIENT, max_examples=400)
@given(day=days(InstagramWords()), seeds=interleavings())
def test_every_order_of_many_days_ends_in_one_state(day: Day, seeds: list[int], together: bool) -> None:
    check_day(day, seeds, together=together)
