"""The worker of jobs: takes what is queued, and what another process left behind; a few side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import structlog

from patchbay.collections import JOBS
from patchbay.errors import PatchbayError, StoreError
from patchbay.jobs.commands import Fenced, claim_job, drop_job, finish_job, hand_back, note_progress, put_off
from patchbay.model.document import Document
from patchbay.model.job import Job, JobError, Progress
from patchbay.ports import MediaStore, Query, Where
from patchbay.service import Inbox
from patchbay.tasks import Tasks
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

POLL_S = 5.0  # how late a job may be noticed that nobody told us of
LEASE = timedelta(seconds=120)
AT_ONCE = 2
TELL_EVERY_S = 1.0  # progress is written no more often than this
AGAIN_AFTER = timedelta(seconds=30)  # when the store refused, or something failed that may work later
LISTED = 100


class Stopped(Exception):
    """Somebody wants the job to stop, or the gateway ends: nothing more may be done now."""


class Made(Protocol):
    """What a kind made of a job: plain JSON to show, and the SHA-256 of a file in the media store."""

    @property
    def result(self) -> dict[str, Any]: ...
    @property
    def file(self) -> str | None: ...


class JobKind(Protocol):
    """A kind of long work. Its steps may be done twice: after a kill it is begun again with what ``Work`` remembers."""

    name: str
    can_stop: bool  # half-way

    async def run(self, work: Work) -> Made: ...


class Work:
    """One job at work: what its kind reads of it and says about it."""

    def __init__(self, inbox: Inbox, job: Job, ending: asyncio.Event) -> None:
        self.inbox = inbox
        self.job = job
        self._ending = ending
        self._told_at = inbox.clock.monotonic()

    async def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it came, and go on only if nobody wants it to stop. Raises ``Stopped``, ``Fenced``."""
        now = self.inbox.clock.monotonic()
        if now - self._told_at >= TELL_EVERY_S:
            self._told_at = now
            await self.note(progress=Progress(done=done, total=total))
        await self.breathe()

    async def breathe(self) -> None:
        """Give others a turn. Raises ``Stopped``."""
        if self._ending.is_set():
            raise Stopped
        await self.inbox.clock.sleep(0)
        known = await self.inbox.get(JOBS, self.job.id)
        if known is not None and known.cancel_requested:
            raise Stopped

    async def remember(self, **memo: Any) -> None:
        """Keep something for when it is begun again; plain JSON."""
        await self.note(memo={**self.job.memo, **memo})

    async def forget(self, *names: str) -> None:
        await self.note(memo={name: value for name, value in self.job.memo.items() if name not in names})

    async def error(self, code: str, message: str, item: str | None = None) -> None:
        """Say that a part of it could not be done."""
        await self.note(error=JobError(code=code, message=message, item=item))

    async def note(self, **changes: Any) -> None:
        """Raises ``Fenced``."""
        self.job = await self.inbox.run(partial(note_progress, claimed=self.job, lease=LEASE, **changes))


class JobRunner:
    """Does jobs, the oldest first."""

    def __init__(
        self, inbox: Inbox, kinds: Mapping[str, JobKind], media_store: MediaStore, *, owner: str, alone: bool
    ) -> None:
        self._inbox = inbox
        self.kinds = kinds
        self._media_store = media_store
        self._owner = owner
        self._alone = alone
        self._tasks = Tasks()
        self._running: set[str] = set()
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()

    def job_committed(self, id: str, document: Document | None) -> None:
        """Notice a job that waits."""
        if isinstance(document, Job) and document.state == "queued" and id not in self._running:
            self._wake.set()

    async def run(self) -> None:
        """Work until ``stop``."""
        while not self._ending.is_set():
            self._wake.clear()
            try:
                await self._look()
            except StoreError as error:
                log.warning("jobs.store_refused", error=error.detail)
            except Exception:
                log.exception("jobs.look_failed")
            await woken(self._wake, self._inbox.clock, POLL_S)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more. What is at work stops at its next step, and goes on after the next start."""
        self._ending.set()
        self._wake.set()
        await self._tasks.close(grace_s)

    async def _look(self) -> None:
        where = (Where("state", "in", ("queued", "running")), Where("not_before", "lte", self._inbox.clock.now()))
        page = await self._inbox.store.find(Query(JOBS, where, sort="not_before", limit=LISTED))
        for job in page.items:
            if len(self._running) >= AT_ONCE or self._ending.is_set():
                return
            if job.id not in self._running:
                self._running.add(job.id)
                self._tasks.start(self._take(job), f"job {job.id}")

    def _may_give_up(self, job: Job) -> bool:
        """Not on what cannot stop half-way: it is tried until it works."""
        kind = self.kinds.get(job.kind)
        return kind is None or kind.can_stop

    async def _take(self, job: Job) -> None:
        job_id = job.id
        claim = partial(claim_job, job_id=job_id, owner=self._owner, lease=LEASE, alone=self._alone)
        try:
            claimed = await self._inbox.run(partial(claim, give_up=self._may_give_up(job)))
            if claimed is not None:
                await self._do(claimed)
                self._wake.set()
        except Fenced:
            log.warning("jobs.fenced", job=job_id)
        except StoreError as error:  # it keeps its lease, and is found again when that has run out
            log.warning("jobs.store_refused", job=job_id, error=error.detail)
        finally:
            self._running.discard(job_id)

    async def _do(self, job: Job) -> None:
        work = Work(self._inbox, job, self._ending)
        kind = self.kinds.get(job.kind)
        if kind is None:
            told = JobError(code="unknown_kind", message=f"Nobody here does jobs of kind {job.kind!r}.")
            await self._inbox.run(
                partial(finish_job, claimed=job, state="failed", result={}, file=None, errors=(told,))
            )
            return
        try:
            made = await kind.run(work)
        except Stopped:
            await self._stopped(work)
        except Fenced:
            raise
        except PatchbayError as error:
            await self._again(work, error.code, error.detail)
        except Exception as error:
            log.exception("jobs.failed", job=job.id, kind=job.kind)
            await self._again(work, "internal", f"It failed: {type(error).__name__}.")
        else:
            await self._inbox.run(
                partial(finish_job, claimed=work.job, state="done", result=made.result, file=made.file, errors=())
            )

    async def _stopped(self, work: Work) -> None:
        """Stopped by somebody's wish, or by the end of this process: then the next one goes on at once."""
        known = await self._inbox.get(JOBS, work.job.id)
        if known is not None and known.cancel_requested:
            await self._inbox.run(
                partial(finish_job, claimed=work.job, state="cancelled", result={}, file=None, errors=())
            )
        else:
            await self._inbox.run(partial(hand_back, claimed=work.job))

    async def _again(self, work: Work, code: str, message: str) -> None:
        until = self._inbox.clock.now() + AGAIN_AFTER
        error = JobError(code=code, message=message)
        await self._inbox.run(
            partial(put_off, claimed=work.job, until=until, error=error, give_up=self._may_give_up(work.job))
        )

    async def drop_expired(self) -> int:
        """Remove jobs whose time is over, with the files they made; how many."""
        where = (Where("expires_at", "lte", self._inbox.clock.now()),)
        page = await self._inbox.store.find(Query(JOBS, where, sort="expires_at", limit=LISTED))
        for job in page.items:
            if job.file is not None:  # first, for the job is all that knows of it
                await self._media_store.delete(job.file)
            await self._inbox.run(partial(drop_job, job_id=job.id))
        return len(page.items)
