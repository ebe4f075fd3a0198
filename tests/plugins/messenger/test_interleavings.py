"""Sends, echoes with our metadata, watermarks, edits, reactions and retries on Messenger, in any order: one state.

Where the provider's facts leave a choice: Messenger takes nothing back by webhook, so nothing is unsent here; what was
lost and is never echoed stays ``unknown``.
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
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from tests.plugins.interleavings import Day, Reported, check_day, days, interleavings, moment

PAGE = "101000000000001"
TOGETHER = pytest.mark.parametrize("together", [False, True], ids=["one by one", "several in a commit"])
# The same days each time: a day that is new is looked for with another number of examples, not by a build.
PATIENT = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class MessengerWords:
    """A page's webhooks, and the Send API's answers."""

    channel: Channel = MessengerChannel(MessengerSettings())
    account = account("messenger", PAGE)
    edits = True
    unsends = False
    echoes = True
    reactions_end = True

    def mid(self, name: str) -> str:
        return f"m_{name}"

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes:
        message: dict[str, Any] = {"mid": mid, "text": text}
        if parts > 1:
            url = f"https://scontent.example/{mid}.jpg"
            message["attachments"] = [{"type": "image", "payload": {"url": url}}] * (parts - 1)
        if quoted:
            message["reply_to"] = {"mid": quoted}
        return _event(person, at, message=message)

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes:
        message = {"is_echo": True, "app_id": 880022334455667, "mid": mid, "text": text}
        return _event(person, at, ours=True, message={**message, **({"metadata": reference} if reference else {})})

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes:
        return _event(person, at, message_edit={"mid": mid, "text": text, "num_edit": number})

    def unsent(self, person: str, mid: str, at: int) -> bytes:
        raise NotImplementedError

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes:
        given = {"action": "unreact"} if emoji is None else {"action": "react", "emoji": emoji, "reaction": "other"}
        return _event(person, at, reaction={"mid": mid, **given})

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """Up to this moment; a report of delivery names some of the messages, too."""
        until: dict[str, Any] = {"watermark": _ms(at)}
        if state == "read":
            return _event(person, at, read=until)
        return _event(person, at, delivery={"mids": list(mids[-1:]), **until})

    def reference_in(self, request: ApiRequest) -> str | None:
        return str((request.json or {})["message"]["metadata"])

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
    sides = (PAGE, person) if ours else (person, PAGE)
    event = {"sender": {"id": sides[0]}, "recipient": {"id": sides[1]}, "timestamp": _ms(at), **kind}
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": _ms(at), "messaging": [event]}]}).encode()


@TOGETHER
@settings(PATIENT, max_examples=80)
@given(day=days(MessengerWords()), seeds=interleavings())
def test_every_order_of_a_day_ends_in_one_state(day: Day, seeds: list[int], together: bool) -> None:
    check_day(day, seeds, together=together)


@pytest.mark.long
@pytest.mark.timeout(600)
@TOGETHER
@settings(PATIENT, max_examples=400)
@given(day=days(MessengerWords()), seeds=interleavings())
def test_every_order_of_many_days_ends_in_one_state(day: Day, seeds: list[int], together: bool) -> None:
    check_day(day, seeds, together=together)
