"""Everything that is known about a person, as one zip of JSON and files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from msgspec.json import decode, encode, format

from patchbay.collections import ACTIVITIES, CONTACTS, CONVERSATIONS, IDENTITIES, MEDIA, MESSAGES, NOTES, THREADS
from patchbay.errors import NotFound
from patchbay.jobs.runner import Work
from patchbay.model.media import Media
from patchbay.model.message import Message
from patchbay.model.times import rfc3339
from patchbay.ports import MediaStore, Query, RawQuery, Where
from patchbay.privacy.archive import Archive
from patchbay.privacy.erasing import media_ids
from patchbay.privacy.person import Person, pages, person_of
from patchbay.privacy.traces import Traces
from patchbay.views import (
    activity_view,
    contact_view,
    conversation_view,
    identity_view,
    media_view,
    message_view,
    note_view,
    raw_event_view,
    receipts_view,
    revisions_view,
    window_view,
)

KIND = "contact_export"
MOST_BYTES = 64 * 2**30  # of one export
LISTED = 200
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

README = """\
Everything that this inbox knows about one person, made {made_at}.

contact.json                the person as the inbox knows them: name, attributes, tags, consent; with contacts that were
                            found to be the same person and merged
identities.json             what each channel knows them by: phone numbers, usernames, ids
conversations.json          each piece of work with them: its state, when it began and ended, who had it
threads/ID/messages.ndjson  what was said on one channel, in order, a message per line: its whole content, reactions,
                            receipts, and what it said before it was edited
threads/ID/notes.ndjson     what agents noted beside it
threads/ID/activities.ndjson  what was done to the conversations
threads/ID/thread.json      which channel account it was, and until when an answer was allowed
groups/ID.ndjson            what they wrote in groups of others
notes.ndjson                what agents noted about the person
media.json                  every file that was exchanged: its kind, size and state
media/                      the files themselves, by the id that the messages name them by
events.ndjson               the log of what happened, as far as it is still kept, where it names them
webhooks.ndjson             when providers delivered something about them, and what became of it; what it said is in the
                            messages, and the delivery as a whole may speak of others
