"""The ingest journal: rows in the file, and in memory who waits and who is held."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

import msgspec

from patchbay.model.raw import ItemOutcome, NewRaw, RawEvent, RawItem, Settlement
from patchbay.storage.sqlite.documents import milliseconds, select_in
from patchbay.storage.sqlite.jobs import Marks
from patchbay.storage.sqlite.suspects import read_suspects

CACHE_BYTES = 32 * 2**20
FEW = 8  # suspects that come together at the second try: more would be more to try alone after another crash
OUTCOME_BITS: dict[ItemOutcome, int] = {
    "applied": 1,
    "duplicate": 2,
    "ignored": 4,
    "parked": 8,
    "unroutable": 16,
    "quarantined": 32,
}
SETTLE = "INSERT OR IGNORE INTO journal_outcome VALUES (?, ?, ?, ?, ?, ?)"
APPEND = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)"
COLUMNS = (
    "j.seq, j.channel, j.received_at, j.sha256, j.headers, j.body, o.state, o.settled_at, o.items, o.error, a.attempts"
)
JOINED = "journal j LEFT JOIN journal_outcome o ON o.seq = j.seq LEFT JOIN journal_attempts a ON a.seq = j.seq"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SEQ = 2**63 - 1
_RAW_BYTES = 600  # what an entry in memory costs beyond its body
_encode = msgspec.json.Encoder().encode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_decode_items = msgspec.json.Decoder(tuple[RawItem, ...]).decode


def seq_of(raw_id: str) -> int | None:
    """The row of a raw event, None for what cannot be an id of ours."""
    if not (raw_id.isascii() and raw_id.isdigit() and len(raw_id) <= 19):
        return None
    seq = int(raw_id)
    return seq if 0 < seq <= _LAST_SEQ else None


def append_row(seq: int, raw: NewRaw) -> tuple[Any, ...]:
    return seq, raw.channel, milliseconds(raw.received_at), raw.sha256, _encode(raw.headers), raw.body


def settlement_row(settlement: Settlement) -> tuple[Any, ...] | None:
    """The outcome's row; None for a raw event that was never journalled, and for one that stays pending."""
    seq = seq_of(settlement.raw_id)
    if seq is None or settlement.state == "pending":
        return None
    outcomes = 0
    for item in settlement.items:
        outcomes |= OUTCOME_BITS[item.outcome]
    return (
        seq,
        settlement.state,
        outcomes,
        milliseconds(settlement.settled_at),
        _encode(settlement.items),
        settlement.error,
    )


def raw_event(row: Sequence[Any]) -> RawEvent:
    """A raw event from a row of ``COLUMNS``."""
    seq, channel, received_at, sha256, headers, body, state, settled_at, items, error, attempts = row
    return RawEvent(
        id=str(seq),
        channel=channel,
        received_at=_moment(received_at),
        headers=_decode_headers(headers),
        body=body,
        sha256=sha256,
        state=state or "pending",
        items=_decode_items(items) if items else (),
        attempts=attempts or 0,
        error=error,
        settled_at=None if settled_at is None else _moment(settled_at),
    )


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


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
            limit = min(limit, FEW) if tried == 1 else 1
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


def read_raw(connection: sqlite3.Connection, seq: int) -> RawEvent | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM {JOINED} WHERE j.seq=?", (seq,)).fetchone()
    return None if row is None else raw_event(row)


def read_taken(
    connection: sqlite3.Connection, taken: Mapping[int, RawEvent | None], max_bytes: int
) -> dict[int, RawEvent]:
    """What was taken, read one by one where memory has it not, until ``max_bytes`` are full; at least one."""
    found: dict[int, RawEvent] = {}
    size = 0
    for seq, fresh in taken.items():
        raw = fresh or read_raw(connection, seq)
        if raw is None:
            continue
        size += len(raw.body)
        if found and size > max_bytes:
            break
        found[seq] = raw
    return found


def reopen_rows(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[int]:
    """Undo the settlement of these; those that were settled. A replay starts with no attempts counted."""
    settled = [seq for (seq,) in select_in(connection, "SELECT seq FROM journal_outcome WHERE seq IN ", seqs)]
    found = [seq for (seq,) in select_in(connection, "SELECT seq FROM journal WHERE seq IN ", settled)]
    for table in ("journal_outcome", "journal_attempts"):
        connection.executemany(f"DELETE FROM {table} WHERE seq=?", [(seq,) for seq in found])
    if found:
        connection.execute("UPDATE meta SET value=min(value, ?) WHERE name='settled_to'", (min(found) - 1,))
    return found


def prune_journal(
    connection: sqlite3.Connection, marks: Marks, before_ms: int, after: int, rows: int
) -> tuple[int, int | None]:
    """Drop settled raw events behind ``after`` that were received before the moment: how many, and where to go on."""
    found = connection.execute(
        "SELECT j.seq, j.received_at, o.seq IS NOT NULL FROM journal j LEFT JOIN journal_outcome o ON o.seq = j.seq"
        " WHERE j.seq > ? ORDER BY j.seq LIMIT ?",
        (after, rows),
    ).fetchall()
    old = []
    for row in found:
        if row[1] >= before_ms:
            break
        old.append(row)
    settled = [(seq,) for seq, _, is_settled in old if is_settled]
    if settled:
        for table in ("journal", "journal_outcome", "journal_attempts"):
            connection.executemany(f"DELETE FROM {table} WHERE seq=?", settled)
        connection.execute("UPDATE meta SET value=? WHERE name='last_seq'", (marks.seq,))
    return len(settled), old[-1][0] if len(old) == rows else None
