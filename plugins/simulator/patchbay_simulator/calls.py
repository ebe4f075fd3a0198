"""A request to the fake Graph API and its answer, as values. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from patchbay_simulator.errors import GraphError

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Upload:
    """The file of a multipart request."""

    data: bytes
    mime_type: str
    filename: str


@dataclass(frozen=True)
class Call:
    """A request. ``path`` has no version and no slash in front; ``fields`` are those of a JSON or form body."""

    method: str
    path: str
    query: Mapping[str, str]
    token: str | None
    fields: Mapping[str, Any]
    unreadable: str | None = None
    upload: Upload | None = None

    def need(self, name: str) -> Any:
        """A field that must be there. Raises ``GraphError`` 100."""
        value = self.fields.get(name)
        if value in (None, ""):
            raise GraphError(100, message=f"(#100) The parameter {name} is required.")
        return value


@dataclass
class Reply:
    """An answer. ``executed`` says whether the request had an effect or, for a read, was answered."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    executed: bool = True
    code: int | None = None
    wamid: str | None = None


def answer(value: Any, *, wamid: str | None = None) -> Reply:
    return Reply(200, msgspec.json.encode(value), wamid=wamid)


def refusal(error: GraphError, trace: str, *, status: int | None = None, executed: bool = False) -> Reply:
    """Graph's error as a reply; ``status`` overrides the error's own."""
    headers = (
        {"WWW-Authenticate": f'OAuth "Facebook Platform" "invalid_token" "{error.message}"'}
        if error.code == 190
        else {}
    )
    if error.retry_after_s is not None:
        headers["Retry-After"] = f"{error.retry_after_s:g}"
    headers |= error.headers
    return Reply(
        status or error.http_status,
        msgspec.json.encode(error.body(trace)),
        headers=headers,
        executed=executed,
        code=error.code,
    )
