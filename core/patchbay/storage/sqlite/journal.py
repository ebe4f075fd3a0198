"""The ingest journal as rows: what was received, and what became of it."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from patchbay.model.raw import ERASED_BODY, ItemOutcome, NewRaw, RawEvent, RawItem, Settlement
from patchbay.storage.sqlite.documents import milliseconds, select_in
from patchbay.storage.sqlite.jobs import Marks

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


def read_raw(connection: sqlite3.Connection, seq: int) -> RawEvent | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM {JOINED} WHERE j.seq=?", (seq,)).fetchone()
    return None if row is None else raw_event(row)


def read_taken(
    connection: sqlite3.Connection, taken: Mapping[int, RawEvent | None], max_bytes: int
) -> dict[int, RawEvent]:
    """What was taken, in order, read where memory has it not, until ``max_bytes`` are full; at least one."""
    found: dict[int, RawEvent] = {}
    size = 0
    absent = [seq for seq, fresh in taken.items() if fresh is None]
    rows = select_in(connection, f"SELECT {COLUMNS} FROM {JOINED} WHERE j.seq IN ", absent, then=" ORDER BY j.seq")
    row = next(rows, None)
    for seq, fresh in taken.items():
        raw = fresh
        if raw is None:
            if row is None or row[0] != seq:  # pruned meanwhile
                continue
            raw = raw_event(row)
            row = next(rows, None)
        size += len(raw.body)
        if found and size > max_bytes:
            break
        found[seq] = raw
    return found


def reopen_rows(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[int]:
    """Undo the settlement of these; those that were settled. A replay starts with no attempts counted."""
    settled = [seq for (seq,) in select_in(connection, "SELECT seq FROM journal_outcome WHERE seq IN ", seqs)]
    found = [
        seq
        for seq, body in select_in(connection, "SELECT seq, body FROM journal WHERE seq IN ", settled)
        if body != ERASED_BODY  # there is nothing left to apply
    ]
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
