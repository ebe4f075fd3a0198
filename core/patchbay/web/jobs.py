"""Jobs: how far long work came, calling it off, and the files that it made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from patchbay.collections import JOBS
from patchbay.errors import NotFound
from patchbay.inbox.unit import missing
from patchbay.jobs.commands import cancel_job
from patchbay.model.job import Job
from patchbay.model.media import Media
from patchbay.model.times import rfc3339
from patchbay.views.jobs import job_view
from patchbay.web.call import Call
from patchbay.web.downloads import send_file
from patchbay.web.operations import API_ROOT, Answer, Operations, Public
from patchbay.web.schemas.privacy import JobSchema

OPERATIONS = Operations(
    "Jobs",
    {
        "jobs.read": "See long work: one's own, or with all rows everybody's",
        "jobs.write": "Call long work off",
    },
    scoped=True,
)
LINK_FOR = timedelta(hours=1)
LINKS = "job files"  # what the key that signs them is derived for
LINKED = Public("the signature in the path is the permission, for as long as the link is good")


@OPERATIONS.get("/jobs/{job_id}", "jobs.read", answer=JobSchema)
async def show_job(call: Call) -> Answer:
    """Show a job.

    One's own, or any for who reaches all rows. `file` is a link to what it made.
    """
    job = await the_job(call)
    return Answer(shown(call, job), version=job.version)


@OPERATIONS.post(
    "/jobs/{job_id}/cancel", "jobs.write", answer=JobSchema, versioned=True, errors=("not_cancellable", "conflict")
)
async def cancel_a_job(call: Call) -> Answer:
    """Call a job off.

    What is at work stops at its next step, and `state` becomes `cancelled` then. An erasure that began is finished.
    """
    job, expected = await the_job(call), call.expected_version
    kind = call.gateway.jobs.kinds.get(job.kind)
    can_stop = kind is None or kind.can_stop
    job = await call.run(lambda uow: cancel_job(uow, job.id, can_stop=can_stop, expected=expected))
    return Answer(shown(call, job), version=job.version)


@OPERATIONS.get(
    "/jobs/files/{signed}", LINKED, root="", produces=("application/zip",), errors=("range_not_satisfiable",)
)
async def open_job_file(call: Call) -> web.StreamResponse:
    """Download what a job made, by a link."""
    id = call.gateway.vault.signer(LINKS).verify(call.path["signed"], call.gateway.clock.now())
    job = None if id is None else await call.gateway.store.get(JOBS, id)
    if job is None or job.file is None:
        raise NotFound("This link is not good, or no longer.")
    file = Media(
        id=job.id,
        created_at=job.created_at,
        updated_at=job.updated_at,
        kind="document",
        state="stored",
        mime_type="application/zip",
        size=job.result["size"],
        sha256=job.file,
        filename=f"{job.id}.zip",
    )
    return await send_file(call.request, call.gateway.media, file)


async def the_job(call: Call) -> Job:
    """The job that the path names, for those who may see it. Raises ``NotFound``."""
    id = call.path["job_id"]
    job = await call.gateway.inbox.get(JOBS, id)
    if job is None or not (call.rows.all or job.created_by == call.principal.id):
        raise missing(JOBS, id)
    return job


def shown(call: Call, job: Job) -> dict[str, Any]:
    """The job, with a link to its file."""
    file = None
    if job.file is not None and job.expires_at is not None:
        now = call.gateway.clock.now()
        expires = min(job.expires_at, now + LINK_FOR).replace(microsecond=0)
        root = (call.gateway.settings.http.public_url or "").rstrip("/")
        token = call.gateway.vault.signer(LINKS).sign(job.id, expires)
        file = {"url": f"{root}/jobs/files/{token}", "expires_at": rfc3339(expires)}
    return {**job_view(job), "file": file}


def queued(job: Job) -> Answer:
    """The answer to a request for long work: 202, and where to look."""
    return Answer(
        {**job_view(job), "file": None}, status=202, version=job.version, location=f"{API_ROOT}/jobs/{job.id}"
    )
