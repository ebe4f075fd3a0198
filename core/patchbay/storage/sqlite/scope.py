"""``any_of`` of a query as SQL, in two forms.

It is written either to *walk* (each row that another index leads past is tested, and no index is entered) or to *seek*
(the rows in scope are looked up by their own indexes). ``breadth`` says when which is better.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from patchbay.ports import Query, Where, Within
from patchbay.storage.sqlite import breadth
from patchbay.storage.sqlite.breadth import are_few, begins_index, rows_of
from patchbay.storage.sqlite.conditions import NEVER, Conditions, either
from patchbay.storage.sqlite.documents import Column, Table, to_sql

TableOf = Callable[[Any], Table[Any]]
_encode = msgspec.json.Encoder().encode


class Scope:
    """What ``any_of`` asks of the rows of a table. Raises ``ValueError`` for what the collections do not declare."""

    def __init__(self, query: Query[Any], table_of: TableOf) -> None:
        self._query = query
        self._table_of = table_of
        self._table = table_of(query.collection)
        self.shape = _shape(query.any_of)
        self._to_walk = self._write(seek=False)

    def written(self, *, seek: bool) -> tuple[str, list[Any]]:
        """The condition, and the values it binds."""
        return self._write(seek=True) if seek else self._to_walk

    def _write(self, *, seek: bool) -> tuple[str, list[Any]]:
        params: list[Any] = []
        return self._any(self._query.any_of, self._table, self._table.name, params, seek, 1), params

    def is_small(self, connection: sqlite3.Connection) -> bool:
        """Whether the rows in scope are few and indexes lead to them."""
        return _at_most_few(connection, self._query.any_of, self._table, self._table_of)

    def _any(
        self,
        any_of: Sequence[Where | Within],
        table: Table[Any],
        known_as: str,
        params: list[Any],
        seek: bool,
        depth: int,
    ) -> str:
        conditions = Conditions(table, params, by_index=seek)
        return either(
            [
                conditions.condition(one)
                if isinstance(one, Where)
                else self._within(one, table, known_as, params, seek, depth)
                for one in any_of
            ]
        )

    def _within(
        self, within: Within, table: Table[Any], known_as: str, params: list[Any], seek: bool, depth: int
    ) -> str:
        """``EXISTS`` looks for one row that belongs to the row at hand, ``IN`` makes the whole list first."""
        query = within.query
        inner = self._table_of(query.collection)
        field, pick = _single(table, within.field), _single(inner, within.pick)
        each = not seek and begins_index(inner, within.pick)
        alias = f"w{depth}"
        start = len(params)
        conditions = Conditions(inner, params, by_index=not each)
        parts = [conditions.condition(where) for where in query.where]
        if query.any_of:
            parts.append(self._any(query.any_of, inner, alias, params, not each, depth + 1))
        if NEVER in parts:
            del params[start:]
            return NEVER
        source = f"FROM {inner.name} AS {alias} WHERE"
        if each:
            return f"EXISTS (SELECT 1 {source} {' AND '.join([f'{pick.sql} = {known_as}.{field.sql}', *parts])})"
        return f"{'' if seek else '+'}{field.sql} IN (SELECT {pick.sql} {source} {' AND '.join(parts) or '1'})"


def _at_most_few(
    connection: sqlite3.Connection, any_of: Sequence[Where | Within], table: Table[Any], table_of: TableOf
) -> bool:
    left = breadth.FEW
    for one in any_of:
        if not begins_index(table, one.field):
            return False
        if isinstance(one, Within):
            query, inner = one.query, table_of(one.query.collection)
            if not are_few(connection, query.where, inner) and not (
                query.any_of and _at_most_few(connection, query.any_of, inner, table_of)
            ):
                return False
        elif one.op not in ("eq", "in"):
            return False
        else:
            left -= rows_of(connection, one, table, left)
            if left < 0:
                return False
    return True


def _single(table: Table[Any], field: str) -> Column:
    column = table.column(field)
    if column.kind == "array":
        raise ValueError(f"{field} of {table.collection.name} holds several values")
    return column


def _shape(any_of: Sequence[Where | Within]) -> list[str]:
    """What tells one scope from another; the order in which its parts or their values were given does not."""
    return sorted(_encode(_part(one)).decode() for one in any_of)


def _part(one: Where | Within) -> list[Any]:
    if isinstance(one, Where):
        value = one.value
        if one.op == "in":
            value = sorted({_encode(to_sql(each)).decode() for each in value})
        return [one.field, one.op, value if one.op == "in" else to_sql(value)]
    inner = one.query
    return [one.field, inner.collection.name, one.pick, _shape(inner.where), _shape(inner.any_of)]
