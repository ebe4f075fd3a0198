"""The only place that turns an error into a response: RFC 9457 ``application/problem+json``.

``PROBLEMS`` is the table of codes that clients may rely on; the documentation is made from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from msgspec.json import Encoder

from patchbay.errors import (
    AccountBroken,
    Conflict,
    Duplicate,
    FieldError,
    MediaRefused,
    OutcomeUnknown,
    PluginUnavailable,
    RecipientUnreachable,
    Rejected,
    RequestError,
    SendError,
    StoreUnavailable,
    Unavailable,
    Unsupported,
    WindowClosed,
)

log = structlog.get_logger(__name__)
_encode = Encoder().encode
STORE_RETRY_S = 5  # what Retry-After says when the store does not answer
PROVIDER_RETRY_S = 30  # ... when a provider does not and said no time itself


@dataclass(frozen=True)
class Problem:
    """One code: its HTTP status, and a title that never changes."""

    code: str
    status: int
    title: str


def _table(*rows: Problem) -> Mapping[str, Problem]:
    return {row.code: row for row in rows}


PROBLEMS: Mapping[str, Problem] = _table(
    Problem("unreadable", 400, "The request could not be read"),
    Problem("unauthenticated", 401, "Sign in first"),
    Problem("hello_expected", 401, "Say hello first"),
    Problem("invalid_credentials", 401, "This does not sign anybody in"),
    Problem("two_factor_required", 401, "A second factor is needed"),
    Problem("invalid_code", 401, "The code is not valid"),
    Problem("forbidden", 403, "Not allowed"),
    Problem("not_found", 404, "Not found"),
    Problem("method_not_allowed", 405, "This path does not take that method"),
    Problem("too_slow", 408, "The body did not arrive in time"),
    Problem("conflict", 409, "Not in this state"),
    Problem("already_exists", 409, "It exists already"),
    Problem("conversation_closed", 409, "The conversation is closed"),
    Problem("conversation_moved", 409, "Somebody else spoke meanwhile"),
    Problem("control_lost", 409, "Somebody else took over"),
    Problem("window_closed", 409, "Outside the reply window"),
    Problem("channel_reauth_required", 409, "The channel account must be reauthorised"),
    Problem("channel_disabled", 409, "The channel account is disabled"),
    Problem("channel_unavailable", 409, "The channel's plugin is not loaded"),
    Problem("last_admin", 409, "Somebody must be able to administrate"),
    Problem("in_use", 409, "Something else still needs it"),
    Problem("contact_blocked", 409, "The contact is blocked"),
    Problem("contact_erased", 409, "The contact was erased"),
    Problem("contact_stopped", 409, "The person wants nothing sent"),
    Problem("consent_stopped", 409, "The person stopped this purpose"),
    Problem("media_not_stored", 409, "The file is not here"),
    Problem("not_retryable", 409, "It cannot be tried again"),
    Problem("not_cancellable", 409, "It cannot be cancelled any more"),
    Problem("not_reactable", 409, "It cannot be reacted to"),
    Problem("idempotency_in_progress", 409, "The first request with this key is still running"),
    Problem("gone", 410, "No longer kept"),
    Problem("resync", 410, "The log no longer holds this position"),
    Problem("version_conflict", 412, "Changed meanwhile"),
    Problem("too_large", 413, "Too large"),
    Problem("unsupported_media_type", 415, "Unsupported content type"),
    Problem("range_not_satisfiable", 416, "The range cannot be served"),
    Problem("invalid", 422, "Not valid"),
    Problem("capability_unsupported", 422, "The channel cannot carry this"),
    Problem("idempotency_mismatch", 422, "This Idempotency-Key was used for another request"),
    Problem("unknown_topic", 422, "There is no such topic"),
    Problem("too_many_topics", 422, "Too many topics"),
    Problem("upgrade_required", 422, "This path takes a WebSocket upgrade"),
    Problem("unknown_subprotocol", 422, "The subprotocol is not known"),
    Problem("token_in_url", 422, "No credentials in the URL"),
    Problem("already_welcomed", 422, "The connection was welcomed already"),
    Problem("rejected", 422, "The provider refused it"),
    Problem("recipient_unreachable", 422, "The recipient cannot be reached"),
    Problem("media_refused", 422, "The provider refused the media"),
    Problem("rate_limited", 429, "Too many requests"),
    Problem("too_many_connections", 429, "Too many connections"),
    Problem("internal", 500, "Something went wrong here"),
    Problem("outcome_unknown", 502, "The provider did not say what became of it"),
    Problem("store_unavailable", 503, "The store does not answer"),
    Problem("plugin_unavailable", 503, "The plugin does not answer"),
    Problem("sign_in_unavailable", 503, "Nobody can say now whose token this is"),
    Problem("provider_unavailable", 503, "The provider does not answer"),
)

_HTTP_CODES = {
    400: "unreadable",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "invalid",
    429: "rate_limited",
}
_SEND_CODES: tuple[tuple[type[SendError], str], ...] = (  # the narrowest class first
    (Unsupported, "capability_unsupported"),
    (WindowClosed, "window_closed"),
    (RecipientUnreachable, "recipient_unreachable"),
    (MediaRefused, "media_refused"),
    (Rejected, "rejected"),
    (AccountBroken, "channel_reauth_required"),
    (Unavailable, "provider_unavailable"),
    (OutcomeUnknown, "outcome_unknown"),
)


@dataclass(frozen=True)
class Told:
    """What the client is told of an error: a status, the members of the document, and headers."""

    status: int
    document: dict[str, Any]
    headers: dict[str, str]


def told(error: BaseException, *, request_id: str = "", instance: str = "") -> Told:
    """What the client is told. Errors that nobody foresaw become 500 with nothing but the request id."""
    match error:
        case RequestError():
            return _of_request_error(error, request_id, instance)
        case SendError():
            return _of_send_error(error, request_id, instance)
        case StoreUnavailable():
            headers = {"Retry-After": str(STORE_RETRY_S)}
            return _of_code("store_unavailable", error.detail, request_id, instance, headers=headers, retryable=True)
        case PluginUnavailable():
            headers = {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
            return _of_code(error.code, error.detail, request_id, instance, headers=headers, retryable=True)
        case Conflict():
            return _of_code("conflict", "Somebody else changed it at the same moment; try again.", request_id, instance)
        case Duplicate():
            return _of_code("already_exists", "It exists already.", request_id, instance)
        case web.HTTPException():
            return _of_http_exception(error, request_id, instance)
        case _:
            detail = "This was not foreseen. It is in the log under this request_id."
            return _of_code("internal", detail, request_id, instance)


def response(error: BaseException, *, request_id: str, instance: str) -> web.Response:
    """The error as a response."""
    answer = told(error, request_id=request_id, instance=instance)
    if answer.document["code"] == "internal":
        log.error("unforeseen error in a request", request_id=request_id, path=instance, exc_info=error)
    return web.Response(
        status=answer.status,
        body=_encode(answer.document),
        headers=answer.headers,
        content_type="application/problem+json",
    )


def _of_code(
    code: str, detail: str, request_id: str, instance: str, *, headers: dict[str, str] | None = None, **members: Any
) -> Told:
    problem = PROBLEMS[code]
    return _told(problem.status, code, problem.title, detail, request_id, instance, headers or {}, members)


def _told(
    status: int,
    code: str,
    title: str,
    detail: str,
    request_id: str,
    instance: str,
    headers: dict[str, str],
    members: dict[str, Any],
) -> Told:
    document = {
        "type": f"urn:patchbay:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "instance": instance,
        "code": code,
        "request_id": request_id,
        **{name: value for name, value in members.items() if value is not None},
    }
    return Told(status, document, headers)


def _of_request_error(error: RequestError, request_id: str, instance: str) -> Told:
    code = error.problem_code
    title = PROBLEMS[code].title if code in PROBLEMS else error.title
    members = {
        "errors": [field_error(each) for each in error.errors] or None,
        "hint": error.hint,
        **error.extra,
    }
    headers = dict(error.headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="patchbay"')
    return _told(error.status, code, title, error.detail, request_id, instance, headers, members)


def field_error(error: FieldError) -> dict[str, str]:
    return {"pointer": error.pointer, "code": error.code, "message": error.message}


def _of_send_error(error: SendError, request_id: str, instance: str) -> Told:
    code = next((code for kind, code in _SEND_CODES if isinstance(error, kind)), "rejected")
    headers: dict[str, str] = {}
    errors = None
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s or PROVIDER_RETRY_S)))
    if isinstance(error, Unsupported):
        errors = [field_error(FieldError(error.pointer, code, error.reason))]
    provider = None
    if error.provider_code is not None:
        provider = {
            "code": error.provider_code,
            "subcode": error.provider_subcode,
            "message": error.details or error.reason,
        }
    return _of_code(
        code,
        error.reason,
        request_id,
        instance,
        headers=headers,
        errors=errors,
        hint=error.hint,
        provider=provider,
        retryable=error.retryable,
    )


def _of_http_exception(error: web.HTTPException, request_id: str, instance: str) -> Told:
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    code = _HTTP_CODES.get(error.status)
    if code is not None:
        return _of_code(code, _HTTP_DETAILS.get(error.status, ""), request_id, instance, headers=headers)
    status = HTTPStatus(error.status)
    name = status.phrase.lower().replace(" ", "_").replace("-", "_")
    return _told(status.value, name, status.phrase, "", request_id, instance, headers, {})


_HTTP_DETAILS = {
    404: "There is nothing at this path.",
    405: "The header Allow lists the methods that this path takes.",
}
