"""Whom an event names: a page-scoped or Instagram-scoped id, or a reference of a website plugin. No IO.

Each id is one person for one page or account. A ``user_ref`` names somebody who has not written yet; once they do, the
event's ``prior_message`` says whose it was. Source: Messenger Platform, Webhooks, "messaging_optins" and "messages".
"""

from __future__ import annotations

from typing import Any

from patchbay.channel.inbound import IdentityKey, Person
from patchbay.model.contact import IdentityKind
from patchbay_meta.messaging.recipients import USER_REF
from patchbay_meta.reading import part, text


def scoped_key(kind: IdentityKind, id: str) -> IdentityKey:
    return IdentityKey(kind=kind, value=id, scope="account")


def user_ref_key(ref: str) -> IdentityKey:
    return IdentityKey(kind="external", value=USER_REF + ref, scope="account")


def person_of(kind: IdentityKind, side: dict[str, Any]) -> Person | None:
    """The person in ``sender``, ``recipient`` or ``from``; None when it has no id at all."""
    id, ref = text(side, "id"), text(side, "user_ref")
    keys = (*((scoped_key(kind, id),) if id else ()), *((user_ref_key(ref),) if ref else ()))
    return Person(keys=keys, name=text(side, "name"), username=text(side, "username")) if keys else None


def prior_user_ref(raw: dict[str, Any]) -> str | None:
    """The ``user_ref`` under which this person was known before, in an event that says so."""
    return text(part(raw, "prior_message"), "identifier")
