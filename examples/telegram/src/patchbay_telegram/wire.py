"""The parts of updates that are read by their form; fields that are not named here are ignored. No IO.

Source: Telegram Bot API 10.3, "Available types". Fields that may be missing are the optional ones there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from patchbay.model.times import from_unix

Id = Annotated[int, Meta(ge=-(2**52), le=2**52)]  # "at most 52 significant bits"
Number = Annotated[int, Meta(ge=0, le=2**52)]
UnixTime = Annotated[int, Meta(ge=0, le=4_102_444_800)]  # until 2100; 0 for a message that cannot be seen any more
Size = Annotated[int, Meta(ge=0, le=2**52)]
Degrees = Annotated[float, Meta(ge=-180, le=180)]
DEEPEST = 32  # levels of what is kept in Telegram's own form


class Odd(ValueError):
    """Why an update cannot be read; never with what somebody wrote."""


class Wire(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """The base of what is read."""


class User(Wire, frozen=True, kw_only=True):
    id: Id
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    is_bot: bool = False


class Chat(Wire, frozen=True, kw_only=True):
    id: Id
    type: str = ""
    title: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    @property
    def is_group(self) -> bool:
        return self.type in ("group", "supergroup")


class Target(Wire, frozen=True, kw_only=True):
    """A message that another one names."""

    message_id: Number
    chat: Chat


class Message(Wire, frozen=True, kw_only=True, rename={"sender": "from"}):
    """What all messages have; what they say is read from the raw object. ``message_id`` is 0 for
    an ephemeral one: the number that it has besides may be given to another one later."""

    message_id: Number
    date: UnixTime
    chat: Chat
    sender: User | None = None
    sender_chat: Chat | None = None
    edit_date: UnixTime | None = None
    media_group_id: str | None = None
    message_thread_id: Number | None = None
    ephemeral_message_id: Number | None = None
    is_topic_message: bool = False
    reply_to_message: Target | None = None
    via_bot: User | None = None
    text: str | None = None
    caption: str | None = None

    @property
    def sent_at(self) -> datetime:
        return from_unix(self.date)

    @property
    def quoted(self) -> Target | None:
        """The message that this one answers. In a topic whatever answers nothing answers the notice that began it.

        Source: Telegram API, Forums: a topic is the thread of the service message that made it.
        """
        to = self.reply_to_message
        if to is None or to.message_id == 0 or (self.is_topic_message and to.message_id == self.message_thread_id):
            return None
        return to


class File(Wire, frozen=True, kw_only=True):
    """A video, animation, audio, voice, video note or document."""

    file_id: str
    file_unique_id: str | None = None
    file_size: Size | None = None
    file_name: str | None = None
    mime_type: str | None = None


class PhotoSize(Wire, frozen=True, kw_only=True):
    file_id: str
    file_unique_id: str | None = None
    width: Number = 0
    height: Number = 0
    file_size: Size | None = None


class WireSticker(Wire, frozen=True, kw_only=True):
    file_id: str
    file_unique_id: str | None = None
    file_size: Size | None = None
    is_animated: bool = False
    is_video: bool = False
    emoji: str | None = None
    set_name: str | None = None


class WireLocation(Wire, frozen=True, kw_only=True):
    latitude: Degrees
    longitude: Degrees


class Venue(Wire, frozen=True, kw_only=True):
    location: WireLocation
    title: str = ""
    address: str = ""


class WireContact(Wire, frozen=True, kw_only=True):
    phone_number: str
    first_name: str = ""
    last_name: str | None = None
    user_id: Id | None = None
    vcard: str | None = None


class WebAppData(Wire, frozen=True, kw_only=True):
    data: str
    button_text: str = ""


class CallbackQuery(Wire, frozen=True, kw_only=True, rename={"sender": "from"}):
    id: str
    sender: User
    message: Target | None = None
    data: str | None = None


class ReactionType(Wire, frozen=True, kw_only=True):
    type: str
    emoji: str | None = None
    custom_emoji_id: str | None = None


class MessageReaction(Wire, frozen=True, kw_only=True):
    chat: Chat
    message_id: Number
    date: UnixTime
    user: User | None = None
    actor_chat: Chat | None = None
    new_reaction: tuple[ReactionType, ...] = ()


class Member(Wire, frozen=True, kw_only=True):
    status: str


class ChatMemberUpdated(Wire, frozen=True, kw_only=True, rename={"sender": "from"}):
    chat: Chat
    sender: User
    date: UnixTime
    old_chat_member: Member
    new_chat_member: Member


def kept(value: Any) -> Any:
    """The value, to be stored in Telegram's own form. Raises ``Odd`` when no store could hold it."""
    level = [value]
    for _ in range(DEEPEST):
        if any(isinstance(one, int) and not -(2**63) <= one < 2**63 for one in level):
            raise Odd("a number in it is larger than 64 bits")
        nodes = [one for one in level if isinstance(one, dict | list)]
        if not nodes:
            return value
        level = [child for node in nodes for child in (node.values() if isinstance(node, dict) else node)]
    raise Odd(f"it is nested deeper than {DEEPEST} levels")
