"""Reading the templates of a WhatsApp Business account, page by page. No IO.

Source: WhatsApp Business Management API, Message templates; Graph API, Paginated results.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.errors import AccountBroken, Rejected
from patchbay_meta.graph import segment
from patchbay_meta.paging import rows, template
from patchbay_whatsapp.errors import ERRORS

FIELDS = "id,name,language,status,category,components,quality_score,rejected_reason"


def list_templates(business_id: str | None) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
    """All templates: WhatsApp's own members, with ``status`` in lower case.

    Raises ``Rejected`` when the account has no WABA id, or a wrong one, and ``Unavailable`` for pages without an end.
    """
    if not business_id:
        hint = "Set the channel's parent_external_id, PATCHBAY_WHATSAPP__BUSINESS_ID in settings."
        raise Rejected("The id of the WhatsApp Business account is not known.", hint=hint)
    found = yield from rows(f"/{segment(business_id)}/message_templates", FIELDS, _check)
    return [template(row) for row in found if isinstance(row.get("name"), str)]


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
