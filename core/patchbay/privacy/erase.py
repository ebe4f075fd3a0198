"""Forgetting a person: everything that says something about them goes, that something was goes on.

The order matters. First nothing new can come in, then the documents, then what speaks of them elsewhere (the journal,
the log), then what the store itself may have kept. Each step may be done again: a kill costs time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from msgspec import convert, to_builtins

from patchbay.collections import (
    ACTIVITIES,
    CONTACTS,
    IDEMPOTENCY,
    IDENTITIES,
    JOBS,
    MEDIA,
    MESSAGES,
    NOTES,
    OUTBOX,
    PARKED,
    THREADS,
    WITHHELD,
)
from patchbay.inbox.audiences import of_contact
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import note_progress
from patchbay.jobs.runner import LEASE, Work
from patchbay.model.document import Document
from patchbay.model.ids import message_id
from patchbay.model.job import Job
from patchbay.model.message import Message
from patchbay.ports import MediaStore, Query, RawQuery, Where
from patchbay.privacy import erasing
from patchbay.privacy.forgetting import BATCH, Counted, Forgetting, batches, take_file
from patchbay.privacy.person import Person, pages, person_of
from patchbay.privacy.traces import Traces, amended, is_amended, is_redacted
from patchbay.views import contact_view

KIND = "contact_erase"
LISTED = 200
D = TypeVar("D", bound=Document)


class Eraser:
    """The kind of job that erases a contact. ``forget_log`` lets go of events that are held in memory."""

    name = KIND
    can_stop = False  # half a person would be left

    def __init__(self, media_store: MediaStore, key: Callable[[], tuple[str, bytes]], forget_log: Callable[[], None]):
        self._media_store = media_store
        self._key = key
        self._forget_log = forget_log

    async def run(self, work: Work) -> Counted:
        return await _Erasure(work, self._media_store, self._key, self._forget_log).run()


class _Erasure(Forgetting):
    """One job at work. What it must not lose is in the job's memo, which goes before the end."""

    def __init__(
        self,
        work: Work,
        media_store: MediaStore,
        key: Callable[[], tuple[str, bytes]],
        forget_log: Callable[[], None],
    ) -> None:
        super().__init__(work, media_store)
        self._key = key
        self._forget_log = forget_log
        self._done = 0

    async def run(self) -> Counted:
        work = self.work
        if "scrubbing" not in work.job.memo:
            person = await self._person()
            await self._seal_off(person)
            for thread_id in person.thread_ids:
                await self._thread(thread_id)
            await self._groups(person)
            await self._notes(Where("contact_id", "in", person.contact_ids))
            await self._files_of_nobody_else(person)
            await self._waiting(person)
            await self._made_for(person)
            await self.drop_bytes()
            traces = Traces(person, self.listed("media"))
            await self._journal(traces)
            await self._log(traces)
            # what it was that had to be looked for must not be found either
            await work.note(memo={"scrubbing": True, "counts": self.counts})
        await self.store.scrub()
        await self._tell()
        return Counted(self.counts)

    async def _person(self) -> Person:
        """Who it is, as they were before anything was erased."""
        known = self.work.job.memo.get("person")
        if known is not None:
            return convert(known, Person)
        person = await person_of(self.store, self.work.job.subject_id or "")
        await self.work.remember(person=to_builtins(person), media=[], digests=[], uploads=list(person.avatar_ids))
        return person

    async def _seal_off(self, person: Person) -> None:
        """Once: by the next try somebody new may be known by the same key."""
        if "sealed" in self.work.job.memo:
            return

        def command(uow: UnitOfWork) -> Job:
            erasing.seal_off(uow, person, self._fingerprint)
            return note_progress(uow, self.work.job, LEASE, memo={**self.work.job.memo, "sealed": True})

        self.work.job = await self.inbox.run(command)

    async def _tell(self) -> None:
        """Let the log say that it is done, once."""
        if "told" in self.work.job.memo:
            return

        def command(uow: UnitOfWork) -> Job:
            contact = uow.need(CONTACTS, self.work.job.subject_id or "")
            data = {**contact_view(contact), "erased": self.counts}
            uow.emit("contact.erased", "contact", contact.id, data, audience=of_contact(uow, contact))
            return note_progress(uow, self.work.job, LEASE, memo={**self.work.job.memo, "told": True})

        self.work.job = await self.inbox.run(command)

    def _fingerprint(self, scope: str, kind: str, value: str) -> str:
        key_id, key = self._key()
        said = f"{scope}\x1f{kind}\x1f{value}".encode("utf-8", "surrogatepass")
        if value.startswith("erased:"):
            return value
        return f"erased:{key_id}:{hmac.digest(key, said, hashlib.sha256).hex()}"

    # documents

    async def _thread(self, thread_id: str) -> None:
        on_it = Where("thread_id", "eq", thread_id)
        async for batch in batches(pages(self.store, Query(MESSAGES, (on_it,), sort="seq")), BATCH):
            fresh = [message.id for message in batch if not erasing.is_erased(message)]
            if fresh:
                await self.take(partial(erasing.erase_messages, message_ids=fresh), thread_id, "messages", len(fresh))
            self._done += len(batch)
            await self.work.progress(self._done)
        await self._notes(on_it)
        async for activities in batches(pages(self.store, Query(ACTIVITIES, (on_it,), sort="seq")), LISTED):
            ids = [activity.id for activity in activities]
            await self.inbox.run(partial(erasing.erase_activities, activity_ids=ids), lane=thread_id)
        async for entries in batches(pages(self.store, Query(OUTBOX, (on_it,))), LISTED):
            ids = [entry.id for entry in entries]
            await self.inbox.run(partial(erasing.erase_entries, entry_ids=ids), lane=thread_id)

    async def _notes(self, where: Where) -> None:
        index = "seq" if where.field == "thread_id" else "created_at"
        async for notes in batches(pages(self.store, Query(NOTES, (where,), sort=index)), BATCH):
            written = [note for note in notes if not erasing.is_empty(note)]
            if written:
                await self.take(partial(erasing.erase_notes, notes=written), written[0].id, "notes", len(written))

    async def _groups(self, person: Person) -> None:
        """What they wrote among others."""
        groups = Query(IDENTITIES, (Where("kind", "eq", "wa_group"),), sort="id")
        async for group in pages(self.store, groups):
            async for thread in pages(self.store, Query(THREADS, (Where("identity_id", "eq", group.id),))):
                messages = pages(self.store, Query(MESSAGES, (Where("thread_id", "eq", thread.id),), sort="seq"))
                async for batch in batches(messages, BATCH):
                    theirs = [m.id for m in batch if _takes_part(m, person) and not erasing.is_erased(m)]
                    if theirs:
                        erase = partial(erasing.erase_in_group, message_ids=theirs, person=person)
                        await self.take(erase, thread.id, "messages", len(theirs))
                    await self.work.breathe()

    async def _files_of_nobody_else(self, person: Person) -> None:
        """Files that were uploaded and sent to them, where nobody else got them: each message of others is asked."""
        left = set(self.listed("uploads"))
        for collection in (MESSAGES, NOTES):
            if not left:
                return
            others: Query[Any] = Query(collection)
            async for document in pages(self.store, others):
                if document.thread_id not in person.thread_ids:
                    left -= erasing.media_ids(document)
        found = await self.store.get_many(MEDIA, sorted(left))
        for media in found.values():
            if media.state == "purged":
                continue
            await self.take(partial(take_file, media_id=media.id), media.thread_id or media.id)

    async def _waiting(self, person: Person) -> None:
        """What waits to be applied or asked for, and what repeated requests would be answered."""
        traces = Traces(person, self.listed("media"))
        async for parked in batches(pages(self.store, Query(PARKED)), LISTED):
            ids = [
                each.id
                for each in parked
                if each.thread_id in person.thread_ids or traces.in_text("\n".join(each.items))
            ]
            await self.inbox.run(partial(erasing.forget_parked, parked_ids=ids))
        async for withheld in batches(pages(self.store, Query(WITHHELD)), LISTED):
            shown = {message_id(each.account_id, each.external_id): each.id for each in withheld}
            messages = await self.store.get_many(MESSAGES, list(shown))
            ids = [shown[id] for id, message in messages.items() if message.thread_id in person.thread_ids]
            await self.inbox.run(partial(erasing.forget_withheld, withheld_ids=ids))
        async for records in batches(pages(self.store, Query(IDEMPOTENCY)), LISTED):
            ids = [each.id for each in records if traces.in_text(each.body)]
            await self.inbox.run(partial(erasing.blank_answers, record_ids=ids))

    async def _made_for(self, person: Person) -> None:
        """Exports of them, and the files they are in."""
        where = (Where("subject_id", "in", person.contact_ids),)
        async for job in pages(self.store, Query(JOBS, where)):
            if job.file is not None:
                await self.media_store.delete(job.file)
                await self.inbox.run(partial(_without_file, job_id=job.id))
                self.count("exports", 1)

    # the past

    async def _journal(self, traces: Traces) -> None:
        cursor: str | None = None
        while True:
            page = await self.store.raws(RawQuery(limit=LISTED, cursor=cursor))
            theirs = [raw.id for raw in page.items if not is_redacted(raw) and traces.in_raw(raw)]
            if theirs:
                self.count("webhooks", await self.store.redact(theirs))
            for raw in page.items:
                lost = sum(item.outcome in ("unroutable", "quarantined") for item in raw.items)
                if raw.id in theirs and lost:
                    told = f"{lost} of its items were never applied; they are erased with the rest."
                    await self.work.error("unapplied_items", told, raw.id)
            if page.next is None:
                return
            cursor = page.next
            await self.work.breathe()

    async def _log(self, traces: Traces) -> None:
        after, head = await self.store.oldest() - 1, await self.store.head()
        while after < head:
            events = await self.store.read(after, LISTED)
            if not events:
                break
            theirs = [amended(event) for event in events if traces.in_event(event) and not is_amended(event)]
            if theirs:
                self.count("events", await self.store.amend(theirs))
            after = events[-1].position
            await self.work.breathe()
        self._forget_log()


def _takes_part(message: Message, person: Person) -> bool:
    return message.author.id in person.contact_ids or any(
        each.actor.id in person.contact_ids and each.actor.name for each in message.reactions
    )


def _without_file(uow: UnitOfWork, job_id: str) -> None:
    job = uow.get(JOBS, job_id)
    if job is not None and job.file is not None:
        uow.put(JOBS, job, file=None, result={})
