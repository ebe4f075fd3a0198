"""How many rows a condition leads to, as far as it matters: few, or too many to look up and sort.

A list walks the index of its order until the page is full. That is fast while many of the rows that it passes are
wanted, and slow where few are: then they are better looked up by an index of their own, and sorted. SQLite keeps no
statistics here and takes every index for a good one; so it is asked how much there is, up to a bound.
"""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from patchbay.ports import Where
from patchbay.storage.sqlite.conditions import Conditions
from patchbay.storage.sqlite.documents import Table

FEW = 1_000  # rows: so many are looked up and sorted in about 2 ms


def begins_index(table: Table[Any], field: str) -> bool:
    """Whether rows are found by the field."""
    return field == "id" or any(index[0] == field for index in table.collection.indexes)


def is_pinned(where: Where, table: Table[Any]) -> bool:
    """Whether the condition is to be entered by its index in any case: that of ids, or one that has an order too."""
    if where.field == "id":
        return where.op in ("eq", "in")
    return where.op == "eq" and where.value is not None and _longest(table, where.field) > 1


def is_doubtful(where: Where, table: Table[Any]) -> bool:
    """Whether an index leads to the condition's rows, few or many, in no order that helps."""
    return where.field != "id" and where.op in ("eq", "in") and _longest(table, where.field) == 1


def rows_of(connection: sqlite3.Connection, where: Where, table: Table[Any], at_most: int) -> int:
    """How many rows fulfil a condition that an index leads to, counted up to one more than ``at_most``."""
    params: list[Any] = []
    condition = Conditions(table, params).condition(where)
    counted = f"SELECT count(*) FROM (SELECT 1 FROM {table.name} WHERE {condition} LIMIT ?)"
    return int(connection.execute(counted, [*params, at_most + 1]).fetchone()[0])


def are_few(connection: sqlite3.Connection, where: Iterable[Where], table: Table[Any]) -> bool:
    """Whether one of the conditions, all of which must hold, leads to few rows."""
    return any(
        is_pinned(one, table) or (is_doubtful(one, table) and leads_to_few(connection, one, table)) for one in where
    )


def leads_to_few(connection: sqlite3.Connection, where: Where, table: Table[Any]) -> bool:
    """Whether few rows fulfil a condition that an index leads to."""
    return rows_of(connection, where, table, FEW) <= FEW


def _longest(table: Table[Any], field: str) -> int:
    """Of how many fields the longest index is that begins with this one; 0 where none does."""
    return max([len(index) for index in table.collection.indexes if index[0] == field], default=0)
