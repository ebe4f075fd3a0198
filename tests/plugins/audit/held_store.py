"""A store whose every answer a test holds back: reads and commits happen when it says so, and are told when it says so.
It keeps documents by version as any store does, so that races end as they would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from patchbay.errors import Conflict, Duplicate, StoreUnavailable
from patchbay.matching import selected
from patchbay.model.document import Document
from patchbay.ports import Batch, Page, Query
from patchbay_audit.entry import AUDIT_ENTRIES, AUDIT_HEAD, AuditEntry, AuditHead


class Waiting:
    """A read or a commit under way: ``done`` once it happened, ``told`` once the caller knows."""

    def __init__(self, what: Any) -> None:
        self.what = what
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.outcome: Any = None
        self.done = False

    def tell(self) -> None:
        if self.future.done():
            return  # the caller was cancelled
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


class HeldStore:
    """What ``Inbox`` and the recorder ask of a store."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Document]] = {}
        self.reads: list[Waiting] = []
        self.commits: list[Waiting] = []
        self.landed: list[Waiting] = []

    # what is asked

    async def find(self, query: Query[Any]) -> Page[Any]:
        return await self._held(self.reads, query)  # type: ignore[no-any-return]

    async def get_many(self, collection: Any, ids: Sequence[str]) -> dict[str, Any]:
        held = self.documents.get(collection.name, {})
        return {id: held[id] for id in ids if id in held}

    async def commit(self, batch: Batch) -> list[int]:
        return await self._held(self.commits, batch)  # type: ignore[no-any-return]

    async def _held(self, queue: list[Waiting], what: Any) -> Any:
        waiting = Waiting(what)
        queue.append(waiting)
        return await waiting.future

    # what a test lets happen

    def read(self, at: int = 0) -> None:
        """Look at what is stored now for one read; its caller learns it by ``tell``."""
        waiting = self.reads.pop(at)
        held = self.documents.get(waiting.what.collection.name, {})
        waiting.outcome = Page(selected([held[id] for id in sorted(held)], waiting.what), None)
        self.landed.append(waiting)

    def land(self, at: int = 0, *, refuse: str | None = None) -> None:
        """Apply one commit, or refuse it: ``other`` lost a race for another document, ``storage`` could not be written,
        ``unsure`` was written and is reported as if it was not."""
        waiting = self.commits.pop(at)
        try:
            if refuse == "other":
                raise Conflict("conversations", "cnv_1")
            if refuse == "storage":
                raise StoreUnavailable("The disk is full.")
            self.apply(waiting.what)
            waiting.outcome = []
            if refuse == "unsure":
                raise StoreUnavailable("The disk did not answer.")
        except (Conflict, Duplicate, StoreUnavailable) as error:
            waiting.outcome = error
        self.landed.append(waiting)

    def tell(self, at: int = 0) -> None:
        self.landed.pop(at).tell()

    def apply(self, batch: Batch) -> None:
        """All of it or nothing."""
        for put in batch.puts:
            known = self.documents.get(put.collection.name, {}).get(put.document.id)
            if put.expected is None and known is not None:
                raise Duplicate("document", put.collection.name, put.document.id)
            if put.expected is not None and (known is None or known.version != put.expected):
                raise Conflict(put.collection.name, put.document.id)
        for delete in batch.deletes:
            known = self.documents.get(delete.collection.name, {}).get(delete.id)
            if known is None or known.version != delete.expected:
                raise Conflict(delete.collection.name, delete.id)
        for put in batch.puts:
            self.documents.setdefault(put.collection.name, {})[put.document.id] = put.document
        for delete in batch.deletes:
            del self.documents[delete.collection.name][delete.id]

    # what it holds

    def entries(self) -> list[AuditEntry]:
        held = self.documents.get(AUDIT_ENTRIES.name, {})
        return [held[id] for id in sorted(held)]  # type: ignore[misc]

    def heads(self) -> list[AuditHead]:
        return list(self.documents.get(AUDIT_HEAD.name, {}).values())  # type: ignore[arg-type]
