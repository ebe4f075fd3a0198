"""Instagram's words for what happens in a day.

Instagram gives no reference of ours back: an echo waits while a send is in flight on its thread, and what was lost and
did arrive is shown beside our message, as written elsewhere, once it has waited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchbay.channel import ApiRequest, Channel
from patchbay.testing.outbound import account
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from tests.plugins.days.words import Reported
from tests.plugins.page_words import PageWords

PAGE = "101000000000001"


class InstagramWords(PageWords):
    """The webhooks of an account that is linked to a page, which name now the one and now the other."""

    object = "instagram"
    own = "17841400000000001"
    pictures = "lookaside.example"
    channel: Channel = InstagramChannel(InstagramSettings())
    account = account("instagram", own, PAGE, login="page")
    unsends = True

    def named(self, at: int) -> str:
        return self.own if at % 3 else PAGE

    def mid(self, name: str) -> str:
        return f"aWdf.{name}"

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes:
        assert reference is None
        return self.event(person, at, ours=True, message={"is_echo": True, "mid": mid, "text": text})

    def unsent(self, person: str, mid: str, at: int) -> bytes:
        return self.event(person, at, message={"mid": mid, "is_deleted": True})

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """There is no report of delivery; that of reading names the last message that was seen."""
        return self.event(person, at, read={"mid": mids[-1]})

    def reference_in(self, request: ApiRequest) -> str | None:
        assert "metadata" not in (request.json or {})["message"]
        return None
