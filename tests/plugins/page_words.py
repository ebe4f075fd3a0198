"""The words that Messenger and Instagram share for what happens in a day: events, and the Send API's answers."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from patchbay.channel import ApiResponse
from patchbay.testing.play import answer
from tests.plugins.days.words import moment


class PageWords:
    """``own`` is the id that events call the account by, ``pictures`` the host of people's files."""

    object: ClassVar[str]
    own: ClassVar[str]
    pictures: ClassVar[str]
    edits = True
    echoes = True
    reactions_end = True

    def named(self, at: int) -> str:
        """The id that the entry of this second gives the account."""
        return self.own

    def event(self, person: str, at: int, *, ours: bool = False, **kind: Any) -> bytes:
        sides = (self.own, person) if ours else (person, self.own)
        event = {"sender": {"id": sides[0]}, "recipient": {"id": sides[1]}, "timestamp": milliseconds(at), **kind}
        entry = {"id": self.named(at), "time": milliseconds(at), "messaging": [event]}
        return json.dumps({"object": self.object, "entry": [entry]}).encode()

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes:
        message: dict[str, Any] = {"mid": mid, "text": text}
        if parts > 1:
            url = f"https://{self.pictures}/{mid}.jpg"
            message["attachments"] = [{"type": "image", "payload": {"url": url}}] * (parts - 1)
        if quoted:
            message["reply_to"] = {"mid": quoted}
        return self.event(person, at, message=message)

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes:
        return self.event(person, at, message_edit={"mid": mid, "text": text, "num_edit": number})

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes:
        given = {"action": "unreact"} if emoji is None else {"action": "react", "emoji": emoji, "reaction": "other"}
        return self.event(person, at, reaction={"mid": mid, **given})

    def taken(self, person: str, mid: str) -> ApiResponse:
        return answer(recipient_id=person, message_id=mid)

    def refused(self) -> ApiResponse:
        return _error(551, 1545041)

    def busy(self) -> ApiResponse:
        return _error(1200, 0)


def milliseconds(at: int) -> int:
    """A second of the day as the provider writes it."""
    return int(moment(at).timestamp() * 1000)


def _error(code: int, subcode: int) -> ApiResponse:
    return answer(400, error={"code": code, "error_subcode": subcode, "message": "no"})
