"""Threads and conversations: the endless line, and one piece of work on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.document import Document, Value
from patchbay.model.message import DeliveryState

WindowKind = Literal["service", "human_agent", "free_entry", "none"]
ConversationStatus = Literal["pending", "open", "snoozed", "closed"]
ControllerType = Literal["none", "bot", "department", "agent"]
Priority = Literal["low", "normal", "high", "urgent"]


class Window(Value, frozen=True, kw_only=True):
    """Until when a free-form reply may be sent, end excluded. ``opened_by`` is the message that opened it."""

    kind: WindowKind = "none"
    opened_by: str | None = None
    expires_at: datetime | None = None


class Watermark(Value, frozen=True, kw_only=True):
    """At ``at`` the provider said that all it had by ``up_to`` came so far."""

    up_to: datetime
    at: datetime


class Thread(Document, frozen=True, kw_only=True):
    """The line between one identity and one account. It owns the order and the window.

    ``watermarks`` say by state until when everything we sent has come so far, where the provider reports it so: the
    latest ones in order of both times, none that says nothing beside another. ``purged_to`` is the last place whose
    content the retention rules took.
    Unique: (account_id, identity_id), by its id.
    """

    account_id: str
    channel: str
    identity_id: str
    contact_id: str
    last_seq: int = 0
    purged_to: int = 0
    last_inbound_at: datetime | None = None
    last_outbound_at: datetime | None = None
    window: Window = Window()
    open_conversation_id: str | None = None
    last_conversation_id: str | None = None
    watermarks: dict[DeliveryState, tuple[Watermark, ...]] = {}


class Controller(Value, frozen=True, kw_only=True):
    """Who answers now. A change issues a new ``token``; a bot that sends with an old one is refused."""

    type: ControllerType = "none"
    id: str | None = None
    token: str = ""


class LastMessage(Value, frozen=True, kw_only=True):
    id: str
    direction: Literal["inbound", "outbound"]
    preview: str
    occurred_at: datetime


class ReadCursor(Value, frozen=True, kw_only=True):
    """``seq`` is the last one read, ``inbound_base`` how many inbound messages were read by then."""

    seq: int
    inbound_base: int


class Conversation(Document, frozen=True, kw_only=True):
    """One piece of work on a thread: what an agent opens and closes. At most one per thread is not closed.

    ``first_seq`` and ``last_seq`` bound its items on the thread; ``inbound_count`` counts what the person wrote.
    """

    number: int
    thread_id: str
    contact_id: str
    account_id: str
    channel: str
    status: ConversationStatus = "open"
    close_reason: str | None = None
    closed_at: datetime | None = None
    previous_conversation_id: str | None = None
    department_id: str | None = None
    assignee_id: str | None = None
    controller: Controller = Controller()
    priority: Priority = "normal"
    subject: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    snoozed_until: datetime | None = None
    waiting_since: datetime | None = None
    first_response_at: datetime | None = None
    last_activity_at: datetime
    last_message: LastMessage | None = None
    first_seq: int = 0
    last_seq: int = 0
    inbound_count: int = 0
    read_cursors: dict[str, ReadCursor] = {}
