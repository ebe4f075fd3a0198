"""What would be sent, in which parts, or why nothing would be: the checks of a send without the send. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, CONVERSATIONS
from patchbay.errors import SendError, StateConflict
from patchbay.inbox.sending import Speaking, anybody, ready_to_send
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
    expected_last_seq: int | None = None,
    options: Mapping[str, Any] | None = None,
    allowed: Speaking = anybody,
) -> dict[str, Any]:
    """What would be sent: ``{"channel", "account_id", "parts": [content], "problem": null | {code, detail, hint}}``.

    ``problem`` is what the send would be refused with, by its code. A request that is wrong in itself is refused here,
    too: raises ``NotFound``, and ``Invalid`` naming the field.
    """
    conversation = uow.need(CONVERSATIONS, conversation_id)
    account = uow.need(ACCOUNTS, conversation.account_id)
    answer: dict[str, Any] = {"channel": account.channel, "account_id": account.id, "parts": [], "problem": None}
    try:
        ready = ready_to_send(
            uow,
            channels,
            conversation_id,
            content,
            reply_to=reply_to,
            expected_last_seq=expected_last_seq,
            options=options,
            allowed=allowed,
        )
        answer["parts"] = [content_view(part) for part in ready.channel.split(ready.content)]
    except StateConflict as refused:
        answer["problem"] = {"code": refused.problem_code, "detail": refused.detail, "hint": refused.hint}
    except SendError as refused:
        answer["problem"] = {"code": refused.code, "detail": refused.reason, "hint": refused.hint}
    return answer
