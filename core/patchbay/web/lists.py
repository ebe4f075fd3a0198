"""Lists: one page of something, and how to get the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from marshmallow import Schema, fields, validate

from patchbay.inbox.rows import scope_of
from patchbay.ports import Page, Query, Where
from patchbay.web.call import Call
from patchbay.web.operations import Answer

if TYPE_CHECKING:
    from patchbay.collections import Collection
    from patchbay.model.document import Document

D = TypeVar("D", bound="Document")
T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR = 1024  # characters


def listing(
    *, sorts: Sequence[str] = (), default_sort: str | None = None, text: bool = False, **filters: fields.Field[Any]
) -> type[Schema]:
    """The query of a list: ``limit``, ``cursor``, these filters, ``sort`` by one of ``sorts`` ("-" in front allowed),
    and ``q`` where ``text`` can be searched. Without ``sorts`` there is one order and no parameter."""
    declared: dict[str, fields.Field[Any]] = {
        "limit": fields.Integer(
            load_default=DEFAULT_LIMIT,
            validate=validate.Range(1, MAX_LIMIT),
            metadata={"description": "How many items a page has at most."},
        ),
        "cursor": fields.String(
            load_default=None,
            validate=validate.Length(1, MAX_CURSOR),
            metadata={"description": "`page.next` of the page before."},
        ),
    }
    if sorts:
        choices = [sign + name for name in sorts for sign in ("", "-")]
        declared["sort"] = fields.String(
            load_default=default_sort or sorts[0],
            validate=validate.OneOf(choices),
            metadata={"description": 'The order; "-" in front turns it round.'},
        )
    if text:
        declared["q"] = fields.String(
            load_default=None,
            validate=validate.Length(1, 200),
            metadata={"description": "Words that must all occur; each matches as a beginning."},
        )
    # every generated schema has one name: apispec expands them into parameters and makes no component of them
    return Schema.from_dict({**declared, **filters}, name="ListQuery")


def query_of(
    call: Call, collection: Collection[D], *, where: Iterable[Where] = (), sort: str | None = None, **more: Any
) -> Query[D]:
    """The store's query for this call's page, among the rows that it reaches; ``sort`` where the list has one order."""
    asked = call.query
    return Query(
        collection,
        where=tuple(where),
        sort=asked.get("sort") or sort or "id",
        limit=asked["limit"],
        cursor=asked["cursor"],
        text=asked.get("q"),
        any_of=scope_of(call.rows, collection),
        **more,
    )


def page_answer(call: Call, page: Page[D], view: Callable[[D], Any]) -> Answer:
    """The page as the API shows it, with a ``Link`` to the next one."""
    return items_answer(call, [view(item) for item in page.items], page.next)


def items_answer(call: Call, data: Sequence[Any], next_cursor: str | None) -> Answer:
    """As ``page_answer``, of views that exist already."""
    headers: dict[str, str] = {}
    if next_cursor is not None:
        following = call.request.rel_url.update_query(cursor=next_cursor)
        headers["Link"] = f'<{following}>; rel="next"'
    page = {"next": next_cursor, "has_more": next_cursor is not None}
    return Answer({"data": data, "page": page}, headers=headers)
