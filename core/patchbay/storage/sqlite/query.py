"""Queries as SQL, and the cursors that carry a page's end to the next one."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from patchbay.errors import FieldError, Invalid
from patchbay.model.document import Document
from patchbay.ports import Page, Query, Where
from patchbay.storage.sqlite.documents import Column, Table, member, placeholders, to_sql
from patchbay.storage.sqlite.text import expression

D = TypeVar("D", bound=Document)
TableOf = Callable[[Any], Table[Any]]

_COMPARE = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_encode = msgspec.json.Encoder().encode
_LAST_CODE_POINT = 0x10FFFF


class Selection:
    """The conditions of a query, ready to be asked. Raises ``ValueError`` for what the collection does not declare."""

    def __init__(self, query: Query[Any], table_of: TableOf) -> None:
        self.table = table_of(query.collection)
        self.params: list[Any] = []
        conditions = [self._condition(where) for where in query.where]
        if query.text is not None and query.text.strip():
            conditions.append(self._text(query, query.text, table_of))
        self.sql = " AND ".join(conditions) if conditions else "1"
        self.shape = [
            query.collection.name,
            [[where.field, where.op, to_sql(where.value)] for where in query.where],
            query.sort,
            query.text,
            [owner.name for owner in query.text_owners],
        ]

    def _condition(self, where: Where) -> str:
        column = self.table.column(where.field)
        op, value = where.op, where.value
        if (op == "has") != (column.kind == "array") and op != "exists":
            raise ValueError(f"{where.field} of {self.table.collection.name} cannot be asked with {op!r}")
        if op == "exists":
            return f"{column.sql} IS {'NOT ' if value else ''}NULL"
        if op == "in":
            return self._among(column, list(value))
        if value is None:
            if op != "eq":
                raise ValueError(f"{where.field} cannot be compared with nothing by {op!r}")
            return f"{column.sql} IS NULL"
        if op == "has":
            return self._with(f"instr({column.sql}, ?) > 0", member(value))
        if op == "prefix":
            return self._prefix(column, value)
        return self._with(f"{column.sql} {_COMPARE.get(op, '=')} ?", to_sql(value))

    def _among(self, column: Column, values: list[Any]) -> str:
        given = [to_sql(value) for value in values if value is not None]
        self.params += given
        parts = [f"{column.sql} IN ({placeholders(len(given))})"] if given else []
        if len(given) < len(values):
            parts.append(f"{column.sql} IS NULL")
        return f"({' OR '.join(parts)})" if parts else "0"

    def _prefix(self, column: Column, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"a prefix of {column.field} is a text")
        condition = self._with(f"{column.sql} >= ?", value)
        end = _after(value)
        return condition if end is None else f"{condition} AND {self._with(f'{column.sql} < ?', end)}"

    def _text(self, query: Query[Any], text: str, table_of: TableOf) -> str:
        words = expression(text)
        parts = self._matches(query, words, table_of) if words else []
        if query.text_or is not None:
            parts.append(self._condition(query.text_or))
        return f"({' OR '.join(parts)})" if parts else "0"

    def _matches(self, query: Query[Any], words: str, table_of: TableOf) -> list[str]:
        own, parts = self.table, []
        if own.text_name is not None:
            parts.append(self._with(f"n IN (SELECT rowid FROM {own.text_name} WHERE words MATCH ?)", words))
        for collection in query.text_owners:
            other = table_of(collection)
            if other.text_name is None or collection.text is None or collection.text.owner is None:
                raise ValueError(f"{collection.name} has no text that another document owns")
            owner = other.column(collection.text.owner).sql
            parts.append(
                self._with(
                    f"id IN (SELECT {owner} FROM {other.name} WHERE n IN"
                    f" (SELECT rowid FROM {other.text_name} WHERE words MATCH ?))",
                    words,
                )
            )
        if not parts:
            raise ValueError(f"{own.collection.name} has no text to search")
        return parts

    def _with(self, condition: str, value: Any) -> str:
        self.params.append(value)
        return condition


def count(connection: sqlite3.Connection, selection: Selection) -> int:
    sql = f"SELECT count(*) FROM {selection.table.name} WHERE {selection.sql}"
    return int(connection.execute(sql, selection.params).fetchone()[0])


class Paging:
    """The order of a query and the place where its page begins. Raises ``Invalid`` for a cursor that is not its own."""

    def __init__(self, query: Query[Any], selection: Selection) -> None:
        if query.limit < 1:
            raise ValueError(f"a page of {query.limit} documents")
        self._selection = selection
        self._limit = query.limit
        self._down = query.sort.startswith("-")
        self._column = selection.table.column(query.sort.removeprefix("-"))
        if self._column.kind == "array":
            raise ValueError(f"{self._column.field} of {selection.table.collection.name} holds several values")
        self._start = None if query.cursor is None else read_cursor(query.cursor, selection.shape, 2)
        if self._start is not None and not isinstance(self._start[1], str):
            raise wrong_cursor()

    def statement(self) -> tuple[str, list[Any]]:
        """One row more than the page holds, so that it is known whether another page follows."""
        table, column = self._selection.table, self._column
        params = list(self._selection.params)
        after = self._after(params)
        direction = " DESC" if self._down else ""
        order = f"id{direction}" if column.field == "id" else f"{column.sql}{direction}, id{direction}"
        sql = (
            f"SELECT {column.sql}, id, doc FROM {table.name} WHERE {self._selection.sql}{after}"
            f" ORDER BY {order} LIMIT ?"
        )
        return sql, [*params, self._limit + 1]

    def fetch(self, connection: sqlite3.Connection) -> Page[Any]:
        rows = connection.execute(*self.statement()).fetchall()
        decode = self._selection.table.decode
        items = [decode(row[2]) for row in rows[: self._limit]]
        last = rows[self._limit - 1] if len(rows) > self._limit else None
        return Page(items, None if last is None else cursor([last[0], last[1]], self._selection.shape))

    def _after(self, params: list[Any]) -> str:
        """The condition that leaves out what earlier pages showed; nothing sorts before everything."""
        if self._start is None:
            return ""
        column, compare = self._column, "<" if self._down else ">"
        value, id = self._start
        if column.field == "id":
            params.append(id)
            return f" AND id {compare} ?"
        if value is None:
            params.append(id)
            same = f"({column.sql} IS NULL AND id {compare} ?)"
            return f" AND {same}" if self._down else f" AND ({same} OR {column.sql} IS NOT NULL)"
        params += [value, id]
        rest = f"({column.sql}, id) {compare} (?, ?)"
        return f" AND ({rest} OR {column.sql} IS NULL)" if self._down and column.nullable else f" AND {rest}"


def cursor(place: Sequence[Any], shape: Any) -> str:
    """An opaque text that names a place in the results of one query."""
    return base64.urlsafe_b64encode(_encode([*place, _digest(shape)])).decode().rstrip("=")


def read_cursor(text: str, shape: Any, parts: int) -> list[Any]:
    """The place again. Raises ``Invalid`` when the text is damaged or belongs to another query."""
    try:
        place = msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise wrong_cursor() from None
    if not isinstance(place, list) or len(place) != parts + 1 or place[-1] != _digest(shape):
        raise wrong_cursor()
    if not all(value is None or isinstance(value, str | int | float) for value in place):
        raise wrong_cursor()
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in place):
        raise wrong_cursor()  # more than an integer of the database holds
    return place[:-1]


def wrong_cursor() -> Invalid:
    message = "This is not a cursor of this query; ask for the first page again."
    return Invalid(message, errors=[FieldError("?cursor", "invalid", message)])


def _digest(shape: Any) -> str:
    return blake2b(_encode(shape), digest_size=8).hexdigest()


def _after(prefix: str) -> str | None:
    """The least text that is greater than every text with this prefix; None when there is none."""
    while prefix:
        code = ord(prefix[-1])
        if code < _LAST_CODE_POINT:
            following = 0xE000 if 0xD7FF <= code < 0xE000 else code + 1  # surrogates are no text
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None
