"""What arrived at the fake Graph API and what came of it. Bounded: the oldest entries go and are counted."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

BODY_LIMIT = 64 * 1024  # bytes kept of a request's body
DISTINCT_HEADERS = 1024  # header sets kept once and shared by entries


class Entry(Struct, kw_only=True):
    """One request. ``executed``: it had its effect, whatever the caller was told. ``replied``: an answer was sent.

    ``token`` says whether a known token came with it: "valid", "revoked", "unknown", "none"; the token itself is never
    kept. ``to`` and ``reference`` are the recipient and the ``biz_opaque_callback_data`` or
    ``metadata`` of a send.
    """

    seq: int
    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: tuple[tuple[str, str], ...]
    token: str
    body: bytes
    executed: bool = False
    replied: bool = False
    status: int | None = None
    code: int | None = None
    wamid: str | None = None
    to: str | None = None
    reference: str | None = None
    fault: str | None = None

    def json(self) -> Any:
        """The parsed body, None when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    def as_dict(self) -> dict[str, Any]:
        """The entry for the control API, the body parsed or as text."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        parsed = self.json()
        plain["body"] = parsed if parsed is not None else self.body.decode("utf-8", "replace")
        plain["headers"] = dict(self.headers)
        return plain


class Ledger:
    """Requests in the order they came."""

    def __init__(self, limit: int) -> None:
        self._entries: deque[Entry] = deque()
        self._limit = limit
        self._seq = 0
        self._headers: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def record(
        self,
        at: float,
        method: str,
        path: str,
        query: dict[str, str],
        headers: Mapping[str, str],
        token: str,
        body: bytes,
    ) -> Entry:
        """Note a request and return its entry, to be completed."""
        kept = tuple((name, value) for name, value in headers.items() if name.lower() not in _UNKEPT)
        if len(self._headers) >= DISTINCT_HEADERS:
            self._headers.clear()
        self._seq += 1
        entry = Entry(
            seq=self._seq,
            at=at,
            method=method,
            path=path,
            query=query,
            headers=self._headers.setdefault(kept, kept),
            token=token,
            body=body[:BODY_LIMIT],
        )
        self._entries.append(entry)
        while len(self._entries) > self._limit:
            self._entries.popleft()
            self.forgotten += 1
        return entry

    def find(
        self,
        *,
        path: str | None = None,
        method: str | None = None,
        executed: bool | None = None,
        reference: str | None = None,
        to: str | None = None,
        after: int = 0,
        limit: int = 1_000,
    ) -> list[Entry]:
        """Entries newer than ``after`` that match, oldest first. ``path`` is a regular expression, searched."""
        pattern = re.compile(path) if path else None
        found: list[Entry] = []
        for entry in self._entries:
            if (
                entry.seq > after
                and (pattern is None or pattern.search(entry.path))
                and (method is None or entry.method == method)
                and (executed is None or entry.executed is executed)
                and (reference is None or entry.reference == reference)
                and (to is None or entry.to == to)
            ):
                found.append(entry)
                if len(found) >= limit:
                    break
        return found

    def sends(self) -> list[Entry]:
        """The sends that had their effect: each a message that a person got, or was to get."""
        return [entry for entry in self._entries if entry.executed and entry.wamid is not None]

    def clear(self) -> None:
        self._entries.clear()
        self._headers.clear()
        self.forgotten = 0


_UNKEPT = frozenset({"authorization", "content-length"})
