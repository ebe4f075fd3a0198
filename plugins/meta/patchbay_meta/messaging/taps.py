"""What a person does without writing: taps a button, comes back through a link, opts in. No IO.

All but a preference and a permission for one notification may open the reply window; whether coming back does, says
the channel's dialect. Source: Messenger Platform, Webhooks, "messaging_postbacks", "messaging_referrals" and
"messaging_optins"; Policy and usage guidelines, for what opens the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.channel.inbound import InboundEvent, MessageReceived, Person, PreferenceChanged, ThreadNotice
from patchbay.model.content import InteractiveReply
from patchbay_meta.messaging.event import Event, Update
from patchbay_meta.messaging.people import user_ref_key
from patchbay_meta.messaging.referrals import is_ad, referral_of
from patchbay_meta.reading import Odd, kept, text

NOTIFICATIONS = "notification_messages"
ONE_NOTIFICATION = "one_time_notif_req"  # the person allows one message later, and starts no conversation by it
STOPPED = "STOP_NOTIFICATIONS"


def postbacks(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """A button, Get Started, the menu. Some have no mid; on standby the payload is withheld."""
    key = event.key("postback", text(raw, "mid"))
    yield Update(key, lambda: _postback(event, raw, key))


def _postback(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    return MessageReceived(
        occurred_at=event.moment(),
        external_id=text(raw, "mid") or key,
        sender=event.known_person(),
        content=InteractiveReply(kind="postback", id=text(raw, "payload") or "", title=text(raw, "title") or ""),
        referral=referral_of(raw),
        context={"standby": True} if event.standby else {},
    )


def referral(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """Somebody we know came again, through a link or an advertisement."""
    came = referral_of(event.raw)
    ref = text(raw, "ref")
    through = "an advertisement" if is_ad(came) else "a link"
    return ThreadNotice(
        occurred_at=event.moment(),
        external_id=key,
        notice="referral",
        person=event.known_person(),
        text=f"The person came through {through}" + (f": {ref}." if ref else "."),
        data=kept({name: value for name, value in raw.items() if value is not None}),
        opens_window=True,
    )


def optin(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """A plugin of a website, or messages about a topic that the person wants or no longer wants."""
    ref, kind = text(raw, "ref") or text(raw, "payload"), text(raw, "type")
    if kind == NOTIFICATIONS:
        return _notifications(event, raw)
    return ThreadNotice(
        occurred_at=event.moment(),
        external_id=key,
        notice="optin",
        person=_opted(event, raw),
        text="The person opted in" + (f": {ref}." if ref else "."),
        data=kept({name: value for name, value in raw.items() if value is not None}),
        opens_window=kind != ONE_NOTIFICATION,
    )


def _notifications(event: Event, raw: dict[str, Any]) -> InboundEvent:
    status = (text(raw, "notification_messages_status") or "").upper().replace(" ", "_")
    return PreferenceChanged(
        occurred_at=event.moment(),
        person=_opted(event, raw),
        purpose="marketing",
        granted=status != STOPPED,
        detail=text(raw, "title") or text(raw, "payload") or "",
    )


def _opted(event: Event, raw: dict[str, Any]) -> Person:
    """Who opted in: the sender, or somebody of whom only the plugin's reference is known."""
    ref = text(raw, "user_ref")
    if event.person is not None:
        return event.person
    if ref is None:
        raise Odd("nobody is named: there is neither a sender nor a user_ref")
    return Person(keys=(user_ref_key(ref),))
