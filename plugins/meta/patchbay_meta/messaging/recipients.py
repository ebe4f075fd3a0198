"""Who a message goes to, and how it names what it answers. No IO.

Source: Messenger Platform, Send API, ``recipient``; Private replies; Instagram Platform, Private replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from patchbay.channel import IdentityKey, Recipient
from patchbay.errors import RecipientUnreachable
from patchbay.model.contact import IdentityKind

COMMENT, POST, USER_REF = "comment:", "post:", "user_ref:"
_PRIVATE = {COMMENT: "comment_id", POST: "post_id"}
_PART = re.compile(r"#\d+\Z")


def private_reply_to(external_id: str | None) -> Mapping[str, str] | None:
    """The recipient of an answer in private to a comment or to a visitor's post; None for all other answers."""
    for prefix, member in _PRIVATE.items():
        if external_id is not None and external_id.startswith(prefix):
            return {member: external_id.removeprefix(prefix)}
    return None


def message_of(external_id: str) -> str:
    """The provider's id of a message, also where ours names one part of it."""
    return _PART.sub("", external_id)


def person_in(recipient: Recipient, kind: IdentityKind) -> Mapping[str, str] | None:
    """The person by their id, else by the reference that a plugin of the business's site gave; None for nobody."""
    active = [one for one in recipient.identities if one.status == "active"]
    for identity in active:
        if identity.kind == kind and (id := identity.value.strip()):
            return {"id": id}
    for identity in active:
        if identity.kind == "external" and (ref := identity.value.removeprefix(USER_REF)) != identity.value and ref:
            return {"user_ref": ref}
    return None


def address(recipient: Recipient, kind: IdentityKind, reply_to: str | None = None) -> Mapping[str, str]:
    """The value of ``recipient``. Raises ``RecipientUnreachable`` when nobody is known."""
    found = private_reply_to(reply_to) or person_in(recipient, kind)
    if found is None:
        raise RecipientUnreachable("No id of this person is known on this account.")
    return found


def keys_in(answer: Mapping[str, object], kind: IdentityKind) -> tuple[IdentityKey, ...]:
    """The key of the person that the answer to a send names: the writer of a comment becomes known by it."""
    id = answer.get("recipient_id")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    return (IdentityKey(kind=kind, value=id, scope="account"),) if isinstance(id, str) and id else ()
