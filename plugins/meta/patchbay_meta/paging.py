"""Reading a list of the Graph API to its end, page by page. No IO. Source: Graph API, Paginated results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.errors import Unavailable

PAGE_SIZE = 100
MAX_PAGES = 200  # 20,000 objects: three times the templates that an account may have


def rows(
    path: str, fields: str, check: Callable[[ApiResponse], None]
) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
    """All objects of the list.

    The next page is asked for by its cursor; the address that the answer names is never followed. Raises what ``check``
    finds in an answer, and ``Unavailable`` for pages without an end.
    """
    found: list[Mapping[str, Any]] = []
    seen: set[str | None] = set()
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        query = {"fields": fields, "limit": str(PAGE_SIZE), **({"after": cursor} if cursor else {})}
        response = yield ApiRequest("GET", path, query=query)
        check(response)
        data = response.body.get("data")
        page = data if isinstance(data, list) else []
        found += [row for row in page if isinstance(row, Mapping)]
        cursor = next_cursor(response.body.get("paging"), full=len(page) >= PAGE_SIZE)
        if cursor is None:
            return found
        if cursor in seen:
            break
        seen.add(cursor)
    raise Unavailable("The list did not come to an end.", limit=3)


def next_cursor(paging: object, *, full: bool) -> str | None:
    """The cursor of the next page, None at the end. A page that is ``full`` may have one without saying so."""
    if not isinstance(paging, Mapping):
        return None
    cursors, following = paging.get("cursors"), paging.get("next")
    after = cursors.get("after") if isinstance(cursors, Mapping) else None
    if isinstance(after, str) and after and (full or isinstance(following, str)):
        return after
    try:
        named = parse_qs(urlsplit(following).query).get("after") if isinstance(following, str) else None
    except ValueError:
        return None
    return named[0] if named else None


def template(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A template as its channel gives it: Meta's own members, with ``status`` in lower case."""
    status, components = row.get("status"), row.get("components")
    return {
        **row,
        "status": status.lower() if isinstance(status, str) else "unknown",
        "components": components if isinstance(components, list) else [],
    }
