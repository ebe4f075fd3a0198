"""Queries over documents at hand, as a store would answer them: for what is staged and for tests. No IO."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from patchbay.model.document import Document
from patchbay.ports import Query, Where, Within

D = TypeVar("D", bound=Document)


def selected(documents: Iterable[D], query: Query[D]) -> list[D]:
    """Those that hold, in the query's order, as many as it wants; cursor and text are not looked at.

    Raises ``ValueError`` for a query with a ``Within``.
    """
    found = [each for each in documents if matches(each, query.where) and in_scope(each, query.any_of)]
    field = query.sort.removeprefix("-")
    found.sort(key=lambda document: (value_of(document, field) is not None, value_of(document, field), document.id))
    if query.sort.startswith("-"):
        found.reverse()
    return found[: query.limit]


def value_of(document: Any, field: str) -> Any:
    """What stands in a field, whose name may have dots; None where there is nothing."""
    for name in field.split("."):
        document = getattr(document, name, None)
    return document


def matches(document: Any, where: Sequence[Where]) -> bool:
    """Whether all conditions hold."""
    return all(_holds(value_of(document, each.field), each) for each in where)


def in_scope(document: Any, any_of: Sequence[Where | Within]) -> bool:
    """Whether at least one condition holds, or there is none. Raises ``ValueError`` for a ``Within``: what other
    documents there are only a store knows."""
    for each in any_of:
        if isinstance(each, Within):
            raise ValueError(f"whether {each.field} is within {each.query.collection.name} only a store can tell")
    return not any_of or any(_holds(value_of(document, each.field), each) for each in any_of if isinstance(each, Where))


def _holds(value: Any, where: Where) -> bool:
    match where.op:
        case "eq":
            return bool(value == where.value)
        case "in":
            return value in where.value
        case "exists":
            return (value is not None) == bool(where.value)
        case "has":
            return where.value in (value or ())
        case "prefix":
            return isinstance(value, str) and value.startswith(where.value)
        case "lt":
            return value is not None and value < where.value
        case "lte":
            return value is not None and value <= where.value
        case "gt":
            return value is not None and value > where.value
        case "gte":
            return value is not None and value >= where.value
