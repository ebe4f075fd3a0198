"""Taking content away a batch at a time, and the bytes of files once nothing refers to them any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from patchbay.collections import MEDIA
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import note_progress
from patchbay.jobs.runner import LEASE, Work
from patchbay.model.document import Document
from patchbay.model.job import Job
from patchbay.model.media import Media
from patchbay.ports import MediaStore, Query, Where
from patchbay.privacy.erasing import erase_media

BATCH = 25  # messages per commit
D = TypeVar("D", bound=Document)
Taken = tuple[Sequence[Media], Sequence[str]]  # files as they were, and uploads that others may refer to as well


@dataclass(frozen=True)
class Counted:
    """What a finished job shows: how much of each."""

    result: dict[str, Any]
    file: str | None = None


class Forgetting:
    """One job that takes content away. Which bytes have to go is written into its memo in the commit that forgets whose
    they were: a kill leaves none behind."""

    def __init__(self, work: Work, media_store: MediaStore) -> None:
        self.work = work
        self.inbox = work.inbox
        self.store = work.inbox.store
        self.media_store = media_store
        self.counts: dict[str, int] = dict(work.job.memo.get("counts", {}))

    def count(self, what: str, more: int) -> None:
        if more:
            self.counts[what] = self.counts.get(what, 0) + more

    def listed(self, name: str) -> list[str]:
        """A list in the memo."""
        return list(self.work.job.memo.get(name, ()))

    def with_files(self, files: Sequence[Media], uploads: Iterable[str]) -> dict[str, Any]:
        """The memo with files that are forgotten, and uploads that were met."""
        return {
            **self.work.job.memo,
            "counts": self.counts,
            "media": _joined(self.listed("media"), (media.id for media in files)),
            "digests": _joined(self.listed("digests"), (media.sha256 for media in files if media.sha256)),
            "uploads": _joined(self.listed("uploads"), uploads),
        }

    async def take(self, command: Callable[[UnitOfWork], Taken], lane: str, what: str = "", count: int = 0) -> None:
        """Run what takes content away, and note in the same commit what it leads to."""
        before = dict(self.counts)
        self.count(what, count)

        def noted(uow: UnitOfWork) -> Job:
            return note_progress(uow, self.work.job, LEASE, memo=self.with_files(*command(uow)))

        try:
            self.work.job = await self.inbox.run(noted, lane=lane)
        except BaseException:
            self.counts = before
            raise

    async def drop_bytes(self) -> None:
        """Delete the files that nothing refers to any more."""
        for digest in self.listed("digests"):
            known = await self.media_store.size(digest)
            if known is not None and not await self.store.count(Query(MEDIA, (Where("sha256", "eq", digest),))):
                await self.media_store.delete(digest)
                self.count("files", 1)
            await self.work.breathe()


def take_file(uow: UnitOfWork, media_id: str) -> Taken:
    """Forget one file, unless that was done."""
    media = uow.get(MEDIA, media_id)
    if media is None or media.state == "purged":
        return (), ()
    erase_media(uow, media)
    return (media,), ()


def _joined(known: Iterable[str], more: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*known, *more)))


async def batches(items: AsyncIterator[D], size: int) -> AsyncIterator[list[D]]:
    """The items in lists of at most ``size``."""
    held: list[D] = []
    async for item in items:
        held.append(item)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
