"""Raw events that are not settled: who waits and who is held, kept in memory and read from the file at the start."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from heapq import heappop, heappush

from patchbay.model.raw import NewRaw, RawEvent
from patchbay.storage.sqlite.jobs import Marks
from patchbay.storage.sqlite.suspects import read_suspects

CACHE_BYTES = 32 * 2**20
SECOND_TRY = 8  # suspects that come together then: more would be more to try alone after another crash

_RAW_BYTES = 600  # what an entry in memory costs beyond its body


class Pending:
    """Raw events that are not settled: which wait, and who holds the others.

    ``attempts`` are of the suspects and of no others, ``most_held`` says how many may be held at once (see
    ``suspects``). Bodies that were just appended are kept up to a bound, to spare reading them back.
    """

    def __init__(self, unsettled: Iterable[int], attempts: dict[int, int], most_held: int, last_seq: int) -> None:
        self.unsettled = set(unsettled)
        self.attempts = attempts
        self.most_held = most_held
        self.last_seq = last_seq
        self._waiting = sorted(self.unsettled)  # a heap; entries that are no longer waiting are skipped
        self._holder: dict[int, str] = {}
        self._fresh: dict[int, RawEvent] = {}
        self._fresh_bytes = 0

    def appended(self, seq: int, raw: NewRaw) -> str:
        raw_id = str(seq)
        self.unsettled.add(seq)
        heappush(self._waiting, seq)
        self.last_seq = seq
        size = len(raw.body) + _RAW_BYTES
        if self._fresh_bytes + size <= CACHE_BYTES:
            self._fresh_bytes += size
            self._fresh[seq] = RawEvent(
                id=raw_id,
                channel=raw.channel,
                received_at=raw.received_at,
                headers=raw.headers,
                body=raw.body,
                sha256=raw.sha256,
            )
        return raw_id

    def take(self, owner: str, limit: int, max_bytes: int) -> dict[int, RawEvent | None]:
        """The oldest that wait, now held, in order; None for those whose body has to be read from the file.

        ``max_bytes`` is kept as far as sizes are known here. Those that were tried equally often come together, in ever
        smaller groups and at last alone, so that a poison that takes the process with it is told from its neighbours.
        """
        taken: dict[int, RawEvent | None] = {}
        size = 0
        oldest = self._oldest()
        tried = 0 if oldest is None else self.attempts.get(oldest, 0)
        if tried:
            limit = min(limit, SECOND_TRY) if tried == 1 else 1
        while len(taken) < limit and (seq := self._oldest()) is not None:
            fresh = self._fresh.get(seq)
            size += len(fresh.body) if fresh is not None else 0
            if taken and (size > max_bytes or self.attempts.get(seq, 0) != tried):
                break
            heappop(self._waiting)
            self._holder[seq] = owner
            taken[seq] = fresh
        return taken

    def release(self, owner: str, seqs: Iterable[int]) -> None:
        for seq in seqs:
            if self._holder.get(seq) == owner:
                del self._holder[seq]
                heappush(self._waiting, seq)

    def tried(self, attempts: dict[int, int]) -> None:
        """Attempts that are durable now."""
        self.attempts.update((seq, tries) for seq, tries in attempts.items() if seq in self.unsettled)

    def may_hold(self, taken: int, limit: int) -> int:
        """How many may be held at once when claims that ask for ``limit`` go on, the last of which took so many."""
        return len(self._holder) - taken + limit

    def will_hold(self, count: int) -> None:
        """How many the file allows for now."""
        self.most_held = max(self.most_held, count)

    def untried(self, owner: str, seqs: Iterable[int]) -> dict[int, int]:
        """The attempts of the suspects among these, as they were before they were claimed."""
        return {seq: self.attempts[seq] - 1 for seq in seqs if seq in self.attempts and self._holder.get(seq) == owner}

    def held(self) -> dict[int, int]:
        """The attempts of all that are held, with the try that may have begun."""
        return {seq: self.attempts.get(seq, 1) for seq in self._holder}

    def settled(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            self.unsettled.discard(seq)
            self.attempts.pop(seq, None)
            self._holder.pop(seq, None)
            self._forget(seq)

    def reopened(self, seqs: Iterable[int]) -> None:
        for seq in seqs:
            if seq not in self.unsettled:
                self.unsettled.add(seq)
                heappush(self._waiting, seq)

    def settled_to(self) -> int:
        """Every raw event up to here is settled."""
        return min(self.unsettled) - 1 if self.unsettled else self.last_seq

    def _oldest(self) -> int | None:
        waiting = self._waiting
        while waiting:
            seq = waiting[0]
            if seq in self.unsettled and seq not in self._holder:
                return seq
            heappop(waiting)
        return None

    def _forget(self, seq: int) -> None:
        fresh = self._fresh.pop(seq, None)
        if fresh is not None:
            self._fresh_bytes -= len(fresh.body) + _RAW_BYTES


def load_pending(connection: sqlite3.Connection, marks: Marks) -> Pending:
    (start,) = connection.execute("SELECT value FROM meta WHERE name='settled_to'").fetchone()
    unsettled = [
        seq
        for (seq,) in connection.execute(
            "SELECT seq FROM journal j WHERE seq > ?"
            " AND NOT EXISTS (SELECT 1 FROM journal_outcome o WHERE o.seq = j.seq) ORDER BY seq",
            (start,),
        )
    ]
    return Pending(unsettled, *read_suspects(connection, unsettled), marks.seq)
