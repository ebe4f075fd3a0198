"""Jobs: done once, taken up again, called off, and shown to whom they concern."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from patchbay.collections import JOBS
from patchbay.errors import StateConflict
from patchbay.jobs.commands import ATTEMPTS_AT_MOST, queue_job
from patchbay.jobs.runner import AGAIN_AFTER, JobRunner, Work
from patchbay.model.job import Job
from patchbay.model.outbox import Lease
from patchbay.privacy.forgetting import Counted
from tests.core.privacy.house import ended
from tests.core.web.resources.conftest import House


@dataclass
class Steps:
    """Counts to five, remembering each; ``fails`` are the steps at which it fails the first time."""

    name: str = "steps"
    can_stop: bool = True
    fails: set[int] = field(default_factory=set)
    held: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[int] = field(default_factory=list)

    async def run(self, work: Work) -> Counted:
        for step in range(work.job.memo.get("step", 0), 5):
            if step in self.fails:
                self.fails.discard(step)
                raise StateConflict("Not now.")
            self.taken.append(step)
            await work.remember(step=step + 1)
            self.reached.set()
            if self.held is not None:
                await self.held.wait()
            await work.progress(step + 1, 5)
        return Counted({"steps": 5})


def runner(house: House, kind: Steps, owner: str = "test") -> JobRunner:
    gateway = house.gateway
    return JobRunner(gateway.inbox, {kind.name: kind}, gateway.media_store, owner=owner, alone=True)


async def queue(house: House, kind: str = "steps", **fields: Any) -> Job:
    """A job that the gateway's own runner leaves alone: its kinds are others."""
    job = await house.gateway.inbox.run(partial(queue_job, kind=kind, created_by="ann", **fields))
    return await state_of(house, job.id)


async def state_of(house: House, id: str) -> Job:
    job = await house.gateway.store.get(JOBS, id)
    assert job is not None
    return job


async def worked(house: House, work: JobRunner, id: str) -> Job:
    """Run it until the job has ended."""
    running = asyncio.ensure_future(work.run())
    job = await once_it(house, id, lambda job: job.has_ended)
    await work.stop(1.0)
    await running
    return job


async def once_it(house: House, id: str, is_so: Callable[[Job], bool]) -> Job:
    """The job, as soon as a commit leaves it so."""
    changed = asyncio.Event()
    house.gateway.inbox.watch(JOBS, lambda *_: changed.set())
    async with asyncio.timeout(20):
        while not is_so(job := await state_of(house, id)):
            await changed.wait()
            changed.clear()
    return job


async def alone(house: House) -> None:
    """The gateway's own runner takes nothing: a test has its own."""
    await house.gateway.jobs.stop(1.0)


async def test_a_job_is_done_and_says_what_came_of_it(house: House) -> None:
    await alone(house)
    job = await queue(house)
    kind = Steps()
    done = await worked(house, runner(house, kind), job.id)
    assert (done.state, done.result, done.memo, done.lease) == ("done", {"steps": 5}, {}, None)
    assert kind.taken == [0, 1, 2, 3, 4]
    assert done.expires_at is not None
    assert done.finished_at is not None
    assert done.expires_at - done.finished_at == timedelta(days=7)
    assert [type for type in await house.told() if type.startswith("job.")] == ["job.created", "job.finished"]


async def test_one_that_a_dead_process_left_behind_goes_on_where_it_was(house: House) -> None:
    await alone(house)
    job = await queue(house)
    first = Steps(held=asyncio.Event())
    dead = runner(house, first, owner="dead")
    running = asyncio.ensure_future(dead.run())
    async with asyncio.timeout(20):
        await first.reached.wait()
    for task in [running, *dead._tasks._tasks]:
        task.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = await state_of(house, job.id)
    assert (left.state, left.memo) == ("running", {"step": 1})
    second = Steps()
    done = await worked(house, runner(house, second, owner="next"), job.id)
    assert second.taken == [1, 2, 3, 4]
    assert (done.state, done.attempts) == ("done", 2)


