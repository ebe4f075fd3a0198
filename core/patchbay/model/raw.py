"""The ingest journal: what arrived, byte for byte, and what became of each item in it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from patchbay.model.document import Value

RawState = Literal["pending", "applied", "quarantined"]
ItemOutcome = Literal["applied", "duplicate", "ignored", "parked", "unroutable", "quarantined"]


class RawItem(Value, frozen=True, kw_only=True):
    """One item of a raw event: its dedupe key and what became of it. ``ref`` is the document it led to."""

    index: int
    key: str
    kind: str
    outcome: ItemOutcome
    ref: str | None = None
    error: str | None = None


class NewRaw(Value, frozen=True, kw_only=True):
    """A verified webhook to journal. ``headers`` are the few that are kept."""

    channel: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    sha256: str


class RawEvent(Value, frozen=True, kw_only=True):
    """A journalled webhook. ``attempts`` counts the tries to apply it, the present one among them, once the process may
    have ended during one; 0 for all others."""

    id: str
    channel: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes
    sha256: str
    state: RawState = "pending"
    items: tuple[RawItem, ...] = ()
    attempts: int = 0
    error: str | None = None
    settled_at: datetime | None = None


class Settlement(Value, frozen=True, kw_only=True):
    """What became of a raw event, to be committed with its effects."""

    raw_id: str
    state: RawState
    items: tuple[RawItem, ...] = ()
    error: str | None = None
    settled_at: datetime


ERASED_BODY = b'{"erased":true}'  # in the place of a body that spoke of somebody who was erased
