"""Until when a person may be answered, on Messenger and on Instagram. No IO.

Sources: Messenger Platform, Policy and usage guidelines (28 September 2026): 24 hours, and up to 7 days for the first
message after a click on an advertisement that leads to a chat; Human Agent: 7 days; Private replies: 7 days. Meta is
the judge, and the error table reads its judgement; this is what can be known before asking.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from patchbay.channel import CLOSED, Draft, InboundEvent, MessageReceived, ReactionChanged, Recipient, ThreadNotice
from patchbay.model.content import Template
from patchbay.model.conversation import Window
from patchbay_meta.messaging.options import HUMAN_AGENT
from patchbay_meta.messaging.recipients import private_reply_to
from patchbay_meta.messaging.referrals import is_ad, referral_of

STANDARD = timedelta(hours=24)
AFTER_ADVERTISEMENT = timedelta(days=7)
HUMAN_AGENT_FOR = timedelta(days=7)
PRIVATE_REPLY_FOR = timedelta(days=7)


def window_after(
    current: Window, event: InboundEvent, message_id: str | None, *, by_reaction: bool, by_visit: bool
) -> Window:
    """The window after this event; one that comes late shortens nothing. ``by_reaction`` and ``by_visit`` say whether a
    reaction of the person, and their coming back or opting in, open it; coming by an advertisement always does."""
    clicked = _after_advertisement(event)
    if not (clicked or _opens(event, by_reaction=by_reaction, by_visit=by_visit)):
        return current
    expires_at = event.occurred_at + (AFTER_ADVERTISEMENT if clicked else STANDARD)
    if current.expires_at is not None and current.expires_at >= expires_at:
        return current
    return Window(kind="free_entry" if clicked else "service", opened_by=message_id, expires_at=expires_at)


def _opens(event: InboundEvent, *, by_reaction: bool, by_visit: bool) -> bool:
    match event:
        case ThreadNotice(notice="referral" | "optin") if not by_visit:
            return False
        case MessageReceived() | ThreadNotice():
            return event.opens_window
        case ReactionChanged():
            return by_reaction and not event.by_business and event.emoji is not None
        case _:
            return False


def _after_advertisement(event: InboundEvent) -> bool:
    """Whether the person came by an advertisement: with the message, or back to a thread that there was."""
    match event:
        case MessageReceived(referral=referral, opens_window=True):
            return is_ad(referral)
        case ThreadNotice(notice="referral", data=data, opens_window=True):
            return is_ad(referral_of({"referral": data}))
        case _:
            return False


def closes_at(draft: Draft) -> datetime | None:
    """When the chance to send this ends.

    An answer in private to a comment has its own week, a template needs no window. ``tag`` HUMAN_AGENT, for what a
    person writes, counts from the last message and never ends before the window.
    """
    if draft.quoted is not None and private_reply_to(draft.quoted.external_id) is not None:
        return draft.quoted.occurred_at + PRIVATE_REPLY_FOR
    if isinstance(draft.content, Template):
        return None
    ends = draft.recipient.window.expires_at or CLOSED
    return max(ends, human_agent_until(draft.recipient)) if draft.options.get("tag") == HUMAN_AGENT else ends


def human_agent_until(recipient: Recipient) -> datetime:
    """When a person may no longer answer with the tag; ``CLOSED`` for somebody who never wrote."""
    last = recipient.last_inbound_at
    return CLOSED if last is None else last + HUMAN_AGENT_FOR
