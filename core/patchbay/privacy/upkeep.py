"""Chores of time: jobs that expired go with their files, the retention rules run once a day."""

from __future__ import annotations

from functools import partial

from patchbay.jobs.runner import JobRunner
from patchbay.privacy.retention import queue_when_due
from patchbay.service import Inbox
from patchbay.settings import RetentionSettings

EVERY_S = 60.0


class Upkeep:
    """Called again and again, it does something once a minute."""

    def __init__(self, inbox: Inbox, jobs: JobRunner, rules: RetentionSettings) -> None:
        self._inbox = inbox
        self._jobs = jobs
        self._rules = rules
        self._next_at = inbox.clock.monotonic()

    async def __call__(self) -> None:
        now = self._inbox.clock.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + EVERY_S
        await self._jobs.drop_expired()
        await self._inbox.run(partial(queue_when_due, rules=self._rules))
