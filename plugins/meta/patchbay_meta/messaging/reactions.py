"""Reactions, by name or by emoji. No IO."""

from __future__ import annotations

from typing import Any

from patchbay.channel.inbound import InboundEvent, Person, ReactionChanged
from patchbay_meta.messaging.event import Event
from patchbay_meta.reading import Odd, text

# Source: Messenger Platform, Webhooks, "message_reactions"; "laugh" is Instagram's, "care", "haha" are those of posts.
EMOJI = {
    "smile": "😆",
    "laugh": "😆",
    "haha": "😆",
    "angry": "😠",
    "sad": "😢",
    "sorry": "😢",
    "wow": "😮",
    "love": "❤️",
    "like": "👍",
    "dislike": "👎",
    "care": "🤗",
}
UNTOLD = "❔"  # a reaction of which Meta does not say more than that there is one


def reaction(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """One person has one reaction to a message: a new one replaces it, ``unreact`` takes it back."""
    target = text(raw, "mid")
    if target is None:
        raise Odd("it does not say which message the reaction is to")
    person = event.person if event.from_business else event.known_person()
    return ReactionChanged(
        occurred_at=event.moment(),
        external_id=key,
        target=target,
        person=person or Person(keys=()),
        emoji=_emoji(raw),
        by_business=event.from_business,
    )


def _emoji(raw: dict[str, Any]) -> str | None:
    action = (text(raw, "action") or "react").lower()
    if action == "unreact":
        return None
    if action != "react":
        raise Odd("the action is neither react nor unreact")
    return emoji_of(text(raw, "reaction"), text(raw, "emoji"))


def emoji_of(name: str | None, emoji: str | None = None) -> str:
    """The emoji itself; by its name where only that is given, and ``UNTOLD`` for "other" and a name nobody knows."""
    return emoji or EMOJI.get((name or "").lower(), UNTOLD)
