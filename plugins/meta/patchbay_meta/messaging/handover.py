"""Which app a thread belongs to: control that is passed, taken or asked for. No IO.

Source: Messenger Platform, Webhooks, "messaging_handovers"; Conversation Routing.
"""

from __future__ import annotations

from typing import Any

from patchbay.channel.inbound import AccountNotice, InboundEvent, ThreadNotice
from patchbay_meta.messaging.event import Event
from patchbay_meta.reading import kept, text

# The inboxes of Meta's own, by app id. Source: Messenger Platform, Webhooks, "message_echoes"; Conversation Routing.
INBOXES = {"263902037430900": "the Page's inbox", "1217981644879628": "Instagram's inbox"}
# The app that the thread goes to, or that wants it.
_OWNERS = {
    "pass_thread_control": "new_owner_app_id",
    "take_thread_control": "new_owner_app_id",
    "request_thread_control": "requested_owner_app_id",
}


def handover(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """``event.kind`` says what happened; no previous owner means that the thread was idle."""
    owner = text(raw, _OWNERS.get(event.kind, "new_owner_app_id"))
    named = (INBOXES.get(owner) or f"app {owner}") if owner else "another app"
    asked = event.kind == "request_thread_control"
    told = (
        f"{named[0].upper()}{named[1:]} asks for the conversation." if asked else f"The conversation is with {named}."
    )
    data = kept({name: value for name, value in raw.items() if value not in (None, "")})
    if event.person is None:
        return AccountNotice(occurred_at=event.moment(), notice=event.kind, text=told, data=data)
    return ThreadNotice(
        occurred_at=event.moment(), external_id=key, notice=event.kind, person=event.person, text=told, data=data
    )


def app_roles(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """The roles of the Handover Protocol, which Conversation Routing replaced in 2025."""
    return AccountNotice(
        occurred_at=event.moment(),
        notice="app_roles",
        text="The roles of the apps on this account changed.",
        data=kept(raw),
    )
