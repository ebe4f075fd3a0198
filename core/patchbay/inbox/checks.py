"""What has to be so for a message to leave, one check each: asked when it is queued, again before it goes. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from patchbay.channel import Channel, Draft
from patchbay.collections import MESSAGES
from patchbay.errors import AccountBroken, FieldError, Invalid, StateConflict, Unsupported, WindowClosed
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.conversation import Thread
from patchbay.model.message import Message


def usable_channel(channels: Mapping[str, Channel], account: ChannelAccount) -> Channel:
    """The account's channel. Raises ``StateConflict`` (channel_unavailable, channel_disabled), ``AccountBroken``."""
    channel = channels.get(account.channel)
    if channel is None:
        raise StateConflict(f"The channel plugin {account.channel!r} is not loaded.", code="channel_unavailable")
    if account.status == "disabled":
        raise StateConflict(f"The channel account {account.name!r} is disabled.", code="channel_disabled")
    if account.status == "reauth_required":
        raise AccountBroken(
            f"The channel account {account.name!r} needs a new token.",
            hint=f"POST /api/v1/channels/{account.id}/reauthorize with new credentials.",
        )
    return channel


def check_options(channel: Channel, options: Mapping[str, Any] | None) -> None:
    """Raise ``Unsupported`` for an option that the channel does not know, or a value that it does not take."""
    known = channel.capabilities.options
    for name, value in (options or {}).items():
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Unsupported(
                f"{channel.title} has no option {name!r}.", pointer=f"/options/{name}", hint=f"It knows: {names}."
            )
        allowed = known[name]
        if allowed is not None and value not in allowed:
            raise Unsupported(
                f"The option {name!r} of {channel.title} cannot be {value!r}.",
                pointer=f"/options/{name}",
                hint=f"It may be: {', '.join(sorted(allowed))}.",
            )


def check_window(channel: Channel, draft: Draft, at: datetime) -> None:
    """Raise ``WindowClosed`` when this may not be sent at that moment."""
    closes = channel.closes_at(draft)
    if closes is not None and at >= closes:
        raise WindowClosed(
            "The reply window is closed: the person has not written within it.",
            hint=channel.capabilities.window_hint or "Wait until the person writes.",
        )


def quoted_by(uow: UnitOfWork, channel: Channel, thread: Thread, message_id: str | None) -> Message | None:
    """The message that a reply answers. Raises ``Unsupported`` where the channel carries no quotes, ``Invalid`` when it
    is not on this thread, or nobody wrote it."""
    if message_id is None:
        return None
    if not channel.capabilities.replies:
        raise Unsupported(
            f"{channel.title} cannot carry a quote.", pointer="/reply_to", hint="Send it without reply_to."
        )
    quoted = uow.get(MESSAGES, message_id)
    if quoted is None or quoted.thread_id != thread.id:
        raise Invalid(
            "The quoted message is not part of this conversation.",
            errors=[FieldError("/reply_to", "not_found", f"There is no message {message_id!r} on this thread.")],
        )
    if quoted.origin == "system":
        raise Invalid(
            "A notice cannot be quoted.",
            errors=[FieldError("/reply_to", "not_quotable", "Nobody wrote it; quote a message.")],
        )
    return quoted
