"""Every error that Patchbay raises on purpose.

PatchbayError                 .code is stable snake_case, part of the public API
  ConfigError                 a setting is missing or wrong; the process does not start
    SecretError               a sealed value cannot be opened with the keys that were given
    StoreInUse                another process has the store open
  PluginError                 a plugin cannot be used; the process starts without it unless it is required
  PluginUnavailable           a plugin that runs did not answer, or not as it must: 503; > SignInUnavailable
  RequestError                our caller's fault; .status is the HTTP status
    Unreadable 400  Unauthenticated 401  Forbidden 403  NotFound 404  StateConflict 409
    Gone 410  VersionConflict 412  TooLarge 413  UnsupportedMediaType 415  Invalid 422  TooMany 429
  WebhookError                what a provider sent
    BadSignature              401, nothing is stored
    BadPayload                verified but unreadable: kept raw, answered 200
  StoreError
    Conflict                  a document had another version
    Duplicate                 a document or a unique key exists
    StoreUnavailable          503, with Retry-After
  SendError                   why a message did not leave
    Unsupported               we knew before asking
    Rejected                  > RecipientUnreachable, WindowClosed, MediaRefused
    AccountBroken             token expired or revoked: the account is flagged and its sends pause
    Unavailable               may be tried again; > Throttled
    OutcomeUnknown            bytes left and no answer came
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal


class PatchbayError(Exception):
    """The root. ``detail`` is for a person and names what to do."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class ConfigError(PatchbayError):
    """One sentence that names the setting and says what to do."""

    code = "config"


class StoreInUse(ConfigError):
    """Another process has the store open: what is to be done is asked of that one."""

    code = "store_in_use"


class SecretError(ConfigError):
    """A sealed value cannot be opened with the keys that were given; the sentence says what to do."""

    code = "secret"


class PluginError(PatchbayError):
    """One sentence that names the plugin and says what is wrong with it."""

    code = "plugin"


class PluginUnavailable(PatchbayError):
    """A plugin did not answer in time, or not as its contract says. ``retry_after_s`` is when to ask again."""

    code = "plugin_unavailable"

    def __init__(self, detail: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class SignInUnavailable(PluginUnavailable):
    """The plugin that may know these credentials could not say."""

    code = "sign_in_unavailable"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request; ``pointer`` is a JSON pointer, or ``?name`` for a query parameter."""

    pointer: str
    code: str
    message: str


class RequestError(PatchbayError):
    """Our caller's fault. ``extra`` becomes members of the problem document, ``headers`` of the response. ``about`` is
    for the trail alone: why a sign-in was refused, and to whom."""

    code = "invalid"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        hint: str | None = None,
        about: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.about = about or {}
        self.problem_code = code or self.code
        self.errors = tuple(errors)
        self.extra = extra or {}
        self.headers = headers or {}
        self.hint = hint


class Unreadable(RequestError):
    code = "unreadable"
    status = 400
    title = "The body could not be read"


class Unauthenticated(RequestError):
    code = "unauthenticated"
    status = 401
    title = "Sign in first"


class Forbidden(RequestError):
    code = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(RequestError):
    code = "not_found"
    status = 404
    title = "Not found"


class StateConflict(RequestError):
    """The resource is in a state that does not allow it; ``code`` says which."""

    code = "conflict"
    status = 409
    title = "Not in this state"


class Gone(RequestError):
    """What was asked for is no longer kept; ``code`` says what to do instead."""

    code = "gone"
    status = 410
    title = "No longer kept"


class VersionConflict(RequestError):
    code = "version_conflict"
    status = 412
    title = "Changed meanwhile"


class TooLarge(RequestError):
    code = "too_large"
    status = 413
    title = "Too large"


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"
    status = 415
    title = "Unsupported content type"


class Invalid(RequestError):
    code = "invalid"
    status = 422
    title = "Not valid"


class TooMany(RequestError):
    code = "rate_limited"
    status = 429
    title = "Too many requests"


class WebhookError(PatchbayError):
    """What a provider sent cannot be used."""

    code = "webhook"


class BadSignature(WebhookError):
    """The signature is missing or wrong: 401 with an empty body, nothing is stored."""

    code = "bad_signature"


class BadPayload(WebhookError):
    """A verified body that cannot be read. It is kept and listed; asking for it again would not help."""

    code = "bad_payload"


class StoreError(PatchbayError):
    code = "store"


class Conflict(StoreError):
    """A document's stored version was not the expected one."""

    code = "conflict"

    def __init__(self, collection: str, id: str) -> None:
        super().__init__(f"{collection}/{id} was changed by somebody else")
        self.collection = collection
        self.id = id


class Duplicate(StoreError):
    """A document with this id exists already (``collection`` set), or a unique key is taken (``scope`` set).

    ``ref`` is what holds the key, where the store can tell.
    """

    code = "duplicate"

    def __init__(self, kind: Literal["document", "key"], where: str, value: str, ref: str | None = None) -> None:
        super().__init__(f"{where}/{value} exists already")
        self.kind = kind
        self.where = where
        self.value = value
        self.ref = ref


class StoreUnavailable(StoreError):
    """The store does not answer, or cannot write."""

    code = "store_unavailable"


class SendError(PatchbayError):
    """Why a message did not leave. ``reason`` is for a person; the provider's codes are kept as given."""

    code = "send_failed"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        reason: str,
        *,
        provider_code: str | None = None,
        provider_subcode: str | None = None,
        details: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider_code = provider_code
        self.provider_subcode = provider_subcode
        self.details = details
        self.hint = hint


class Unsupported(SendError):
    """The channel cannot carry this: known before asking. ``pointer`` names the part of the content."""

    code = "capability_unsupported"

    def __init__(self, reason: str, *, pointer: str = "/content", hint: str | None = None) -> None:
        super().__init__(reason, hint=hint)
        self.pointer = pointer


class Rejected(SendError):
    """The provider refused it and would refuse it again."""

    code = "rejected"


class RecipientUnreachable(Rejected):
    code = "recipient_unreachable"


class WindowClosed(Rejected):
    """Outside the reply window; the hint says what is allowed instead."""

    code = "window_closed"


class MediaRefused(Rejected):
    code = "media_refused"


class AccountBroken(SendError):
    """The token, the number or the account does not work: its sends pause until it is reauthorised."""

    code = "channel_reauth_required"


class Unavailable(SendError):
    """It may work later. ``retry_after_s`` is the provider's own word, where it gave one; with ``grows_to_s`` it is the
    channel's guess, which doubles with every try up to that."""

    code = "provider_unavailable"
    retryable = True

    def __init__(
        self,
        reason: str,
        *,
        retry_after_s: float | None = None,
        grows_to_s: float | None = None,
        limit: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(reason, **more)
        self.retry_after_s = retry_after_s
        self.grows_to_s = grows_to_s
        self.limit = limit


ThrottleScope = Literal["recipient", "account", "parent", "app"]


class Throttled(Unavailable):
    """A rate limit; ``scope`` says what has to wait."""

    code = "throttled"

    def __init__(self, reason: str, *, scope: ThrottleScope, retry_after_s: float | None = None, **more: Any) -> None:
        super().__init__(reason, retry_after_s=retry_after_s, **more)
        self.scope = scope


class OutcomeUnknown(SendError):
    """Bytes left and no answer came: it may have arrived. Never tried again by itself."""

    code = "outcome_unknown"
