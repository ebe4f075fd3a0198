"""Reading answers of a Graph API: what an error says, and which of our errors it is. No IO.

Sources: Graph API, Handling errors; WhatsApp Cloud API, Error codes (``error_data`` and its details).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from patchbay.channel import ApiResponse
from patchbay.errors import (
    AccountBroken,
    OutcomeUnknown,
    Rejected,
    SendError,
    Throttled,
    ThrottleScope,
    Unavailable,
)
from patchbay.model.message import Failure

USAGE_HEADER = "x-business-use-case-usage"
TEXT_LIMIT = 500  # characters that are kept of a provider's sentence: it is shown and stored, and not ours
_INTEGER = re.compile(r"-?\d{1,12}", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class GraphError:
    """An error object, whatever was left out of it. ``details`` is the longest explanation that it gives."""

    code: int | None = None
    subcode: int | None = None
    message: str = ""
    details: str | None = None
    transient: bool = False


@dataclass(frozen=True)
class Rule:
    """What one error code means: which of our errors it is, and the sentence for a person.

    ``settled`` is what it amounts to when no further try is made, where that differs: in a status that arrives after
    the provider had accepted the message. ``limit`` is how many tries it is worth.
    """

    error: type[SendError]
    reason: str
    hint: str | None = None
    scope: ThrottleScope = "account"
    retry_after_s: float | None = None
    limit: int | None = None
    settled: type[SendError] | None = None


def retry(
    reason: str, *, after_s: float | None = None, limit: int | None = None, settled: type[SendError] | None = None
) -> Rule:
    """It may work later."""
    return Rule(Unavailable, reason, retry_after_s=after_s, limit=limit, settled=settled)


def throttle(scope: ThrottleScope, reason: str, *, after_s: float | None = None, hint: str | None = None) -> Rule:
    """A rate limit of this scope."""
    return Rule(Throttled, reason, hint=hint, scope=scope, retry_after_s=after_s)


def broken(reason: str, hint: str | None = None) -> Rule:
    """The account cannot send until somebody acts."""
    return Rule(AccountBroken, reason, hint=hint)


def fail(reason: str, hint: str | None = None, *, error: type[Rejected] = Rejected) -> Rule:
    """It would be refused again."""
    return Rule(error, reason, hint=hint)


NEW_TOKEN = "Make a new access token and reauthorise the channel."
# Codes of every Graph API. Source: Graph API, Handling errors, "Error codes"; Rate limits.
COMMON_RULES: Mapping[int, Rule] = {
    0: broken("The access token could not be read.", NEW_TOKEN),
    1: retry("Meta reported an unknown error.", limit=3, settled=Rejected),
    2: retry("Meta's service is down or overloaded for the moment."),
    3: broken("The app lacks the capability for this call.", "Check the app's permissions and access level."),
    4: throttle("app", "The app made too many calls."),
    10: broken("Permission was refused or taken away.", "Grant the app its permissions again."),
    17: throttle("parent", "The business made too many calls."),
    100: fail("Meta refused a parameter of the message.", "The details name it."),
    102: broken("The session of the access token has ended.", NEW_TOKEN),
    190: broken("The access token has expired or was revoked.", NEW_TOKEN),
    341: throttle("app", "The app reached a temporary limit."),
    368: broken("The account is restricted or disabled for a policy violation.", "Look into Business Support Home."),
    613: throttle("account", "This call was made too often."),
}
COMMON_RANGES: Sequence[tuple[range, Rule]] = (
    (range(200, 300), broken("The access token lacks a permission.", "Grant the app its permissions again.")),
)
# Subcode 33 of code 100: the object in the path does not exist, or the token may not see it.
COMMON_SUBCODES: Mapping[tuple[int, int], Rule] = {
    (100, 33): broken(
        "Meta does not know this account, or the access token may not use it.",
        "Check the account's id and that the token's user has access to it.",
    ),
}


@dataclass(frozen=True)
class GraphErrors:
    """A provider's table of error codes, over the common one. ``provider`` is its name in sentences.

    ``subcodes`` are rules for a code and its subcode; code None is any code, where a subcode says the same below all.
    """

    provider: str
    rules: Mapping[int, Rule] = field(default_factory=dict)
    ranges: Sequence[tuple[range, Rule]] = ()
    subcodes: Mapping[tuple[int | None, int], Rule] = field(default_factory=dict)

    def rule(self, error: GraphError) -> Rule | None:
        """The rule for this error, None for a code that no table knows. Subcodes go before codes, codes before ranges,
        the provider's own before the common ones."""
        if error.subcode is not None and (found := self._by_subcode(error.code, error.subcode)):
            return found
        if error.code is None:
            return None
        if found := self.rules.get(error.code) or COMMON_RULES.get(error.code):
            return found
        return next((rule for codes, rule in (*self.ranges, *COMMON_RANGES) if error.code in codes), None)

    def _by_subcode(self, code: int | None, subcode: int) -> Rule | None:
        if code is not None and (found := self.subcodes.get((code, subcode)) or COMMON_SUBCODES.get((code, subcode))):
            return found
        return self.subcodes.get((None, subcode))

    def check(self, response: ApiResponse, *, effect: bool = False) -> None:
        """Return if the answer is good; else raise the ``SendError`` that it means.

        ``effect`` says that the request was a send: an answer of which nobody can tell whether it was done is then
        ``OutcomeUnknown`` and not tried again by itself.
        """
        if (error := self.error(response, effect=effect)) is not None:
            raise error

    def error(self, response: ApiResponse, *, effect: bool = False) -> SendError | None:
        """What the answer means, None when it is good. An error inside a 200 is an error."""
        said = error_in(response.body)
        if said is None and 200 <= response.status < 300:
            return None
        said = said or GraphError()
        rule = self.rule(said) or self._unknown(said, response.status, effect=effect)
        if rule.error is OutcomeUnknown and not effect:
            rule = retry(rule.reason, limit=3)  # nobody would have seen it: it may be done again
        return _raised(rule, said, _wait_s(rule, response.headers))

    def failure(self, code: int | None, message: str, details: str | None, subcode: int | None = None) -> Failure:
        """The same tables for an error that arrives later, in a webhook."""
        said = GraphError(code, subcode, readable(message) or "", readable(details))
        rule = self.rule(said) or self._unknown(said, None, effect=False)
        error = rule.settled or rule.error
        return Failure(
            code=error.code,
            message=rule.reason,
            provider_code=None if code is None else str(code),
            provider_subcode=None if subcode is None else str(subcode),
            retryable=error.retryable,
            hint=rule.hint,
            details=said.details or said.message or None,
        )

    def _unknown(self, said: GraphError, status: int | None, *, effect: bool) -> Rule:
        """Codes that no table knows, and answers without one: by their own word, then by the HTTP status, if any."""
        if said.transient:
            return retry(f"{self.provider} could not do it just now.")
        if said.code is None and status == 504 and effect:
            return Rule(OutcomeUnknown, f"{self.provider} did not answer in time: the message may have arrived.")
        if said.code is None and status == 401:
            return broken(f"{self.provider} refused the access token.", NEW_TOKEN)
        if status == 429:
            return throttle("account", f"{self.provider} was asked too often.")
        if status is not None and (status >= 500 or status in (408, 425)):
            return retry(f"{self.provider} is not available just now.")
        if said.message:
            return fail(f"{self.provider} refused it: {said.message}")
        return fail(f"{self.provider} refused it without saying why.")


def error_in(body: Mapping[str, Any]) -> GraphError | None:
    """The error object of an answer's body, None when there is none; of whatever shape it is."""
    if (error := body.get("error")) is None or error is False:
        return None
    if not isinstance(error, Mapping):
        return GraphError(message=readable(error) or "", details=readable(body.get("error_description")))
    data = error.get("error_data")  # an object, or at template endpoints a sentence
    inner = data.get("details") if isinstance(data, Mapping) else data
    explained = next(
        (text for text in map(readable, (inner, error.get("details"), error.get("error_user_msg"))) if text), None
    )
    return GraphError(
        code=integer(error.get("code")),
        subcode=integer(error.get("error_subcode")),
        message=readable(error.get("message")) or readable(error.get("title")) or "",
        details=explained,
        transient=error.get("is_transient") is True,
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds in a ``Retry-After`` header; a date or anything else is as good as none."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            return float(value.strip()) if _SECONDS.fullmatch(value.strip()) else None
    return None


def regain_access_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are let through again, by the usage header; None where it names no wait.

    The header counts minutes, for each business object and each kind of call; the longest wait is the one that holds.
    Source: Graph API, Rate limits, "Business use case rate limits" (``estimated_time_to_regain_access``).
    """
    for name, value in headers.items():
        if name.lower() == USAGE_HEADER:
            return max((60.0 * minutes for minutes in _regain_minutes(value)), default=None)
    return None


def _regain_minutes(header: str) -> Iterator[int]:
    try:
        usage = msgspec.json.decode(header)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    for rows in usage.values() if isinstance(usage, dict) else ():
        for row in rows if isinstance(rows, list) else ():
            minutes = integer(row.get("estimated_time_to_regain_access")) if isinstance(row, dict) else None
            if minutes is not None and minutes > 0:
                yield minutes


def integer(value: object) -> int | None:
    """A code as a number: also where it came as text; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**12 else None
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def readable(value: object) -> str | None:
    """A provider's sentence, fit to be stored: text only, cut, without lone surrogates and NULs; None when empty."""
    if not isinstance(value, str):
        return None
    text = value[:TEXT_LIMIT].encode("utf-8", "replace").decode().replace("\0", "").strip()
    return text or None


def segment(id: str) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(id, safe="") if id.strip(".") else "-"


def _wait_s(rule: Rule, headers: Mapping[str, str]) -> float | None:
    """How long to wait: the provider's own word before ours, its usage header where calls are counted."""
    counted = issubclass(rule.error, Throttled) and rule.scope != "recipient"
    return retry_after_s(headers) or (regain_access_s(headers) if counted else None) or rule.retry_after_s


def _raised(rule: Rule, said: GraphError, after_s: float | None) -> SendError:
    more: dict[str, Any] = {
        "provider_code": None if said.code is None else str(said.code),
        "provider_subcode": None if said.subcode is None else str(said.subcode),
        "details": said.details or said.message or None,
        "hint": rule.hint,
    }
    if issubclass(rule.error, Throttled):
        return rule.error(rule.reason, scope=rule.scope, retry_after_s=after_s, limit=rule.limit, **more)
    if issubclass(rule.error, Unavailable):
        return rule.error(rule.reason, retry_after_s=after_s, limit=rule.limit, **more)
    return rule.error(rule.reason, **more)
