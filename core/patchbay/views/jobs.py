"""Jobs on the wire. No IO."""

from __future__ import annotations

from patchbay.model.job import Job
from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay.views.parts import View


def job_view(job: Job) -> View:
    """Without the link to the file that it made: REST adds that, for a while, to whoever looks."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "subject_id": job.subject_id,
        "progress": {"done": job.progress.done, "total": job.progress.total},
        "errors": [{"item": error.item, "code": error.code, "message": error.message} for error in job.errors],
        "result": job.result,
        "created_by": job.created_by,
        "cancel_requested": job.cancel_requested,
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339_or_none(job.started_at),
        "finished_at": rfc3339_or_none(job.finished_at),
        "expires_at": rfc3339_or_none(job.expires_at),
        "updated_at": rfc3339(job.updated_at),
        "version": job.version,
    }
