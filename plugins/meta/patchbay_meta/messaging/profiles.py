"""What a person is called: by their profile, or by the conversation with them where that is refused. No IO.

Consent to the profile comes with the first message, and some who wrote are refused all the same; their conversation
names them. Sources: Messenger Platform, User profile; Instagram Platform, User profile (April 2026); Messenger
Platform, Conversations API (February 2026).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from patchbay.channel import ApiRequest, ApiResponse, IdentityKey, Person
from patchbay.errors import AccountBroken, Rejected
from patchbay_meta.graph import readable, segment
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.reading import each, part, text
from patchbay_meta.tokens import ENDED

Asking = Generator[ApiRequest, ApiResponse, Person | None]


def profile(key: IdentityKey, node: str, platform: str, to: Dialect) -> Asking:
    """The person of a key, who must have written for it. ``node`` is the account's path, ``platform`` what its
    conversations are listed under. The address of the picture is not asked for: it dies within days.

    Raises the refusal of the profile where the conversation tells no name either.
    """
    response = yield ApiRequest("GET", f"/{segment(key.value)}", query={"fields": to.profile_fields})
    try:
        to.errors.check(response)
    except (Rejected, AccountBroken) as refused:
        if refused.provider_code in ENDED:
            raise
        named = yield from participant(key, node, platform, to)
        if named is None:
            raise
        return named
    names = (readable(response.body.get(which)) for which in ("first_name", "last_name"))
    name = readable(response.body.get("name")) or " ".join(one for one in names if one) or None
    return Person(keys=(key,), name=name, username=readable(response.body.get("username")))


def participant(key: IdentityKey, node: str, platform: str, to: Dialect) -> Asking:
    """The name in the conversation with a person; None where there is none, or it is refused as well."""
    query = {"platform": platform, "user_id": key.value, "fields": "participants"}
    response = yield ApiRequest("GET", f"{node}/conversations", query=query)
    if to.errors.error(response) is not None:
        return None
    for conversation in _objects(dict(response.body), "data"):
        for one in _objects(part(conversation, "participants"), "data"):
            name, username = readable(one.get("name")), readable(one.get("username"))
            if key.value in (text(one, "id"), text(one, "user_id")) and (name or username):
                return Person(keys=(key,), name=name, username=username)
    return None


def _objects(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in each(dict(raw), name) if isinstance(one, dict)]