async def test_a_stopped_gateway_hands_its_job_to_the_next(house: House) -> None:
    await alone(house)
    job = await queue(house)
    kind = Steps(held=asyncio.Event())
    ending = runner(house, kind)
    running = asyncio.ensure_future(ending.run())
    async with asyncio.timeout(20):
        await kind.reached.wait()
        ending._ending.set()
        assert kind.held is not None
        kind.held.set()
        await ending.stop(5.0)
        await running
    left = await state_of(house, job.id)
    assert (left.state, left.attempts, left.memo) == ("queued", 0, {"step": 1})


async def test_what_fails_is_tried_again_later_and_given_up_in_the_end(house: House) -> None:
    await alone(house)
    job = await queue(house)
    kind = Steps(fails={2})
    work = runner(house, kind)
    running = asyncio.ensure_future(work.run())
    waiting = await once_it(house, job.id, lambda job: job.state == "queued" and job.attempts == 1)
    await work.stop(1.0)
    await running
    assert timedelta(0) <= AGAIN_AFTER - (waiting.not_before - waiting.updated_at) < timedelta(seconds=1)
    house.clock.shift += AGAIN_AFTER
    done = await worked(house, runner(house, kind), job.id)
    assert (done.state, kind.taken) == ("done", [0, 1, 2, 3, 4])

    def tried(uow: Any) -> None:
        lease = Lease(owner="dead", until=uow.now, token=1)
        uow.put(JOBS, uow.need(JOBS, other.id), state="running", attempts=ATTEMPTS_AT_MOST, lease=lease)

    other = await queue(house)
    await house.gateway.inbox.run(tried)
    failed = await worked(house, runner(house, Steps()), other.id)
    assert (failed.state, [error.code for error in failed.errors]) == ("failed", ["given_up"])
    third = await queue(house)
    other = third
    await house.gateway.inbox.run(tried)
    assert (await worked(house, runner(house, Steps(can_stop=False)), third.id)).state == "done"


async def test_a_kind_that_nobody_does_fails_by_name(house: House) -> None:
    job = await queue(house, kind="dance")
    shown = await house.until(partial(_ended, house, job.id))
    assert (shown["state"], shown["errors"][0]["code"]) == ("failed", "unknown_kind")


async def _ended(house: House, id: str) -> dict[str, Any] | None:
    shown = (await house.get(f"/jobs/{id}")).body
    return dict(shown) if shown["finished_at"] else None


async def test_a_job_is_called_off_at_once_or_at_its_next_step(house: House) -> None:
    await alone(house)
    waiting = await queue(house)
    answer = await house.post(f"/jobs/{waiting.id}/cancel")
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    again = await house.post(f"/jobs/{waiting.id}/cancel")
    assert (again.status, again.code) == (409, "not_cancellable")

    running = await queue(house)
    kind = Steps(held=asyncio.Event())
    work = runner(house, kind)
    going = asyncio.ensure_future(work.run())
    async with asyncio.timeout(20):
        await kind.reached.wait()
        asked = await house.post(f"/jobs/{running.id}/cancel")
        assert (asked.body["state"], asked.body["cancel_requested"]) == ("running", True)
        assert kind.held is not None
        kind.held.set()
    job = await once_it(house, running.id, lambda job: job.has_ended)
    await work.stop(1.0)
    await going
    assert (job.state, kind.taken) == ("cancelled", [0])


async def test_an_erasure_that_began_is_not_called_off(house: House) -> None:
    await alone(house)
    contact = (await house.say())["author"]["id"]
    job = await queue(house, kind="contact_erase", subject_id=contact)

    def begun(uow: Any) -> None:
        uow.put(JOBS, uow.need(JOBS, job.id), state="running", attempts=1)

    await house.gateway.inbox.run(begun)
    refused = await house.post(f"/jobs/{job.id}/cancel")
    assert (refused.status, refused.code) == (409, "not_cancellable")


async def test_a_repeated_request_gets_the_same_job(house: House) -> None:
    contact = (await house.say())["author"]["id"]
    first = await house.post(f"/contacts/{contact}/export", Idempotency_Key="one")
    second = await house.post(f"/contacts/{contact}/export", Idempotency_Key="one")
    assert first.body["id"] == second.body["id"]
    assert second.response.headers["Idempotency-Replayed"] == "true"
    assert (await ended(house, second))["state"] == "done"
    assert (await house.get("/jobs/job_nothing")).status == 404
    assert (await house.get(f"/jobs/{first.body['id']}", who="")).status == 401
