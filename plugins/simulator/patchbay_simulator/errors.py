"""Graph's errors: codes, HTTP statuses and shapes. No IO.

Sources: WhatsApp Cloud API, Messenger Platform, Instagram Messaging, Error codes. Where Meta's tables disagree on the
HTTP status, the newer one is taken; callers are to decide on the code, so a fault may give any status with any code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class SimulationError(Exception):
    """The simulator was asked for something that cannot be: an unknown customer, a tap without a button."""


@dataclass(frozen=True)
class Known:
    http_status: int
    title: str
    transient: bool = False
    type: str = "OAuthException"


CODES: dict[int, Known] = {
    0: Known(401, "AuthException"),
    1: Known(500, "An unknown error occurred", True),
    2: Known(503, "Service temporarily unavailable", True),
    3: Known(500, "API Method"),
    4: Known(400, "Application request limit reached", True),
    10: Known(403, "Application does not have permission for this action"),
    33: Known(400, "Parameter value is not valid"),
    100: Known(400, "Invalid parameter"),
    190: Known(401, "Error validating access token: the session has been invalidated"),
    200: Known(403, "Permissions error"),
    230: Known(403, "User consent is required to access user profile"),
    368: Known(403, "Temporarily blocked for policies violations"),
    551: Known(400, "This person isn't available right now."),
    613: Known(400, "Calls to this API have exceeded the rate limit", True),
    1200: Known(400, "Temporary send message failure. Please try again later.", True),
    10900: Known(400, "Activity already replied to"),
    80002: Known(400, "There have been too many calls to this Instagram account", True),
    80006: Known(400, "There have been too many calls to this Page account", True),
    80007: Known(400, "Rate limit issues", True),
    130429: Known(429, "Rate limit hit", True),
    130472: Known(400, "User's number is part of an experiment"),
    130497: Known(403, "Business account is restricted from messaging users in this country."),
    131000: Known(500, "Something went wrong", True),
    131005: Known(403, "Access denied"),
    131008: Known(400, "Required parameter is missing"),
    131009: Known(400, "Parameter value is not valid"),
    131016: Known(500, "Service unavailable", True),
    131021: Known(400, "Recipient cannot be sender"),
    131026: Known(400, "Message undeliverable"),
    131030: Known(400, "Recipient phone number not in allowed list"),
    131031: Known(403, "Account has been locked"),
    131042: Known(400, "Business eligibility payment issue"),
    131047: Known(400, "Re-engagement message"),
    131048: Known(400, "Spam rate limit hit"),
    131049: Known(400, "This message was not delivered to maintain healthy ecosystem engagement"),
    131050: Known(400, "User has stopped marketing messages"),
    131051: Known(400, "Message type unknown"),
    131052: Known(400, "Media download error"),
    131053: Known(400, "Media upload error"),
    131056: Known(429, "(Business Account, Consumer Account) pair rate limit hit", True),
    131057: Known(500, "Account in maintenance mode", True),
    131062: Known(400, "Business-scoped user id recipients are not supported for this message"),
    132000: Known(400, "Number of parameters does not match the expected number of params"),
    132001: Known(404, "Template name does not exist in the translation"),
    132015: Known(400, "Template is paused"),
    132016: Known(400, "Template is disabled"),
    133004: Known(503, "Server temporarily unavailable", True),
    133010: Known(400, "Phone number not registered"),
    135000: Known(400, "Generic user error"),
}

_DETAILS = {
    131026: "Unable to deliver the message. The recipient may not be a WhatsApp user, or has an old version of it.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied.",
    131050: "The user has chosen to stop marketing messages on WhatsApp from your business.",
    131051: "Message type is currently not supported.",
    131053: "Unable to upload the media used in the message.",
}


def known(code: int) -> Known:
    """What is known of a code; any other is a plain 400."""
    return CODES.get(code, Known(400, "An error occurred"))


class GraphError(Exception):
    """A refusal in Graph's shape. ``http_status`` None is the usual one of the code."""

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        http_status: int | None = None,
        subcode: int | None = None,
        message: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.code = code
        self.details = details or _DETAILS.get(code, "")
        self.http_status = http_status or known(code).http_status
        self.subcode = subcode
        self.message = message or f"(#{code}) {known(code).title}"
        self.retry_after_s = retry_after_s
        self.headers: dict[str, str] = {}
        super().__init__(self.message)

    def body(self, trace: str) -> dict[str, Any]:
        """``{"error": {...}}`` as Graph answers it."""
        error: dict[str, Any] = {"message": self.message, "type": known(self.code).type, "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if known(self.code).transient:
            error["is_transient"] = True
        return {"error": {**error, "fbtrace_id": trace}}


def unknown_object(name: str, method: str = "GET") -> GraphError:
    """What Graph says of an object or an edge that does not exist: 100 with subcode 33."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{name}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation."
    )
    return GraphError(100, subcode=33, message=message)


def message_error(code: int, details: str = "") -> dict[str, Any]:
    """An error as it stands in an inbound message of a webhook."""
    title = known(code).title
    error: dict[str, Any] = {"code": code, "title": title, "message": title}
    said = details or _DETAILS.get(code, "")
    return {**error, "error_data": {"details": said}} if said else error


def status_error(code: int, details: str = "") -> dict[str, Any]:
    """An error as it stands in a status of a webhook."""
    return {**message_error(code, details), "href": HREF}
