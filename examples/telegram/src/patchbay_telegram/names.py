"""How Telegram names chats, people and messages, and how they are named here. No IO.

A message's number is unique within its chat only, so a message is called ``{chat}:{number}``. One that has no number
is called after the update that told of it. A press of a button is no
message; it is called ``callback:{query}:{chat}:{number}`` after the message whose button it was, if that is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from patchbay.channel import IdentityKey, Recipient

CHANNEL = "telegram"
_CHAT = re.compile(r"-?[1-9][0-9]{0,18}", re.ASCII)
_MESSAGE = re.compile(
    r"(?:callback:(?P<query>[^:]+)(?::|$))?(?:(?P<chat>-?[0-9]{1,19}):(?P<number>[0-9]{1,19}))?", re.ASCII
)


def key_of(chat: int) -> IdentityKey:
    """The key of a person, a group or a channel. A private chat has the number of its person; groups are negative."""
    return IdentityKey(kind="external", value=str(chat), scope="account")


def chat_of(recipient: Recipient) -> int | None:
    """The chat to send to, None when none is known."""
    for identity in recipient.identities:
        known = identity.kind == "external" and identity.channel == CHANNEL and identity.status == "active"
        if known and _CHAT.fullmatch(identity.value):
            return int(identity.value)
    return None


def message_name(chat: int, number: int) -> str:
    return f"{chat}:{number}"


def update_name(id: int) -> str:
    """What an update is called, and a message without a number that came with it."""
    return f"update:{id}"


def press_name(query: str, chat: int | None = None, number: int | None = None) -> str:
    """What the press of a button is called."""
    return f"callback:{query}" if chat is None or number is None else f"callback:{query}:{chat}:{number}"


@dataclass(frozen=True)
class Named:
    """What an external id names: the press of a button, a message in its chat, or both."""

    query: str | None = None
    chat: int | None = None
    number: int | None = None


def named(external_id: str) -> Named:
    """What this external id names: nothing of it, for what is neither a message nor a press."""
    found = _MESSAGE.fullmatch(external_id)
    if found is None:
        return Named()
    chat, number = found["chat"], found["number"]
    return Named(found["query"], None if chat is None else int(chat), None if number is None else int(number))
