"""What the trail shows of values: everything but secrets, what people wrote, and who customers are. No IO.

An entry cannot be taken out of the chain again, so what may have to be erased one day never gets in: of texts
only their length is kept, of secrets only that there was one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from patchbay.redaction import LOGS, MASK
from patchbay_audit.canonical import canonical, plain

LONGEST_TEXT: Final = 500  # characters of one value that are shown
LARGEST_VALUE: Final = 2_000  # characters of the canonical text of one value, lists and mappings as a whole

_SECRET: Final = re.compile(
    r"api_?key|authorization|cookie|credential|digest|hash|nonce|otp|passw|private|recovery|sealed|secret|seed|"
    r"signature|token",
    re.IGNORECASE,
)
_NO_SECRET: Final = re.compile(r"_(at|days|hours|id|minutes|ms|s|count|type|names?|prefix|version)\Z|\Asha256\Z")
_WRITTEN: Final = frozenset(
    {
        "attributes",
        "body",
        "caption",
        "content",
        "context",
        "extra",
        "filename",
        "footer",
        "headline",
        "html",
        "message_text",
        "note",
        "options",
        "payload",
        "preview",
        "quote",
        "raw",
        "referral",
        "response",
        "revisions",
        "subject",
        "text",
        "text_content",
        "variables",
    }
)
_OF_CUSTOMERS: Final[Mapping[str, frozenset[str]]] = {  # fields by collection that say who a customer is
    "contacts": frozenset({"display_name"}),
    "identities": frozenset({"profile", "username", "value"}),
    "media": frozenset({"provider"}),
    "messages": frozenset({"author", "reactions"}),
}


def shown_field(collection: str, name: str, value: Any) -> Any:
    """A field of a document as the trail shows it."""
    if value is not None and name in _OF_CUSTOMERS.get(collection, ()) and not _is_of_staff(value):
        return _length(plain(value))
    return _sized(_shown(name, plain(value)))


def shown_about(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is known beside the changes, as the trail shows it."""
    return {name: _sized(_shown(name, value)) for name, value in plain(about).items()}


def shown_text(text: str | None) -> str | None:
    """A text that somebody outside chose, such as a user agent."""
    return None if text is None else _text(plain(text))


def _is_of_staff(value: Any) -> bool:
    """Whether an author is one of us, by whom the trail must name them."""
    return getattr(value, "type", None) in ("agent", "api", "bot", "system")


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _is_secret(name):
        return MASK
    if name in _WRITTEN:
        return _length(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {inner: _shown(inner, one) for inner, one in value.items()}
    if isinstance(value, list):
        return [_shown("", one) for one in value]
    return value


@lru_cache(4096)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None and _NO_SECRET.search(name) is None


def _text(value: str) -> str:
    return LOGS.text(value) if len(value) <= LONGEST_TEXT else _length(value)


def _sized(value: Any) -> Any:
    if isinstance(value, list | dict) and (size := len(canonical(value))) > LARGEST_VALUE:
        return f"<{size} characters of JSON>"
    return value


def _length(value: Any) -> str:
    return f"<{sum(map(len, _texts(value)))} characters>"


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
