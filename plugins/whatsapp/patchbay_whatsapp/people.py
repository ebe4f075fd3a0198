"""Whom a webhook speaks of: phone numbers and business-scoped user ids as identity keys. No IO.

Since April 2026 a person may have a phone number, a business-scoped user id, or both, and either can stand where the
other is expected. Source: WhatsApp Cloud API, Business-scoped user IDs.
"""

from __future__ import annotations

import re
from typing import Any

from patchbay.channel.inbound import IdentityKey, Person
from patchbay_meta.reading import part, text
from patchbay_whatsapp.change import Change

_user_id = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}").fullmatch
_phone = re.compile(r"\+?[0-9][0-9 ().-]{2,24}").fullmatch
_PARENT = ".ENT."  # US.ENT.118157...: the id for a business with several portfolios
NOBODY = "nobody is named: there is neither a phone number nor a user id"
_MAX_DIGITS = 15  # E.164


def group_key(group_id: str) -> IdentityKey:
    return IdentityKey(kind="wa_group", value=group_id, scope="account")


def phone_digits(value: str) -> str | None:
    """The digits of a phone number, without "+"; None when the text is none."""
    digits = value if value.isascii() and value.isdigit() else ""
    if not digits and _phone(value):
        digits = re.sub(r"\D", "", value)
    return digits if 3 < len(digits) <= _MAX_DIGITS else None


def keys_of(named: str | None, user: str | None, parent: str | None) -> tuple[IdentityKey, ...]:
    """The keys that a payload gives for one person, phone first. Empty texts are absent.

    ``named`` is a field meant for phone numbers (``from``, ``wa_id``) that may hold a user id all the same; whatever
    stands in a field for user ids is taken for one, for their form is not promised.
    """
    digits = None
    if named:
        digits = phone_digits(named)
        if digits is None and _user_id(named):
            if _PARENT in named:
                parent = parent or named
            else:
                user = user or named
    if user and _PARENT in user:
        user, parent = None, parent or user
    keys = [IdentityKey(kind="phone", value="+" + digits)] if digits else []
    if user:
        keys.append(IdentityKey(kind="wa_bsuid", value=user, scope="portfolio"))
    if parent:
        keys.append(IdentityKey(kind="wa_parent_bsuid", value=parent, scope="portfolio"))
    return tuple(keys)


def person_of(
    change: Change, named: str | None, user: str | None, parent: str | None, *, key_hash: str | None = None
) -> Person | None:
    """The person with these ids, completed by the contact that stands beside; None when there is no id at all."""
    contact = change.contact(user, named)
    if contact is None:
        keys = keys_of(named, user, parent)
        return Person(keys=keys, key_hash=key_hash or None) if keys else None
    keys = keys_of(
        named or text(contact, "wa_id"),
        user or text(contact, "user_id"),
        parent or text(contact, "parent_user_id"),
    )
    if not keys:
        return None
    profile = part(contact, "profile")
    return Person(
        keys=keys,
        name=text(profile, "name"),
        username=plain_username(text(profile, "username")),
        key_hash=key_hash or text(contact, "identity_key_hash"),
    )


def plain_username(username: Any) -> str | None:
    """A username without the "@" that some payloads put in front."""
    return (username.lstrip("@") or None) if isinstance(username, str) else None
