"""What blocked people write: kept on their thread, in the conversation that is open, or in none. No IO.

So it makes no new work, and a look at the contact shows it. The log tells of it all the same.
"""

from __future__ import annotations

from patchbay.collections import THREADS
from patchbay.inbox.landing import emit_message, later
from patchbay.inbox.people import Line
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Thread, Window
from patchbay.model.message import Message


def is_blocked(line: Line) -> bool:
    """Whether what comes on this line begins no conversation."""
    return line.contact.status == "blocked" or line.identity.status == "blocked"


def keep_aside(uow: UnitOfWork, line: Line, message: Message, window: Window, *, opens_window: bool) -> Thread:
    """The thread after a blocked person wrote: the message is on it, and in no conversation."""
    thread = line.thread
    last_inbound_at = later(thread.last_inbound_at, message) if opens_window else thread.last_inbound_at
    thread = uow.put(THREADS, thread, last_seq=message.seq, last_inbound_at=last_inbound_at, window=window)
    emit_message(uow, "message.received", message, None, actor=message.author, blocked=True)
    return thread
