"""Listings of the journal."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from patchbay.ports import RawPage, RawQuery
from patchbay.storage.sqlite.documents import select_in
from patchbay.storage.sqlite.journal import COLUMNS, OUTCOME_BITS, raw_event
from patchbay.storage.sqlite.query import cursor, read_cursor, wrong_cursor

_ATTEMPTS = "LEFT JOIN journal_attempts a ON a.seq = j.seq"
_FROM_JOURNAL = f"FROM journal j LEFT JOIN journal_outcome o ON o.seq = j.seq {_ATTEMPTS}"
_FROM_OUTCOMES = f"FROM journal_outcome o CROSS JOIN journal j ON j.seq = o.seq {_ATTEMPTS}"
_CHUNK = 128


def list_raws(query: RawQuery, unsettled: Sequence[int] | None) -> Callable[[sqlite3.Connection], RawPage]:
    """What reads the page; ``unsettled`` are the pending ones, newest first, when those are asked for.

    Raises ``Invalid`` for a cursor that is not its own.
    """
    if query.limit < 1:
        raise ValueError(f"a page of {query.limit} raw events")
    shape = ["raws", query.state, query.outcome, query.channel]
    below = 2**63 - 1
    if query.cursor is not None:
        (below,) = read_cursor(query.cursor, shape, 1)
        if not isinstance(below, int) or not 0 < below < 2**63:
            raise wrong_cursor()

    def read(connection: sqlite3.Connection) -> RawPage:
        if unsettled is not None:
            rows = _pending(connection, query, [seq for seq in unsettled if seq < below])
        else:
            rows = _settled_or_all(connection, query, below)
        more = len(rows) > query.limit
        items = [raw_event(row) for row in rows[: query.limit]]
        return RawPage(items, cursor([rows[query.limit - 1][0]], shape) if more else None)

    return read


def unroutable_ids(connection: sqlite3.Connection, channel: str) -> list[str]:
    rows = connection.execute(
        "SELECT o.seq FROM journal_outcome o CROSS JOIN journal j ON j.seq = o.seq"
        f" WHERE o.outcomes & {OUTCOME_BITS['unroutable']} AND j.channel = ? ORDER BY o.seq",
        (channel,),
    )
    return [str(seq) for (seq,) in rows]


def _pending(connection: sqlite3.Connection, query: RawQuery, seqs: Sequence[int]) -> list[tuple[Any, ...]]:
    if query.outcome is not None:
        return []  # what is pending has no outcome yet
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(seqs), _CHUNK):
        sql = f"SELECT {COLUMNS} {_FROM_JOURNAL} WHERE o.seq IS NULL AND j.seq IN "
        found = select_in(connection, sql, seqs[start : start + _CHUNK])
        rows += sorted(
            [row for row in found if query.channel in (None, row[1])], key=lambda row: int(row[0]), reverse=True
        )
        if len(rows) > query.limit:
            break
    return rows[: query.limit + 1]


def _settled_or_all(connection: sqlite3.Connection, query: RawQuery, below: int) -> list[tuple[Any, ...]]:
    """From the outcomes where these are asked for, for they are small; literals let the partial indexes serve."""
    by_outcome = query.state is not None or query.outcome is not None
    seq = "o.seq" if by_outcome else "j.seq"
    conditions = [f"{seq} < ?"]
    params: list[Any] = [below]
    if query.state == "quarantined":
        conditions.append("o.state = 'quarantined'")
    elif query.state is not None:
        conditions.append("o.state = ?")
        params.append(query.state)
    if query.outcome is not None:
        bits: Mapping[Any, int] = OUTCOME_BITS
        conditions.append(f"o.outcomes & {bits.get(query.outcome, 0)}")
    if query.channel is not None:
        conditions.append("j.channel = ?")
        params.append(query.channel)
    return connection.execute(
        f"SELECT {COLUMNS} {_FROM_OUTCOMES if by_outcome else _FROM_JOURNAL} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {seq} DESC LIMIT ?",
        [*params, query.limit + 1],
    ).fetchall()