.ndjson files hold one JSON document per line. Times are UTC.
"""


@dataclass(frozen=True)
class Exported:
    result: dict[str, Any]
    file: str | None


class Exporter:
    """The kind of job that exports a contact."""

    name = KIND
    can_stop = True

    def __init__(self, media_store: MediaStore) -> None:
        self._media_store = media_store

    async def run(self, work: Work) -> Exported:
        contact_id = work.job.subject_id or ""
        writing = _Export(work, self._media_store, await person_of(work.inbox.store, contact_id))
        blob = await self._media_store.write(writing.chunks(), max_bytes=MOST_BYTES)
        contact = await work.inbox.get(CONTACTS, contact_id)
        if contact is None or contact.status == "erased":
            await self._media_store.delete(blob.sha256)
            raise NotFound("The contact was erased meanwhile.")
        return Exported({**writing.counts, "size": blob.size, "sha256": blob.sha256}, blob.sha256)


class _Export:
    def __init__(self, work: Work, media_store: MediaStore, person: Person) -> None:
        self._work = work
        self._store = work.inbox.store
        self._media_store = media_store
        self._person = person
        self._archive = Archive(work.inbox.clock.now())
        self._named: set[str] = set(person.avatar_ids)  # files, as they are met
        self._done = 0
        self.counts: dict[str, int] = {"messages": 0, "files": 0}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The zip, from its first byte to its last."""
        made_at = rfc3339(self._work.inbox.clock.now())
        async for chunk in self._add("README.txt", _once(README.format(made_at=made_at).encode())):
            yield chunk
        for name, content in (
            ("contact.json", await self._contacts()),
            ("identities.json", await self._identities()),
            ("conversations.json", await self._conversations()),
        ):
            async for chunk in self._add(name, _once(format(encode(content), indent=2))):
                yield chunk
        for thread_id in self._person.thread_ids:
            for name, lines in self._of_thread(thread_id):
                async for chunk in self._add(f"threads/{thread_id}/{name}", lines):
                    yield chunk
        for thread_id in await self._groups():
            async for chunk in self._add(f"groups/{thread_id}.ndjson", self._messages(thread_id, only_theirs=True)):
                yield chunk
        notes = self._notes(Where("contact_id", "in", self._person.contact_ids), "created_at")
        for name, lines in (
            ("notes.ndjson", notes),
            ("events.ndjson", self._events()),
            ("webhooks.ndjson", self._raws()),
        ):
            async for chunk in self._add(name, lines):
                yield chunk
        async for chunk in self._media():
            yield chunk
        yield self._archive.close()

    def _add(self, name: str, chunks: AsyncIterator[bytes], *, packed: bool = True) -> AsyncIterator[bytes]:
        return self._archive.add(name, chunks, packed=packed)

    async def _contacts(self) -> dict[str, Any]:
        found = await self._store.get_many(CONTACTS, self._person.contact_ids)
        contact, *merged = [found[id] for id in self._person.contact_ids if id in found]
        return {**contact_view(contact), "merged": [contact_view(each) for each in merged]}

    async def _identities(self) -> list[dict[str, Any]]:
        found = await self._store.get_many(IDENTITIES, self._person.identity_ids)
        return [{**identity_view(identity), "line_id": identity.line_id} for identity in found.values()]

    async def _conversations(self) -> list[dict[str, Any]]:
        found = await self._store.get_many(CONVERSATIONS, self._person.conversation_ids)
        return [conversation_view(each, None, None) for each in sorted(found.values(), key=lambda each: each.number)]

    def _of_thread(self, thread_id: str) -> Iterable[tuple[str, AsyncIterator[bytes]]]:
        yield "thread.json", self._thread(thread_id)
        yield "messages.ndjson", self._messages(thread_id)
        yield "notes.ndjson", self._notes(Where("thread_id", "eq", thread_id), "seq")
        yield "activities.ndjson", self._activities(thread_id)

    async def _thread(self, thread_id: str) -> AsyncIterator[bytes]:
        thread = await self._store.get(THREADS, thread_id)
        if thread is not None:
            shown = {
                "id": thread.id,
                "account_id": thread.account_id,
                "channel": thread.channel,
                "window": window_view(thread.window),
                "last_seq": thread.last_seq,
            }
            yield format(encode(shown), indent=2)

    async def _messages(self, thread_id: str, *, only_theirs: bool = False) -> AsyncIterator[bytes]:
        query = Query(MESSAGES, (Where("thread_id", "eq", thread_id),), sort="seq")
        async for message in pages(self._store, query):
            self._done += 1
            await self._work.progress(self._done)
            if only_theirs and message.author.id not in self._person.contact_ids:
                continue
            self._named |= media_ids(message)
            self.counts["messages"] += 1
            yield _line(_message(message))

    async def _groups(self) -> list[str]:
        """Threads of groups in which they wrote."""
        found: list[str] = []
        async for group in pages(self._store, Query(IDENTITIES, (Where("kind", "eq", "wa_group"),))):
            async for thread in pages(self._store, Query(THREADS, (Where("identity_id", "eq", group.id),))):
                if thread.id in self._person.thread_ids:
                    continue
                query = Query(MESSAGES, (Where("thread_id", "eq", thread.id),), sort="seq")
                async for message in pages(self._store, query):
                    if message.author.id in self._person.contact_ids:
                        found.append(thread.id)
                        break
        return found

    async def _notes(self, where: Where, sort: str) -> AsyncIterator[bytes]:
        async for note in pages(self._store, Query(NOTES, (where,), sort=sort)):
            self._named |= media_ids(note)
            yield _line(note_view(note))

    async def _activities(self, thread_id: str) -> AsyncIterator[bytes]:
        query = Query(ACTIVITIES, (Where("thread_id", "eq", thread_id),), sort="seq")
        async for activity in pages(self._store, query):
            yield _line(activity_view(activity))

    async def _events(self) -> AsyncIterator[bytes]:
        traces = Traces(self._person, self._named)
        after, head = await self._store.oldest() - 1, await self._store.head()
        while after < head and (events := await self._store.read(after, LISTED)):
            for event in events:
                if traces.in_event(event):
                    told = {"position": event.position, "type": event.type, "occurred_at": rfc3339(event.occurred_at)}
                    yield _line({**told, "data": decode(event.data)})
            after = events[-1].position
            await self._work.progress(self._done)

    async def _raws(self) -> AsyncIterator[bytes]:
        traces = Traces(self._person)
        cursor: str | None = None
        while True:
            page = await self._store.raws(RawQuery(limit=LISTED, cursor=cursor))
            for raw in page.items:
                if traces.in_raw(raw):
                    shown = raw_event_view(raw)
                    del shown["items"]  # they may be others'
                    yield _line(shown)
            if page.next is None:
                return
            cursor = page.next
            await self._work.progress(self._done)

    async def _media(self) -> AsyncIterator[bytes]:
        ids = sorted(self._named)
        shown: list[dict[str, Any]] = []
        for start in range(0, len(ids), LISTED):
            found = await self._store.get_many(MEDIA, ids[start : start + LISTED])
            for media in found.values():
                name = None
                if media.state == "stored" and media.sha256 is not None and await self._media_store.size(media.sha256):
                    name = _file_name(media)
                    async for chunk in self._add(name, self._file(media.sha256), packed=False):
                        yield chunk
                    self.counts["files"] += 1
                shown.append({**media_view(media), "file": name})
        async for chunk in self._add("media.json", _once(format(encode(shown), indent=2))):
            yield chunk

    async def _file(self, digest: str) -> AsyncIterator[bytes]:
        async for chunk in self._media_store.read(digest):
            yield chunk
            await self._work.progress(self._done)


def _message(message: Message) -> dict[str, Any]:
    return {
        **message_view(message),
        "receipts": receipts_view(message),
        "revisions": revisions_view(message),
        "options": message.options,
        "raw_event_id": message.raw_event_id,
    }


def _file_name(media: Media) -> str:
    """By its id, so that no name leads out of the folder or hides another."""
    name = _UNSAFE.sub("_", media.filename or "")[-80:].lstrip(".")
    return f"media/{media.id}-{name}" if name else f"media/{media.id}"


def _line(value: Any) -> bytes:
    return encode(value) + b"\n"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
