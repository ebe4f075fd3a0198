"""What would be sent, in which parts, or why nothing would be: the checks of a send without the send. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, CONVERSATIONS, THREADS
from patchbay.errors import AccountBroken, Unsupported, WindowClosed
from patchbay.inbox.sending import (
    check_options,
    check_window,
    draft,
    quoted_by,
    recipient_of,
    usable_channel,
    with_stored_media,
)
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import AnyContent
from patchbay.views import content_view


def preview(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    conversation_id: str,
    content: AnyContent,
    *,
    reply_to: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What would be sent: ``{"channel", "account_id", "parts": [content], "problem": null | {code, detail, hint}}``."""
    conversation = uow.need(CONVERSATIONS, conversation_id)
    account = uow.need(ACCOUNTS, conversation.account_id)
    thread = uow.need(THREADS, conversation.thread_id)
    answer: dict[str, Any] = {"channel": account.channel, "account_id": account.id, "parts": [], "problem": None}
    try:
        channel = usable_channel(channels, account)
        content, media = with_stored_media(uow, content)
        check_options(channel, options)
        recipient = recipient_of(uow, thread)
        channel.check(content, recipient, media)
        check_window(channel, draft(content, recipient, quoted_by(uow, thread, reply_to), options), uow.now)
        answer["parts"] = [content_view(part) for part in channel.split(content)]
    except (Unsupported, WindowClosed, AccountBroken) as refused:
        answer["problem"] = {"code": refused.code, "detail": refused.reason, "hint": refused.hint}
    return answer
