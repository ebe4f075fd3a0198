"""What happens to a job, as commands. No IO."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from patchbay.collections import JOBS
from patchbay.errors import StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.event import Audience
from patchbay.model.job import Job, JobError, JobState, Progress
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.outbox import Lease
from patchbay.views.jobs import job_view

KEPT_FOR = timedelta(days=7)  # a job that ended, and the file it made
ERRORS_AT_MOST = 100  # per job; what lies beyond is counted in the last one
ATTEMPTS_AT_MOST = 5  # processes that may end in the middle of a job before it is given up


class Fenced(Exception):
    """Somebody else works on the job now, or nobody may any more."""


def queue_job(
    uow: UnitOfWork,
    kind: str,
    *,
    created_by: str | None,
    actor: Actor = SYSTEM,
    subject_id: str | None = None,
    arguments: dict[str, Any] | None = None,
) -> Job:
    """Long work to be done soon."""
    job = Job(
        id=uow.ids.new("job"),
        created_at=uow.now,
        updated_at=uow.now,
        kind=kind,
        subject_id=subject_id,
        arguments=arguments or {},
        created_by=created_by,
        actor=actor,
        not_before=uow.now,
    )
    uow.add(JOBS, job)
    tell(uow, "job.created", job)
    return job


def claim_job(uow: UnitOfWork, job_id: str, owner: str, lease: timedelta, *, alone: bool, give_up: bool) -> Job | None:
    """Take a job that is due, or that whoever had it left behind; None when it is not ours to take."""
    job = uow.get(JOBS, job_id)
    if job is None or job.has_ended or job.not_before > uow.now:
        return None
    if job.state == "running" and job.lease is not None:
        gone = (alone and job.lease.owner != owner) or job.lease.until <= uow.now
        if not gone:
            return None
    if give_up and job.attempts >= ATTEMPTS_AT_MOST:
        told = JobError(code="given_up", message=f"{ATTEMPTS_AT_MOST} processes ended in the middle of it.")
        end_job(uow, job, "failed", errors=(told,))
        return None
    return uow.put(
        JOBS,
        job,
        state="running",
        attempts=job.attempts + 1,
        started_at=job.started_at or uow.now,
        lease=Lease(owner=owner, until=uow.now + lease, token=job.version + 1),
    )


def held_job(uow: UnitOfWork, claimed: Job) -> Job:
    """The job as it is now. Raises ``Fenced``."""
    job = uow.get(JOBS, claimed.id)
    mine = claimed.lease
    if job is None or job.lease is None or mine is None or job.has_ended:
        raise Fenced(claimed.id)
    if (job.lease.owner, job.lease.token) != (mine.owner, mine.token):
        raise Fenced(claimed.id)
    return job


def note_progress(
    uow: UnitOfWork,
    claimed: Job,
    lease: timedelta,
    *,
    progress: Progress | None = None,
    memo: dict[str, Any] | None = None,
    error: JobError | None = None,
) -> Job:
    """How far it came; whoever works on it keeps it. Raises ``Fenced``."""
    job = held_job(uow, claimed)
    held = claimed.lease
    token = 0 if held is None else held.token
    owner = "" if held is None else held.owner
    return uow.put(
        JOBS,
        job,
        progress=job.progress if progress is None else progress,
        memo=job.memo if memo is None else memo,
        errors=job.errors if error is None else with_error(job.errors, error),
        lease=Lease(owner=owner, until=uow.now + lease, token=token),
    )


def with_error(errors: tuple[JobError, ...], error: JobError) -> tuple[JobError, ...]:
    """One more, as long as they can be read by a person."""
    return errors if error in errors or len(errors) >= ERRORS_AT_MOST else (*errors, error)


def put_off(uow: UnitOfWork, claimed: Job, until: datetime, error: JobError, *, give_up: bool) -> Job:
    """Try it again later, unless it was tried often and may be given up. Raises ``Fenced``."""
    job = held_job(uow, claimed)
    if give_up and job.attempts >= ATTEMPTS_AT_MOST:
        return end_job(uow, job, "failed", errors=(error,))
    return uow.put(JOBS, job, state="queued", lease=None, not_before=until)


def hand_back(uow: UnitOfWork, claimed: Job) -> None:
    """Leave it to the next process, which goes on at once. Raises ``Fenced``."""
    job = held_job(uow, claimed)
    uow.put(JOBS, job, state="queued", lease=None, attempts=max(0, job.attempts - 1))


def drop_job(uow: UnitOfWork, job_id: str) -> None:
    """Forget a job that ended."""
    job = uow.get(JOBS, job_id)
    if job is not None and job.has_ended:
        uow.remove(JOBS, job)


def finish_job(
    uow: UnitOfWork,
    claimed: Job,
    state: JobState,
    result: dict[str, Any],
    file: str | None,
    errors: tuple[JobError, ...],
) -> Job:
    """What came of it. Raises ``Fenced``."""
    return end_job(uow, held_job(uow, claimed), state, result=result, file=file, errors=errors)


def end_job(
    uow: UnitOfWork,
    job: Job,
    state: JobState,
    *,
    result: dict[str, Any] | None = None,
    file: str | None = None,
    errors: tuple[JobError, ...] = (),
) -> Job:
    """Nothing more will be done."""
    kept = job.errors
    for error in errors:
        kept = with_error(kept, error)
    job = uow.put(
        JOBS,
        job,
        state=state,
        result=result or {},
        file=file,
        memo={},
        lease=None,
        errors=kept,
        finished_at=uow.now,
        expires_at=uow.now + KEPT_FOR,
    )
    tell(uow, "job.finished", job)
    return job


def cancel_job(uow: UnitOfWork, job_id: str, *, can_stop: bool, expected: int | None = None) -> Job:
    """Do nothing more of it. One that is at work stops soon, unless its kind cannot stop half-way.

    Raises ``NotFound``, ``VersionConflict``, ``StateConflict`` (not_cancellable).
    """
    job = uow.need(JOBS, job_id)
    require_version(job.version, expected)
    if job.has_ended:
        raise StateConflict(f"The job is {job.state}.", code="not_cancellable")
    if job.state == "queued" and not job.attempts:
        return end_job(uow, job, "cancelled")
    if not can_stop:
        raise StateConflict(f"A job of kind {job.kind} cannot stop half-way.", code="not_cancellable")
    if job.cancel_requested:
        return job
    return uow.put(JOBS, job, cancel_requested=True)


def tell(uow: UnitOfWork, type: str, job: Job) -> None:
    uow.emit(type, "job", job.id, job_view(job), audience=Audience(user_id=job.created_by), actor=job.actor)
