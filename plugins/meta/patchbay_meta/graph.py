"""Reading answers of a Graph API: what an error says, and which of our errors it is. No IO.

Sources: Graph API, Handling errors; WhatsApp Cloud API, Error codes (``error_data`` and its details).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

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
from patchbay_meta.reading import integer as integer
from patchbay_meta.waits import USAGE_HEADER as USAGE_HEADER
from patchbay_meta.waits import regain_access_s, retry_after_s

TEXT_LIMIT = 500  # characters that are kept of a provider's sentence: it is shown and stored, and not ours


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
    the provider had accepted the message. ``limit`` is how many tries it is worth. ``grows_to_s`` says that
    ``retry_after_s``, where the provider names no wait of its own, doubles with every try up to that.
    """

    error: type[SendError]
    reason: str
    hint: str | None = None
    scope: ThrottleScope = "account"
    retry_after_s: float | None = None
    grows_to_s: float | None = None
    limit: int | None = None
    settled: type[SendError] | None = None


def retry(
    reason: str, *, after_s: float | None = None, limit: int | None = None, settled: type[SendError] | None = None
) -> Rule:
    """It may work later."""
    return Rule(Unavailable, reason, retry_after_s=after_s, limit=limit, settled=settled)


def throttle(
    scope: ThrottleScope,
    reason: str,
    *,
    after_s: float | None = None,
    grows_to_s: float | None = None,
    hint: str | None = None,
) -> Rule:
    """A rate limit of this scope."""
    return Rule(Throttled, reason, hint=hint, scope=scope, retry_after_s=after_s, grows_to_s=grows_to_s)


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
# Codes that say that the token itself is no good, whatever stands beside them. Source: as above, codes 102 and 190.
TOKEN_CODES = frozenset({102, 190})
PASSING_TRIES = 3  # of what a table calls permanent, and Meta transient
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

    ``subcodes`` are rules for a code and its subcode; code None is any code but those of the token, where a subcode
    says the same below all. ``subcoded`` are for a subcode that no table knows, below a code of these ranges: what the
    bare code says of the account, a subcode says of one request. ``by_status`` says that a 5xx beside a bare code means
    trouble at the servers; where it is False, the documentation gives codes that are final a 5xx of their own.
    """

    provider: str
    rules: Mapping[int, Rule] = field(default_factory=dict)
    ranges: Sequence[tuple[range, Rule]] = ()
    subcodes: Mapping[tuple[int | None, int], Rule] = field(default_factory=dict)
    subcoded: Sequence[tuple[range, Rule]] = ()
    by_status: bool = False

    def rule(self, error: GraphError) -> Rule | None:
        """The rule for this error, None for a code that no table knows. Subcodes go before codes, codes before ranges,
        the provider's own before the common ones."""
        return self._by_subcode(error) or self._by_code(error)

    def _by_subcode(self, error: GraphError) -> Rule | None:
        code, subcode = error.code, error.subcode
        if subcode is None:
            return None
        if code is not None and (found := self.subcodes.get((code, subcode)) or COMMON_SUBCODES.get((code, subcode))):
            return found
        return None if code in TOKEN_CODES else self.subcodes.get((None, subcode))

    def _by_code(self, error: GraphError) -> Rule | None:
        code = error.code
        if code is None:
            return None
        if error.subcode is not None and (found := _in_ranges(code, self.subcoded)):
            return found
        return self.rules.get(code) or COMMON_RULES.get(code) or _in_ranges(code, (*self.ranges, *COMMON_RANGES))

    def check(self, response: ApiResponse, *, effect: bool = False, of: Collection[str] = ()) -> None:
        """Return if the answer is good; else raise the ``SendError`` that it means.

        ``effect`` says that the request was a send: an answer of which nobody can tell whether it was done is then
        ``OutcomeUnknown`` and not tried again by itself. ``of`` are the ids of the account, see ``waits``.
        """
        if (error := self.error(response, effect=effect, of=of)) is not None:
            raise error

    def error(self, response: ApiResponse, *, effect: bool = False, of: Collection[str] = ()) -> SendError | None:
        """What the answer means, None when it is good. An error inside a 200 is an error."""
        said = error_in(response.body)
        if said is None and 200 <= response.status < 300:
            return None
        said = said or GraphError()
        rule = self._judged(said, response.status, effect=effect)
        if rule.error is OutcomeUnknown and not effect:
            rule = retry(rule.reason, limit=3)  # nobody would have seen it: it may be done again
        return _raised(rule, said, _told_s(rule, response.headers, of))

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

    def _judged(self, said: GraphError, status: int, *, effect: bool) -> Rule:
        """What a subcode means, it means always; a code alone is put off where Meta calls the error passing, by its
        word or (``by_status``) by its servers' status."""
        if found := self._by_subcode(said):
            return found
        rule = self._by_code(said)
        if rule is None:
            return self._unknown(said, status, effect=effect)
        final = issubclass(rule.error, Rejected | AccountBroken) and said.code not in TOKEN_CODES
        if final and (said.transient or (self.by_status and status >= 500)):
            return retry(f"{self.provider} could not do it just now.", limit=PASSING_TRIES)
        return rule

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


def _in_ranges(code: int, ranges: Sequence[tuple[range, Rule]]) -> Rule | None:
    return next((rule for codes, rule in ranges if code in codes), None)


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
        subcode=integer(error.get("error_subcode")) or None,  # 0 is none
        message=readable(error.get("message")) or readable(error.get("title")) or "",
        details=explained,
        transient=error.get("is_transient") is True,
    )


def readable(value: object) -> str | None:
    """A provider's sentence, fit to be stored: text only, cut, without lone surrogates and NULs; None when empty."""
    if not isinstance(value, str):
        return None
    text = value[:TEXT_LIMIT].encode("utf-8", "replace").decode().replace("\0", "").strip()
    return text or None


def segment(id: str) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(id, safe="") if id.strip(".") else "-"


def _told_s(rule: Rule, headers: Mapping[str, str], of: Collection[str]) -> float | None:
    """How long to wait by the provider's own word: ``Retry-After``, or its usage header where calls are counted."""
    counted = issubclass(rule.error, Throttled) and rule.scope != "recipient"
    return retry_after_s(headers) or (regain_access_s(headers, of) if counted else None)


def _raised(rule: Rule, said: GraphError, told_s: float | None) -> SendError:
    more: dict[str, Any] = {
        "provider_code": None if said.code is None else str(said.code),
        "provider_subcode": None if said.subcode is None else str(said.subcode),
        "details": said.details or said.message or None,
        "hint": rule.hint,
    }
    if issubclass(rule.error, Unavailable):
        more |= {
            "retry_after_s": rule.retry_after_s if told_s is None else told_s,
            "grows_to_s": rule.grows_to_s if told_s is None else None,
            "limit": rule.limit,
        }
    if issubclass(rule.error, Throttled):
        return rule.error(rule.reason, scope=rule.scope, **more)
    return rule.error(rule.reason, **more)
