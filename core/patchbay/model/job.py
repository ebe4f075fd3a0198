"""Work that takes longer than a request: what it is, how far it came, what it led to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.document import Document, Value
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.outbox import Lease

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")


class Progress(Value, frozen=True, kw_only=True):
    """``total`` is None while nobody knows how much there is."""

    done: int = 0
    total: int | None = None


class JobError(Value, frozen=True, kw_only=True):
    """What could not be done of it: ``item`` names the part, None for all of it."""

    code: str
    message: str
    item: str | None = None


class Job(Document, frozen=True, kw_only=True):
    """One piece of long work. It goes on after a restart where ``memo`` says it stopped.

    ``arguments`` is what was asked for, in ids and figures only; ``subject_id`` names what it is about. ``memo`` is the
    kind's own, never shown, and empty at the end. ``attempts`` counts the processes that took it up and did not end it.
    After ``expires_at``, which is set at the end, the job and its file go. ``file`` is the SHA-256 of what it made.
    """

    kind: str
    state: JobState = "queued"
    subject_id: str | None = None
    arguments: dict[str, Any] = {}
    progress: Progress = Progress()
    errors: tuple[JobError, ...] = ()
    result: dict[str, Any] = {}
    memo: dict[str, Any] = {}
    file: str | None = None
    created_by: str | None = None
    actor: Actor = SYSTEM
    lease: Lease | None = None
    attempts: int = 0
    not_before: datetime
    cancel_requested: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED
