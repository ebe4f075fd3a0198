"""What would be sent, in which parts, or why nothing would be: the checks of a send without the send. No IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, CONVERSATIONS
from patchbay.errors import PatchbayError, SendError, StateConflict, Unsupported
from patchbay.inbox.consent import refuse_unwanted
from patchbay.inbox.loaded import NotLoaded
from patchbay.inbox.recipients import lines_of
from patchbay.inbox.sending import Speaking, anybody, ready_to_send, sendable
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.conversation import Thread
from patchbay.model.message import Origin
from patchbay.views import content_view

FAILED = {"code": "channel_failed", "detail": "The channel failed when it was asked.", "hint": "See GET /plugins."}


def preview(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    conversation_id: str,
    content: AnyContent,
    *,
    origin: Origin = "agent",
    reply_to: str | None = None,
    expected_last_seq: int | None = None,
    options: Mapping[str, Any] | None = None,
    allowed: Speaking = anybody,
) -> dict[str, Any]:
    """What would be sent: ``{"channel", "account_id", "parts": [content], "problem": null | {code, detail, hint}}``.

    ``problem`` is what the send would be refused with, by its code. A request that is wrong in itself is refused here,
    too: raises ``NotFound``, and ``Invalid`` naming the field.
    """
    conversation = uow.reach(CONVERSATIONS, conversation_id)
    account = uow.need(ACCOUNTS, conversation.account_id)

    def parts() -> Sequence[AnyContent]:
        ready = ready_to_send(
            uow,
            channels,
            conversation_id,
            content,
            origin=origin,
            reply_to=reply_to,
            expected_last_seq=expected_last_seq,
            options=options,
            allowed=allowed,
        )
        return ready.channel.split(ready.content)

    return _told(account, parts)


def preview_on_each(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    contact_id: str,
    content: AnyContent,
    *,
    origin: Origin = "agent",
    options: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The same on each line of a contact, the one first that a send to the contact would take; with the line's
    ``conversation_id``, null where none is open. Raises ``NotFound``, and ``Invalid`` naming the field."""

    def on(account: ChannelAccount, thread: Thread) -> dict[str, Any]:
        def parts() -> Sequence[AnyContent]:
            refuse_unwanted(uow, thread.id, content)
            channel, said, _ = sendable(uow, channels, account, thread, content, origin=origin, options=options)
            return channel.split(said)

        try:
            told = _told(account, parts)
        except (NotLoaded, PatchbayError):
            raise
        except Exception:  # the channel's fault, which its record names: the others are shown
            told = {"channel": account.channel, "account_id": account.id, "parts": [], "problem": FAILED}
        return {"conversation_id": thread.open_conversation_id, **told}

    return [on(account, thread) for account, thread in lines_of(uow, channels, contact_id)]


def _told(account: ChannelAccount, parts: Callable[[], Sequence[AnyContent]]) -> dict[str, Any]:
    answer: dict[str, Any] = {"channel": account.channel, "account_id": account.id, "parts": [], "problem": None}
    try:
        answer["parts"] = [content_view(part) for part in parts()]
    except StateConflict as refused:
        answer["problem"] = {"code": refused.problem_code, "detail": refused.detail, "hint": refused.hint}
    except SendError as refused:
        answer["problem"] = {"code": refused.code, "detail": refused.reason, "hint": refused.hint}
        if isinstance(refused, Unsupported):
            answer["problem"]["pointer"] = refused.pointer
    return answer
