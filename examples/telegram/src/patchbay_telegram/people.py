"""Whom an update speaks of. No IO."""

from __future__ import annotations

import re

from msgspec.structs import replace
from patchbay.channel import IdentityKey, Person

from patchbay_telegram.names import key_of
from patchbay_telegram.wire import Chat, Message, User

_NUMBER = re.compile(r"\+?[1-9][0-9 ().-]{5,24}", re.ASCII)
_DIGITS = range(7, 16)  # of a number; Source: ITU-T E.164
_NO_PHONE = "888"  # Source: Telegram, "No-SIM signup": numbers of Fragment, which no telephone has


def person_of(user: User) -> Person:
    """A person by their number, which is that of their private chat, too."""
    name = " ".join(word for word in (user.first_name, user.last_name) if word)
    return Person(keys=(key_of(user.id),), name=name or None, username=user.username or None)


def chat_person(chat: Chat) -> Person:
    """A chat as somebody: a group or channel by its title, a private chat by its person."""
    name = chat.title or " ".join(word for word in (chat.first_name, chat.last_name) if word)
    return Person(keys=(key_of(chat.id),), name=name or None, username=chat.username or None)


def group_of(chat: Chat) -> IdentityKey | None:
    """The key of the group, None for a private chat."""
    return key_of(chat.id) if chat.is_group else None


def author_of(message: Message) -> Person:
    """Who wrote. ``sender_chat`` goes first: the ``from`` beside it is a stand-in. An administrator who writes as the
    group itself is nobody in particular, so there is no key."""
    if message.sender_chat is not None and message.chat.is_group:
        return Person(keys=()) if message.sender_chat.id == message.chat.id else chat_person(message.sender_chat)
    if message.sender is not None:
        return person_of(message.sender)
    return chat_person(message.chat) if not message.chat.is_group else Person(keys=())


def with_number(person: Person, number: str) -> Person:
    """The person with a phone number that is proven theirs; it is written with or without its plus. The key is that of
    every channel that knows people by their numbers. Unchanged where it is no number that can be called."""
    digits = re.sub(r"\D", "", number) if _NUMBER.fullmatch(number) else ""
    if len(digits) not in _DIGITS or digits.startswith(_NO_PHONE):
        return person
    return replace(person, keys=(*person.keys, IdentityKey(kind="phone", value="+" + digits)))
