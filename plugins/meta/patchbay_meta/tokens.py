"""Until when a token is good, and why not for ever: page tokens by asking about them. No IO.

A page token has no date of its own and dies with its person's password, role, or consent, which has to be given again
every 90 days. Source: Graph API, Debug-Token; Facebook Login, Long-lived tokens, Data access expiration.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

from patchbay.channel import TOKEN_PLACE, ApiRequest, ApiResponse, TokenState
from patchbay.errors import AccountBroken, Unavailable
from patchbay_meta.graph import TOKEN_CODES, GraphErrors
from patchbay_meta.reading import part, text

NEW_TOKEN = "Make a new access token and reauthorise the channel."
# What says that a token has ended, with a subcode for the reason or without. Source: Graph API, Handling errors.
ENDED = frozenset(str(code) for code in TOKEN_CODES)


def ask(errors: GraphErrors) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
    """When the token ends, by date or by the consent behind it. Raises ``AccountBroken`` when it has ended."""
    response = yield ApiRequest("GET", f"/debug_token?input_token={TOKEN_PLACE}&access_token={TOKEN_PLACE}")
    check(response, errors)
    data = part(dict(response.body), "data")
    if data.get("is_valid") is False:
        raise AccountBroken(text(part(data, "error"), "message") or "The access token has ended.", hint=NEW_TOKEN)
    return TokenState(expires_at=earliest(data, "expires_at", "data_access_expires_at"))


def check(response: ApiResponse, errors: GraphErrors) -> None:
    """Return if the answer is good. Raises ``AccountBroken`` only where it says that the token has ended: that somebody
    may not ask about a token, or not renew it yet, says nothing against the token."""
    try:
        errors.check(response)
    except AccountBroken as error:
        if error.provider_code in ENDED:
            raise
        raise Unavailable(error.reason, provider_code=error.provider_code, details=error.details) from error


def earliest(data: Mapping[str, Any], *names: str) -> datetime | None:
    """The earliest of these Unix seconds; 0 means never."""
    moments = [data.get(name) for name in names]
    dated = [moment for moment in moments if isinstance(moment, int) and 0 < moment < 2**33]
    return datetime.fromtimestamp(min(dated), UTC) if dated else None
