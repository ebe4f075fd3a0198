"""Retention rules: what is old goes, what is not stays, and a dry run changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from patchbay.collections import JOBS, MEDIA, NOTES
from patchbay.jobs.commands import queue_job
from patchbay.jobs.runner import Work
from patchbay.model.job import Job
from patchbay.privacy.retention import KIND, Retention, queue_when_due
from patchbay.settings import RetentionSettings
from tests.core.privacy.house import ended, found_in, once
from tests.core.web.resources.conftest import House

RULES = RetentionSettings(messages_days=30, media_days=10, notes_days=20)


async def run(house: House, *, dry_run: bool, rules: RetentionSettings = RULES) -> dict[str, Any]:
    """One run of the rules, as the runner does it."""
    gateway = house.gateway

    def claimed(uow: Any) -> Job:
        from patchbay.jobs.commands import claim_job

        queued = queue_job(uow, KIND, created_by=None, arguments={"dry_run": dry_run})
        job = claim_job(uow, queued.id, "test", timedelta(days=1), alone=True, give_up=True)
        assert job is not None
        return job

    await gateway.jobs.stop(1.0)
    job = await gateway.inbox.run(claimed)
    made = await Retention(gateway.media_store, rules).run(Work(gateway.inbox, job, asyncio.Event()))
    counts: dict[str, Any] = made.result["counts"]
    return counts


async def test_what_is_old_goes_and_what_is_new_stays(house: House, tmp_path: Path) -> None:
    first = await house.say("canaryold hello")
    await house.say("canaryold again")
    conversation = first["conversation_id"]
    await house.post(f"/conversations/{conversation}/notes", {"text": "canaryold note"})
    old = await house.gateway.media.upload(once(b"canaryold letter"), "old.txt", None)
    house.clock.shift = timedelta(days=25)
    new = await house.gateway.media.upload(once(b"a newer letter"), "new.txt", None)
    await house.say("newer")
    house.clock.shift = timedelta(days=31)
    before = await house.gateway.store.head()
    assert await run(house, dry_run=True) == {"messages": 2, "files": 1, "notes": 1}
    told = [event.type for event in await house.gateway.store.read(before, 1000)]
    assert set(told) <= {"job.created"}
    assert await run(house, dry_run=False) == {"messages": 2, "files": 1, "notes": 1}

    shown = (await house.get(f"/conversations/{conversation}/messages")).body["data"]
    assert sorted((each["seq"], each["text_content"]) for each in shown) == [(1, ""), (2, ""), (4, "newer")]
    media = await house.gateway.store.get_many(MEDIA, [old.id, new.id])
    assert [media[old.id].state, media[new.id].state] == ["purged", "stored"]
    assert await house.gateway.store.count(_all_notes()) == 0
    timeline = (await house.get(f"/conversations/{conversation}/timeline")).body["data"]
    assert len(timeline) == 4  # a line says that a note was there
    left = found_in(tmp_path, ["canaryold"])
    assert set(left) <= {"patchbay.db"}  # the log and the journal have days of their own
    assert await run(house, dry_run=False) == {"messages": 0, "files": 0, "notes": 0}


def _all_notes() -> Any:
    from patchbay.ports import Query

    return Query(NOTES)


async def test_without_rules_everything_stays(house: House) -> None:
    await house.say("Hello")
    house.clock.shift = timedelta(days=10_000)
    assert await run(house, dry_run=False, rules=RetentionSettings()) == {}
    answer = await house.get("/conversations")
    assert answer.body["data"][0]["last_message"]["preview"] == "Hello"


async def test_the_rules_run_once_a_day_where_there_are_any(house: House) -> None:
    await house.gateway.jobs.stop(1.0)

    async def due(rules: RetentionSettings) -> bool:
        return await house.gateway.inbox.run(lambda uow: queue_when_due(uow, rules))

    assert not await due(RetentionSettings())
    assert await due(RULES)
    assert not await due(RULES)
    house.clock.shift = timedelta(hours=23)
    assert not await due(RULES)
    house.clock.shift = timedelta(hours=25)
    assert await due(RULES)
    assert not await due(RULES)


async def test_a_run_by_hand_is_a_job_that_only_counts_unless_told(house: House) -> None:
    job = await ended(house, await house.post("/retention/run"))
    assert (job["state"], job["result"]["dry_run"], job["result"]["counts"]) == ("done", True, {})
    assert (await house.post("/retention/run", {"dry_run": "no idea"})).status == 422
    assert (await house.post("/retention/run", who="reader")).status == 403
    assert (await house.gateway.store.get(JOBS, job["id"])) is not None
