"""What Graph says of access tokens: until when one is good, and another 60 days for one that is. No IO.

Sources: Graph API, Debug-Token; Instagram Platform, Business Login for Instagram, Refresh an access token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from patchbay_simulator.calls import Call, Reply, answer
from patchbay_simulator.errors import GraphError

CONSENT = timedelta(days=90)  # after which a person has to agree again to what the app may read
LIFETIME = timedelta(days=60)
SCOPES = (  # what the tokens of this Graph may do
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_messages",
    "pages_manage_metadata",
    "pages_messaging",
    "pages_read_engagement",
    "pages_read_user_content",
    "whatsapp_business_management",
    "whatsapp_business_messaging",
)
PATHS = frozenset({"debug_token", "refresh_access_token"})


def answer_about(call: Call, now: float, state_of: Callable[[str | None], str]) -> Reply:
    """Carry a call about a token out. ``now`` is in Unix seconds, ``state_of`` says whether a token is ``valid``. A
    renewed token keeps its text."""
    if call.path == "refresh_access_token":
        if call.query.get("grant_type") != "ig_refresh_token":
            raise GraphError(100, message="(#100) The parameter grant_type is required")
        seconds = int(LIFETIME.total_seconds())
        return answer({"access_token": call.token, "token_type": "bearer", "expires_in": seconds})
    asked = call.query.get("input_token")
    if not asked:
        raise GraphError(100, message="(#100) The parameter input_token is required")
    data: dict[str, Any] = {"is_valid": state_of(asked) == "valid", "type": "PAGE", "expires_at": 0}
    data["data_access_expires_at"] = int(now + CONSENT.total_seconds())
    data["scopes"] = list(SCOPES)
    if not data["is_valid"]:
        data["error"] = {"code": 190, "subcode": 460, "message": "The session has been invalidated."}
    return answer({"data": data})
