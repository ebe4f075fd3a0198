"""Renewing the token of Instagram login: good for 60 days, and for another 60 each time it is renewed. No IO.

Only a token that is older than a day and still good can be renewed; for one that has ended, its owner has to log in
again. Source: Instagram Platform, Business Login for Instagram, Refresh an access token.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta

from patchbay.channel import TOKEN_PLACE, ApiRequest, ApiResponse, TokenState
from patchbay.errors import Unavailable
from patchbay_meta.graph import GraphErrors
from patchbay_meta.reading import text
from patchbay_meta.tokens import check

LIFETIME = timedelta(days=60)
RENEW_EVERY = timedelta(days=7)


def renew(
    host: str, expires_at: datetime | None, now: datetime, errors: GraphErrors
) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
    """Another token once a week, and when nothing is known of the one there is. ``host`` is the Graph host, without a
    version."""
    if expires_at is not None and expires_at - now > LIFETIME - RENEW_EVERY:
        return TokenState(expires_at=expires_at)
    query = f"grant_type=ig_refresh_token&access_token={TOKEN_PLACE}"
    response = yield ApiRequest("GET", f"{host}/refresh_access_token?{query}")
    check(response, errors)
    body = dict(response.body)
    token, seconds = text(body, "access_token"), body.get("expires_in")
    if token is None or not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
        raise Unavailable("Instagram answered without a token.")
    lifetime = timedelta(seconds=min(seconds, LIFETIME.total_seconds()))
    return TokenState(expires_at=now + lifetime, credentials={"access_token": token})
