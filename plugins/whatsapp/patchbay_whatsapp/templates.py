"""Reading the templates of a WhatsApp Business account, page by page. No IO.

Source: WhatsApp Business Management API, Message templates; Graph API, Paginated results.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.errors import AccountBroken, Rejected, Unavailable
from patchbay_meta.graph import segment
from patchbay_whatsapp.errors import ERRORS

PAGE_SIZE = 100
MAX_PAGES = 200  # 20,000 templates: three times what an account may have
FIELDS = "id,name,language,status,category,components,quality_score,rejected_reason"


def list_templates(business_id: str | None) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
    """All templates: WhatsApp's own members, with ``status`` in lower case.

    The next page is asked for by its cursor; the address that the answer names is never followed.
    Raises ``Rejected`` when the account has no WABA id, or a wrong one, and ``Unavailable`` for pages without an end.
    """
    if not business_id:
        hint = "Set the channel's parent_external_id, PATCHBAY_WHATSAPP__BUSINESS_ID in settings."
        raise Rejected("The id of the WhatsApp Business account is not known.", hint=hint)
    found: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        query = {"fields": FIELDS, "limit": str(PAGE_SIZE), **({"after": cursor} if cursor else {})}
        response = yield ApiRequest(method="GET", path=f"/{segment(business_id)}/message_templates", query=query)
        _check(response)
        rows = response.body.get("data")
        page = rows if isinstance(rows, list) else []
        found += [_row(row) for row in page if isinstance(row, Mapping) and isinstance(row.get("name"), str)]
        cursor = next_cursor(response.body.get("paging"), full=len(page) >= PAGE_SIZE)
        if cursor is None:
            return found
        if cursor in seen:
            break
        seen.add(cursor)
    raise Unavailable("The list of templates did not come to an end.", limit=3)


def next_cursor(paging: object, *, full: bool) -> str | None:
    """The cursor of the next page, None at the end. A page that is ``full`` may have one without saying so."""
    if not isinstance(paging, Mapping):
        return None
    cursors, following = paging.get("cursors"), paging.get("next")
    after = cursors.get("after") if isinstance(cursors, Mapping) else None
    if not isinstance(following, str):
        return after if full and isinstance(after, str) and after else None
    if isinstance(after, str) and after:
        return after
    try:
        named = parse_qs(urlsplit(following).query).get("after")
    except ValueError:
        return None
    return named[0] if named else None


def _check(response: ApiResponse) -> None:
    try:
        ERRORS.check(response)
    except AccountBroken as error:
        if (error.provider_code, error.provider_subcode) != ("100", "33"):
            raise
        # Only the WABA is unknown here; the number itself may send as before.
        raise Rejected(
            "Meta does not know this WhatsApp Business account, or the access token may not use it.",
            provider_code=error.provider_code,
            provider_subcode=error.provider_subcode,
            details=error.details,
            hint="Check the id of the WhatsApp Business account (WABA).",
        ) from error


def _row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    status, components = row.get("status"), row.get("components")
    return {
        **row,
        "status": status.lower() if isinstance(status, str) else "unknown",
        "components": components if isinstance(components, list) else [],
    }
