"""Faults of the API: what goes wrong, for which requests, how often. No IO; ``wire.py`` does what is said here.

| kind | what happens | executes |
|---|---|---|
| `drop_reply` | no answer: the connection is reset, closed or left hanging (`how`: reset, close, hang) | yes |
| `late_reply` | the answer comes after `delay_s` | yes |
| `drip` | the answer's body comes byte by byte, one per `delay_s` | yes |
| `truncate` | the body ends half-way, as a whole HTTP message (`how`: json), else by a cut connection | yes |
| `endless` | the answer's body is followed by zeros, for as long as somebody reads | yes |
| `hang` | no answer, ever | no |
| `reset` | a TCP reset before the body is read | no |
| `error` | Graph's error `code`, with `subcode`, `http_status` and `retry_after_s` where given | no |
| `error_in_200` | the same body with HTTP 200 | no |
| `html` | a gateway's HTML page, 502 or `http_status` | no |
| `redirect` | 307 to `location`, by default the simulator's trap, which notes whether a token came along | no |
| `revoke_token` | error 190, and from then on for every call with that token | no |
| `failed_status` | accepted; later a `failed` status with `code` (WhatsApp: others have no such report) | yes |

`executes` overrides the last column: an error after the effect, a late refusal of something that never happened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from msgspec import Struct

Kind = Literal[
    "drop_reply",
    "late_reply",
    "drip",
    "truncate",
    "endless",
    "hang",
    "reset",
    "error",
    "error_in_200",
    "html",
    "redirect",
    "revoke_token",
    "failed_status",
]
EXECUTING = frozenset({"drop_reply", "late_reply", "drip", "truncate", "endless", "failed_status"})


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault. ``path`` is a regular expression searched in the request's path, ``recipient`` is the send's phone
    (digits), BSUID or group id, or the id, comment or post that a page writes to. Of the requests that match, ``skip``
    pass first, then every ``every``-th is considered, hit with ``probability``, ``count`` times in all. ``nth`` 3 is
    short for the third alone."""

    kind: Kind
    path: str = ""
    method: str | None = None
    recipient: str | None = None
    nth: int | None = None
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    count: int | None = None
    executes: bool | None = None
    code: int = 131000
    http_status: int | None = None
    subcode: int | None = None
    details: str = ""
    retry_after_s: float | None = None
    delay_s: float = 1.0
    how: Literal["reset", "close", "hang", "json"] = "reset"
    location: str | None = None

    @property
    def has_effect(self) -> bool:
        """Whether the request is carried out in spite of the fault."""
        return self.kind in EXECUTING if self.executes is None else self.executes


@dataclass
class _Armed:
    id: str
    fault: Fault
    pattern: re.Pattern[str]
    matched: int = 0
    hit: int = 0

    def fires(self, method: str, path: str, recipient: str | None, rng: Random) -> bool:
        fault = self.fault
        if (fault.count is not None and self.hit >= fault.count) or (fault.method and fault.method != method):
            return False
        if not self.pattern.search(path) or (fault.recipient is not None and fault.recipient != recipient):
            return False
        self.matched += 1
        if fault.nth is not None and self.matched != fault.nth:
            return False
        if self.matched <= fault.skip or (self.matched - fault.skip - 1) % fault.every:
            return False
        if fault.probability < 1.0 and rng.random() >= fault.probability:
            return False
        self.hit += 1
        return True


@dataclass
class FaultBook:
    """The faults that are armed, in the order they were added; the first that fires wins."""

    rng: Random
    _armed: dict[str, _Armed] = field(default_factory=dict)
    _count: int = 0

    def add(self, fault: Fault) -> str:
        """Arm a fault and return its id. Raises ``re.error`` for a path that is no expression."""
        pattern = re.compile(fault.path)
        self._count += 1
        id_ = f"fault-{self._count}"
        self._armed[id_] = _Armed(id_, fault, pattern)
        return id_

    def remove(self, id_: str) -> bool:
        return self._armed.pop(id_, None) is not None

    def clear(self) -> None:
        self._armed.clear()

    def pick_early(self, method: str, path: str) -> Fault | None:
        """The fault that strikes before the body is read."""
        for armed in self._armed.values():
            early = armed.fault.kind == "reset" and armed.fault.recipient is None
            if early and armed.fires(method, path, None, self.rng):
                return armed.fault
        return None

    def pick(self, method: str, path: str, recipient: str | None) -> Fault | None:
        """The fault for a request that was read."""
        for armed in self._armed.values():
            early = armed.fault.kind == "reset" and armed.fault.recipient is None
            if not early and armed.fires(method, path, recipient, self.rng):
                return armed.fault
        return None

    def report(self) -> list[dict[str, object]]:
        """Each armed fault: id, kind, how many requests matched it and how many it hit."""
        return [
            {
                "id": armed.id,
                "kind": armed.fault.kind,
                "path": armed.fault.path,
                "matched": armed.matched,
                "hit": armed.hit,
            }
            for armed in self._armed.values()
        ]
