"""What must not be read in a log: secrets by value, by the name they go by and by how they look, and what people wrote.
No IO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, SecretStr

MASK: Final = "***"
SHORTEST_SECRET: Final = 6  # characters; to look for shorter ones would mask ordinary words
MOST_SECRETS: Final = 256  # looked for by value; past that, names and looks still mask
DEEPEST: Final = 4  # levels of nested values that are shown; of what is below, only the type

_SECRET_NAME: Final = re.compile(
    r"token|secret|authorization|passw|api_?key|credential|cookie|signature", re.IGNORECASE
)
_NAMES_OF_NO_SECRET: Final = frozenset({"token_expires_at", "credential_names"})
_TEXT_NAMES: Final = frozenset(
    {"body", "caption", "content", "message_text", "payload", "preview", "text", "text_content"}
)
_LOOKS_SECRET: Final = re.compile(
    r"(?P<before>\b(?:bearer|basic)\s+"  # Authorization headers
    r"|(?:token|secret|password|api[_-]?key|signature)[\"']?\s{0,4}[=:]\s{0,4}[\"']?"  # queries, JSON, reprs
    r"|/(?:media/links|jobs/files)/"  # links that are the permission to open what they name
    r"|://[^\s/:@]{0,256}:(?=[^\s/@]{1,256}@))"  # a password in a URL
    r"[^\s\"'&,;}@]+"
    r"|\bEAA[A-Za-z0-9]{20,}",  # access tokens of the Graph API begin so
    re.IGNORECASE,
)


class Redactor:
    """Masks values on their way into a log. Its ``hide`` may be called at any time, for secrets found out later."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.hide(*secrets)

    def hide(self, *secrets: str) -> None:
        """Mask these values wherever they stand, from now on."""
        fresh = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET} - self._secrets
        room = MOST_SECRETS - len(self._secrets)
        if not fresh or room <= 0:
            return
        self._secrets.update(sorted(fresh)[:room])
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _LOOKS_SECRET.sub(_masked, text)

    def named(self, name: str, value: Any, depth: int = 0) -> Any:
        """The value as it may be logged under this name: text, numbers, and lists and mappings of them."""
        if _SECRET_NAME.search(name) and name not in _NAMES_OF_NO_SECRET and not isinstance(value, bool | None):
            return MASK
        if name in _TEXT_NAMES:
            return f"<{len(value)} characters>" if isinstance(value, str) else f"<{type(value).__name__}>"
        return self._value(value, depth)

    def _value(self, value: Any, depth: int) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case bytes() | bytearray() | memoryview():
                return f"<{len(value)} bytes>"
            case BaseException():
                return self.text(f"{type(value).__name__}: {_said(value)}")
            case Mapping() | Sequence() | set() | frozenset() if depth >= DEEPEST:
                return f"<{type(value).__name__}>"
            case Mapping():
                return {_said(key): self.named(_said(key), one, depth + 1) for key, one in value.items()}
            case Sequence() | set() | frozenset():
                return [self._value(one, depth + 1) for one in value]
        return self.text(_said(value))


LOGS: Final = Redactor()  # of this process's logs, which are one thing per process too


def hide(*secrets: str | None) -> None:
    """Never write these values to a log of this process."""
    LOGS.hide(*(secret for secret in secrets if secret))


def secrets_in(value: object) -> Iterator[str]:
    """Every secret of a settings table, at any depth."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from secrets_in(one)
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from secrets_in(one)


def _masked(found: re.Match[str]) -> str:
    return (found["before"] or "") + MASK


def _said(value: object) -> str:
    """Its text; a log line is no place to fail."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"
