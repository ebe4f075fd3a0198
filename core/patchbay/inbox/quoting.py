"""What a message quotes, found at once or when it comes. No IO.

Providers deliver in no order, and a history comes newest first: a reply may be here before the message that it answers.
It waits for that one beside the reports that came early.
"""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.collections import MESSAGES
from patchbay.inbox.landing import conversation_of, emit_message
from patchbay.inbox.locate import QuoteAwaited, locate, park
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.message import ReplyTo


def reply_of(uow: UnitOfWork, account_id: str, external_id: str | None, *, by: str) -> ReplyTo | None:
    """What the message ``by`` quotes; by our id too where we know the quoted one, else once it comes."""
    if external_id is None:
        return None
    quoted = locate(uow, account_id, external_id)
    if quoted is None:
        park(uow, account_id, external_id, QuoteAwaited(by=by))
    return ReplyTo(external_id=external_id, message_id=None if quoted is None else quoted.id)


def quoted_appeared(uow: UnitOfWork, account_id: str, external_id: str, awaited: QuoteAwaited) -> None:
    """The quoted message is here: the one that quotes it says so."""
    reply, quoted = uow.get(MESSAGES, awaited.by), locate(uow, account_id, external_id)
    if reply is None or reply.reply_to is None or quoted is None:
        return
    reply = uow.put(MESSAGES, reply, reply_to=replace(reply.reply_to, message_id=quoted.id))
    emit_message(uow, "message.updated", reply, conversation_of(uow, reply), changed=["reply_to"])
