"""Who a message goes to, and how it names what it answers. No IO.

Source: Messenger Platform, Send API, ``recipient``; Private replies; Instagram Platform, Private replies.
"""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.channel import IdentityKey, Recipient
from patchbay.errors import RecipientUnreachable
from patchbay.model.contact import IdentityKind
from patchbay_meta.reading import is_digest

# What external ids of comments and posts, and keys of people who are known by a reference, begin with.
COMMENT, POST, USER_REF = "comment:", "post:", "user_ref:"
_PRIVATE = {COMMENT: "comment_id", POST: "post_id"}


def private_reply_to(external_id: str | None) -> Mapping[str, str] | None:
    """The recipient of an answer in private to a comment or to a visitor's post; None for all other answers."""
    for prefix, member in _PRIVATE.items():
        if external_id is not None and external_id.startswith(prefix):
            return {member: external_id.removeprefix(prefix)}
    return None


def has_mid(external_id: str) -> bool:
    """Whether Meta knows a message by this id. What came without a mid (a cart, some taps, a notice) goes by a key of
    ours, and a comment or a post by an id that is not a message's."""
    return private_reply_to(external_id) is None and not is_digest(external_id)


def person_in(recipient: Recipient, kind: IdentityKind) -> Mapping[str, str] | None:
    """The person by their id, else by the reference that a plugin of the business's site gave; None for nobody.

    ``kind`` may be "external" too, that of a platform without a kind of its own: a reference is no id there either.
    """
    active = [one for one in recipient.identities if one.status == "active"]
    refs = [ref for one in active if one.kind == "external" and (ref := _user_ref(one.value)) is not None]
    for identity in active:
        if identity.kind == kind and (id := identity.value.strip()) and _user_ref(identity.value) is None:
            return {"id": id}
    return next(({"user_ref": ref} for ref in refs if ref), None)


def _user_ref(value: str) -> str | None:
    return value.removeprefix(USER_REF) if value.startswith(USER_REF) else None


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
