"""An erasure that is killed at any of its writes goes on where it was, and leaves nothing either."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from patchbay.collections import JOBS
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import queue_job
from patchbay.jobs.runner import Work
from patchbay.model.job import Job
from patchbay.model.outbox import Lease
from patchbay.privacy.erase import KIND, Eraser
from patchbay.service import Inbox
from tests.core.privacy.house import found_in, once
from tests.core.web.resources.conftest import MARA, House

WORDS = ["canaryalder", "canarybeech", "canarycedar", "canaryelder"]


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """The store, until the n-th write; that one is done, and nobody hears of it."""

    def __init__(self, store: Any, writes: int) -> None:
        self._store = store
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return partial(self._write, found) if name in ("commit", "amend", "redact") else found

    async def _write(self, call: Any, *given: Any) -> Any:
        done = await call(*given)
        self._left -= 1
        if self._left == 0:
            raise Killed
        return done


def begun(uow: UnitOfWork, contact_id: str) -> Job:
    """The job, held by somebody for as long as the test takes."""
    job = queue_job(uow, KIND, created_by=None, subject_id=contact_id)
    lease = Lease(owner="test", until=uow.now + timedelta(days=1), token=1)
    return uow.put(JOBS, job, state="running", lease=lease, not_before=uow.now + timedelta(days=1))


@pytest.mark.parametrize("every", [1, 2, 3, 5, 9, 14])
async def test_a_kill_at_any_write_leaves_nothing_behind(house: House, tmp_path: Path, every: int) -> None:
    """R1 for E36: killed after each n-th write, again and again until it is through."""
    gateway = house.gateway
    message = await house.say(f"Hello {WORDS[0]}", name=f"Mara {WORDS[1]}")
    for _ in range(30):
        await house.say(f"{WORDS[0]} and more")
    await house.post(f"/conversations/{message['conversation_id']}/notes", {"text": WORDS[2]})
    stored = await gateway.media.upload(once(f"a letter {WORDS[3]}".encode()), "letter.txt", None)
    note = {"text": "see the letter", "attachments": [stored.id]}
    assert (await house.post(f"/contacts/{message['author']['id']}/notes", note)).status == 201
    job = await gateway.inbox.run(partial(begun, contact_id=message["author"]["id"]))

    kills = 0
    while True:
        mortal = Mortal(gateway.store, every)
        inbox = Inbox(mortal, gateway.bus, gateway.clock, gateway.ids)  # a cache of its own, as a new process has
        held = await gateway.store.get(JOBS, job.id)
        assert held is not None
        try:
            await Eraser(gateway.media_store, lambda: ("k", b"k" * 32), lambda: None).run(Work(inbox, held, _never()))
        except Killed:
            kills += 1
            assert kills < 200
        else:
            break
    assert kills >= 1 or every > 9
    assert found_in(tmp_path, [*WORDS, MARA]) == {}
    erased = [event for event in await gateway.store.read(0, 5000) if event.type == "contact.erased"]
    assert len(erased) == 1


def _never() -> Any:
    import asyncio

    return asyncio.Event()
