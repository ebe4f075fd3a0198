"""Queries as SQL, and the cursors that carry a page's end to the next one."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Container, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from patchbay.errors import FieldError, Invalid
from patchbay.model.document import Document
from patchbay.ports import Page, Query, Where
from patchbay.storage.sqlite.breadth import are_few, is_doubtful, is_pinned, leads_to_few
from patchbay.storage.sqlite.conditions import Conditions, either
from patchbay.storage.sqlite.documents import to_sql
from patchbay.storage.sqlite.scope import Scope, TableOf
from patchbay.storage.sqlite.text import expression

D = TypeVar("D", bound=Document)
Part = tuple[str, list[Any]]  # a condition or statement, and the values that it binds

_encode = msgspec.json.Encoder().encode


class Selection:
    """The conditions of a query, ready to be asked. Raises ``ValueError`` for what the collection does not declare."""

    def __init__(self, query: Query[Any], table_of: TableOf) -> None:
        self.table = table_of(query.collection)
        self._where = query.where
        self._parts = [self._part(where) for where in query.where]
        self._has_text = query.text is not None and bool(query.text.strip())
        if query.text is not None and self._has_text:
            self._parts.append(self._text(query, query.text, table_of))
        self._scope = Scope(query, table_of) if query.any_of else None
        order = query.sort.removeprefix("-")
        self._pinned = any(is_pinned(where, self.table) for where in query.where)
        self._doubtful = [
            (place, where)
            for place, where in enumerate(query.where)
            if is_doubtful(where, self.table) and where.field != order
        ]
        self.shape = [
            query.collection.name,
            [[where.field, where.op, to_sql(where.value)] for where in query.where],
            query.sort,
            query.text,
            [owner.name for owner in query.text_owners],
        ]
        if self._scope is not None:
            self.shape.append(self._scope.shape)

    def written(self, *, seek: bool = False, passed: Container[int] = ()) -> Part:
        """All conditions, and the values they bind. ``seek`` as ``Scope`` has it; ``passed`` are the places of those
        conditions of ``where`` whose indexes are not to be entered."""
        parts = [
            self._part(self._where[place], by_index=False) if place in passed else part
            for place, part in enumerate(self._parts)
        ]
        if self._scope is not None:
            parts.append(self._scope.written(seek=seek))
        sql = " AND ".join([sql for sql, _ in parts])
        return sql or "1", [value for _, params in parts for value in params]

    def listed(self, connection: sqlite3.Connection) -> Part:
        """For a list: by the index of its order, unless a condition or the scope leads to few rows."""
        few = {place for place, where in self._doubtful if leads_to_few(connection, where, self.table)}
        passed = {place for place, _ in self._doubtful if place not in few}
        led = self._pinned or bool(few)
        return self.written(
            seek=not led and self._scope is not None and self._scope.is_small(connection), passed=passed
        )

    def counted(self, connection: sqlite3.Connection) -> Part:
        """For a count, where all rows are wanted and no order helps: only conditions and words may lead to fewer."""
        if self._scope is None or are_few(connection, self._where, self.table):
            return self.written()
        return self.written(seek=not self._has_text or self._scope.is_small(connection))

    def _part(self, where: Where, *, by_index: bool = True) -> Part:
        params: list[Any] = []
        return Conditions(self.table, params, by_index=by_index).condition(where), params

    def _text(self, query: Query[Any], text: str, table_of: TableOf) -> Part:
        words = expression(text)
        params: list[Any] = []
        parts = self._matches(query, words, params, table_of) if words else []
        if query.text_or is not None:
            parts.append(Conditions(self.table, params).condition(query.text_or))
        return either(parts), params

    def _matches(self, query: Query[Any], words: str, params: list[Any], table_of: TableOf) -> list[str]:
        own, parts = self.table, []
        if own.text_name is not None:
            parts.append(f"n IN (SELECT rowid FROM {own.text_name} WHERE words MATCH ?)")
        for collection in query.text_owners:
            other = table_of(collection)
            if other.text_name is None or collection.text is None or collection.text.owner is None:
                raise ValueError(f"{collection.name} has no text that another document owns")
            owner = other.column(collection.text.owner).sql
            parts.append(
                f"id IN (SELECT {owner} FROM {other.name} WHERE n IN"
                f" (SELECT rowid FROM {other.text_name} WHERE words MATCH ?))"
            )
        if not parts:
            raise ValueError(f"{own.collection.name} has no text to search")
        params += [words] * len(parts)
        return parts


def count(connection: sqlite3.Connection, selection: Selection) -> int:
    condition, params = selection.counted(connection)
    sql = f"SELECT count(*) FROM {selection.table.name} WHERE {condition}"
    return int(connection.execute(sql, params).fetchone()[0])


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

    def statement(self, connection: sqlite3.Connection) -> Part:
        """One row more than the page holds, so that it is known whether another page follows."""
        table, column = self._selection.table, self._column
        condition, params = self._selection.listed(connection)
        after = self._after(params)
        direction = " DESC" if self._down else ""
        order = f"id{direction}" if column.field == "id" else f"{column.sql}{direction}, id{direction}"
        sql = f"SELECT {column.sql}, id, doc FROM {table.name} WHERE {condition}{after} ORDER BY {order} LIMIT ?"
        return sql, [*params, self._limit + 1]

    def fetch(self, connection: sqlite3.Connection) -> Page[Any]:
        rows = connection.execute(*self.statement(connection)).fetchall()
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
