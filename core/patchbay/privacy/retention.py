"""Retention rules: what people said, the files they sent and what agents noted go when they are old enough.

The log, the journal and answers to requests have rules of their own, which ``Housekeeping`` keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from patchbay.collections import ACTIVITIES, CONVERSATIONS, JOBS, MEDIA, MESSAGES, NOTES, THREADS
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import queue_job
from patchbay.jobs.runner import Work
from patchbay.model.conversation import Thread
from patchbay.model.message import Activity
from patchbay.ports import MediaStore, Query, Where
from patchbay.privacy.erasing import PURGED, erase_messages
from patchbay.privacy.forgetting import BATCH, Counted, Forgetting, Taken, batches, take_file
from patchbay.privacy.person import pages
from patchbay.settings import RetentionSettings

KIND = "retention_run"
EVERY = timedelta(days=1)


class Retention:
    """The kind of job that keeps the rules, or counts what they would take."""

    name = KIND
    can_stop = True

    def __init__(self, media_store: MediaStore, rules: RetentionSettings) -> None:
        self._media_store = media_store
        self._rules = rules

    async def run(self, work: Work) -> Counted:
        return await _Run(work, self._media_store, self._rules).run()


class _Run(Forgetting):
    def __init__(self, work: Work, media_store: MediaStore, rules: RetentionSettings) -> None:
        super().__init__(work, media_store)
        self._rules = rules
        self._dry = bool(work.job.arguments.get("dry_run"))
        self._seen = 0

    async def run(self) -> Counted:
        before = self._before(self._rules.messages_days)
        if before is not None:
            async for thread in pages(self.store, Query(THREADS)):
                if thread.created_at < before:
                    await self._messages(thread, before)
                await self._went_on()
        before = self._before(self._rules.media_days)
        if before is not None:
            await self._files(before)
        before = self._before(self._rules.notes_days)
        if before is not None:
            await self._notes(before)
        if not self._dry:
            await self.drop_bytes()
            if self.counts:
                await self.store.scrub()
        rules = {
            "messages": self._rules.messages_days,
            "files": self._rules.media_days,
            "notes": self._rules.notes_days,
        }
        counts = {kind: self.counts.get(kind, 0) for kind, days in rules.items() if days}
        return Counted({"dry_run": self._dry, "counts": counts, "days": {k: days for k, days in rules.items() if days}})

    def _before(self, days: float) -> datetime | None:
        """What was made before this moment goes; counted from when the job was asked for, so that a repeated step takes
        the same."""
        return self.work.job.created_at - timedelta(days=days) if days else None

    async def _messages(self, thread: Thread, before: datetime) -> None:
        """The beginning of a thread: places follow the order of recording."""
        where = (Where("thread_id", "eq", thread.id), Where("seq", "gt", thread.purged_to))
        async for batch in batches(pages(self.store, Query(MESSAGES, where, sort="seq")), BATCH):
            old = [message for message in batch if message.recorded_at < before]
            if old and self._dry:
                self.count("messages", len(old))
            elif old:
                ids, last = [message.id for message in old], old[-1].seq
                command = partial(purge, thread_id=thread.id, message_ids=ids, purged_to=last)
                await self.take(command, thread.id, "messages", len(old))
            await self._went_on()
            if len(old) < len(batch):
                return

    async def _files(self, before: datetime) -> None:
        where = (Where("state", "eq", "stored"), Where("created_at", "lt", before))
        async for media in pages(self.store, Query(MEDIA, where, sort="created_at")):
            if self._dry:
                self.count("files", 1)
            else:
                await self.take(partial(take_file, media_id=media.id), media.thread_id or media.id)
            await self._went_on()

    async def _notes(self, before: datetime) -> None:
        where = (Where("created_at", "lt", before),)
        async for notes in batches(pages(self.store, Query(NOTES, where, sort="created_at")), BATCH):
            if not self._dry:
                await self.inbox.run(partial(remove_notes, note_ids=[note.id for note in notes]))
            self.count("notes", len(notes))
            await self._went_on()

    async def _went_on(self) -> None:
        self._seen += 1
        await self.work.progress(self._seen)


def purge(uow: UnitOfWork, thread_id: str, message_ids: Sequence[str], purged_to: int) -> Taken:
    """Take the content of messages at the beginning of a thread."""
    thread = uow.need(THREADS, thread_id)
    uow.put(THREADS, thread, purged_to=max(thread.purged_to, purged_to))
    for id in {m.conversation_id for m in uow.get_all(MESSAGES, message_ids).values() if m.conversation_id}:
        conversation = uow.get(CONVERSATIONS, id)
        last = None if conversation is None else conversation.last_message
        if conversation is not None and last is not None and last.id in message_ids and last.preview:
            uow.put(CONVERSATIONS, conversation, last_message=replace(last, preview=""))
    return erase_messages(uow, message_ids, PURGED)


def remove_notes(uow: UnitOfWork, note_ids: Sequence[str]) -> None:
    """Remove notes; a line stays in the timeline of a conversation, so that places have no gap."""
    for note in uow.get_all(NOTES, note_ids).values():
        uow.remove(NOTES, note)
        if note.thread_id is not None and note.conversation_id is not None:
            activity = Activity(
                id=uow.ids.new("act"),
                created_at=uow.now,
                updated_at=uow.now,
                thread_id=note.thread_id,
                conversation_id=note.conversation_id,
                seq=note.seq,
                verb="note_deleted",
                actor=uow.actor,
            )
            uow.add(ACTIVITIES, activity)


def queue_when_due(uow: UnitOfWork, rules: RetentionSettings) -> bool:
    """Queue the next run where rules are set and the last one is a day ago; whether it was queued."""
    if not (rules.messages_days or rules.media_days or rules.notes_days):
        return False
    latest = uow.find(Query(JOBS, (Where("subject_id", "eq", KIND),), sort="-id", limit=1))
    if latest and uow.now - latest[0].created_at < EVERY:
        return False
    queue_job(uow, KIND, created_by=None, subject_id=KIND, arguments={"dry_run": False})
    return True
