"""Events: what the log holds and what sockets, streams and listeners read."""

from __future__ import annotations

from datetime import datetime

from msgspec import Raw, Struct

from patchbay.model.message import Actor

MAX_DEPTH = 8  # a rule that triggers a rule that triggers a rule stops here


class Audience(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What decides who may see an event: the rows it is about, as they were when it happened.

    ``department_ids`` and ``user_ids`` are more of whom it concerns: those that a conversation was taken from by this
    event, or all whose conversations are with the contact that it is about.
    """

    account_id: str | None = None
    thread_id: str | None = None
    conversation_id: str | None = None
    department_id: str | None = None
    assignee_id: str | None = None
    user_id: str | None = None
    department_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()


class NewEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event to be committed. ``data`` is encoded JSON: the resource as REST shows it, frozen here."""

    type: str
    subject_type: str
    subject_id: str
    actor: Actor
    audience: Audience = Audience()
    causation_id: str | None = None
    depth: int = 0
    data: Raw
    occurred_at: datetime


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """An event of the log. Positions are dense and grow by one."""

    position: int
    type: str
    subject_type: str
    subject_id: str
    actor: Actor
    audience: Audience = Audience()
    causation_id: str | None = None
    depth: int = 0
    data: Raw
    occurred_at: datetime
