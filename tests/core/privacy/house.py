"""The whole gateway with jobs and data protection mounted, and short ways to use them."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from patchbay.collections import JOBS
from patchbay.model.job import Job
from patchbay.web import (
    channels,
    contact_timeline,
    contacts,
    conversations,
    events,
    ingest_events,
    jobs,
    lifecycle,
    live,
    media,
    messages,
    notes,
    openapi,
    privacy,
    timeline,
    webhooks,
)
from tests.core.web.resources.conftest import Answered, House

MODULES = (
    channels,
    contact_timeline,
    contacts,
    conversations,
    events,
    ingest_events,
    jobs,
    lifecycle,
    live,
    media,
    messages,
    notes,
    openapi,
    privacy,
    timeline,
    webhooks,
)


async def ended(house: House, answer: Answered) -> dict[str, Any]:
    """The job that a request queued, once nothing more is done about it."""
    assert answer.status == 202, answer.body
    where = answer.response.headers["Location"].removeprefix("/api/v1")

    async def look() -> dict[str, Any] | None:
        shown = (await house.get(where)).body
        return dict(shown) if shown["state"] in ("done", "failed", "cancelled") else None

    return await house.until(look)


async def erased(house: House, contact_id: str) -> dict[str, Any]:
    job = await ended(house, await house.post(f"/contacts/{contact_id}/erase", {"confirm": contact_id}))
    assert job["state"] == "done", job
    return job


async def exported(house: House, contact_id: str) -> ZipFile:
    """The export of a contact, whole and sound."""
    job = await ended(house, await house.post(f"/contacts/{contact_id}/export"))
    assert job["state"] == "done", job
    answer = await house.client.get(job["file"]["url"])
    assert answer.status == 200
    archive = ZipFile(io.BytesIO(await answer.read()))
    assert archive.testzip() is None
    return archive


def lines(archive: ZipFile, name: str) -> list[Any]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


def found_in(folder: Path, canaries: list[str]) -> dict[str, list[str]]:
    """Which canaries occur in which files, plain or as JSON writes them."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            body = path.read_bytes()
            held = [canary for canary in canaries if canary.encode() in body]
            if held:
                found[path.name] = held
    return found


async def job_of(house: House, id: str) -> Job:
    job = await house.gateway.store.get(JOBS, id)
    assert job is not None
    return job


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content
