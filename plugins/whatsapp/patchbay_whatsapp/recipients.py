"""Who a message goes to, in WhatsApp's words. No IO.

Source: WhatsApp Cloud API, Messages reference (``to``, ``recipient``); Business-scoped user ids; Groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchbay.channel import IdentityKey, Recipient
from patchbay.errors import RecipientUnreachable
from patchbay.model.contact import IdentityKind
from patchbay_whatsapp.people import keys_of

_PHONE = re.compile(r"\+?([0-9]{5,20})", re.ASCII)


def value_of(recipient: Recipient, kind: IdentityKind) -> str | None:
    """The first active identity of this kind that is not empty."""
    values = (one.value.strip() for one in recipient.identities if one.kind == kind and one.status == "active")
    return next((value for value in values if value), None)


def group_of(recipient: Recipient) -> str | None:
    """The group's id, when the line is a group's."""
    return value_of(recipient, "wa_group")


def phone_of(recipient: Recipient) -> str | None:
    """The phone with its "+": without it WhatsApp may put the business's own country code in front."""
    value = value_of(recipient, "phone")
    digits = _PHONE.fullmatch(value) if value else None
    return f"+{digits[1]}" if digits else None


def user_id_of(recipient: Recipient) -> str | None:
    """The business-scoped user id, the parent's where there is no other."""
    return value_of(recipient, "wa_bsuid") or value_of(recipient, "wa_parent_bsuid")


def reachable(recipient: Recipient) -> bool:
    """Whether there is anything to send to."""
    return any((group_of(recipient), phone_of(recipient), user_id_of(recipient)))


def address(recipient: Recipient) -> Mapping[str, Any]:
    """The members of a request that say who it goes to.

    The phone goes before the user id: a message to the phone keeps it shared with us for 30 days more. ``to`` is never
    empty, for WhatsApp takes it before ``recipient``. Raises ``RecipientUnreachable`` when nothing is known.
    """
    if group := group_of(recipient):
        return {"recipient_type": "group", "to": group}
    if phone := phone_of(recipient):
        return {"recipient_type": "individual", "to": phone}
    if user_id := user_id_of(recipient):
        return {"recipient_type": "individual", "recipient": user_id}
    raise RecipientUnreachable("Neither a phone number nor a WhatsApp user id of this person is known.")


def keys_in(contacts: object) -> tuple[IdentityKey, ...]:
    """The keys of the recipient that the answer to a send gives: together they prove who is who."""
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    if not isinstance(first, Mapping):
        return ()
    wa_id, user_id = (value if isinstance(value, str) else None for value in map(first.get, ("wa_id", "user_id")))
    return keys_of(wa_id, user_id, None)
