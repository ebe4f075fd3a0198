"""Single conditions of a query as SQL over the columns of one table."""

from __future__ import annotations

from typing import Any

from patchbay.ports import Where
from patchbay.storage.sqlite.documents import Column, Table, member, placeholders, to_sql

NEVER = "0"
_COMPARE = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_LAST_CODE_POINT = 0x10FFFF


class Conditions:
    """Writes conditions, and the values they bind into ``params`` in the order of the text.

    ``by_index`` says whether an index may be entered by them; where not, rows that another index led to are looked at.
    """

    def __init__(self, table: Table[Any], params: list[Any], *, by_index: bool = True) -> None:
        self._table = table
        self._params = params
        self._lead = "" if by_index else "+"  # an expression, to SQLite's planner, is no column with an index

    def condition(self, where: Where) -> str:
        """Raises ``ValueError`` for what the collection does not declare."""
        column = self._table.column(where.field)
        op, value = where.op, where.value
        if (op == "has") != (column.kind == "array") and op != "exists":
            raise ValueError(f"{where.field} of {self._table.collection.name} cannot be asked with {op!r}")
        name = self._lead + column.sql
        if op == "exists":
            return f"{name} IS {'NOT ' if value else ''}NULL"
        if op == "in":
            return self._among(name, list(value))
        if value is None:
            if op != "eq":
                raise ValueError(f"{where.field} cannot be compared with nothing by {op!r}")
            return f"{name} IS NULL"
        if op == "has":
            return self.bound(f"instr({name}, ?) > 0", member(value))
        if op == "prefix":
            return self._prefix(column, name, value)
        return self.bound(f"{name} {_COMPARE.get(op, '=')} ?", to_sql(value))

    def bound(self, condition: str, value: Any) -> str:
        self._params.append(value)
        return condition

    def _among(self, name: str, values: list[Any]) -> str:
        given = [to_sql(value) for value in values if value is not None]
        self._params += given
        parts = [f"{name} IN ({placeholders(len(given))})"] if given else []
        if len(given) < len(values):
            parts.append(f"{name} IS NULL")
        return either(parts)

    def _prefix(self, column: Column, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"a prefix of {column.field} is a text")
        condition = self.bound(f"{name} >= ?", value)
        end = _after(value)
        return condition if end is None else f"({condition} AND {self.bound(f'{name} < ?', end)})"


def either(parts: list[str]) -> str:
    """At least one of them; those that never hold are left out, so that they keep no index from the others."""
    possible = [part for part in parts if part != NEVER]
    return f"({' OR '.join(possible)})" if possible else NEVER


def _after(prefix: str) -> str | None:
    """The least text that is greater than every text with this prefix; None when there is none."""
    while prefix:
        code = ord(prefix[-1])
        if code < _LAST_CODE_POINT:
            following = 0xE000 if 0xD7FF <= code < 0xE000 else code + 1  # surrogates are no text
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None
