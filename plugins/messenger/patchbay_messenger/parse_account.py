"""What concerns the account: the person's link to theirs with the business, and the page's standing with Meta. No IO.

Source: Messenger Platform, Webhooks, "messaging_account_linking" and "messaging_policy_enforcement".
"""

from __future__ import annotations

from typing import Any

from patchbay.channel.inbound import AccountNotice, InboundEvent, ThreadNotice
from patchbay.model.account import AccountStatus
from patchbay_meta.messaging.envelope import Event
from patchbay_meta.reading import Odd, kept, text

# What each action makes of the account; a warning changes nothing yet.
STATUSES: dict[str, AccountStatus | None] = {"block": "degraded", "unblock": "active", "warning": None}
_POLICY_TEXTS = {
    "block": "Meta blocked the page from sending messages.",
    "unblock": "The page may send messages again.",
    "warning": "Meta warned the page about its messages.",
}


def account_linking(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """The person signed in with the business, or out. The code, there when linked, is the business's own."""
    status = text(raw, "status")
    if status is None:
        raise Odd("it does not say whether the account was linked or unlinked")
    return ThreadNotice(
        occurred_at=event.moment(),
        external_id=key,
        notice="account_linking",
        person=event.known_person(),
        text=f"The person's account was {status.lower()}.",
        data=kept(raw),
    )


def policy(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """Of the page as a whole; nobody is named."""
    action = text(raw, "action")
    if action is None:
        raise Odd("it does not say what Meta did")
    told = _POLICY_TEXTS.get(action, f"Meta reports about the page's standing: {action}.")
    reason = text(raw, "reason")
    return AccountNotice(
        occurred_at=event.moment(),
        notice="policy_enforcement",
        text=f"{told} {reason}" if reason else told,
        status=STATUSES.get(action),
        data=kept(raw),
    )
