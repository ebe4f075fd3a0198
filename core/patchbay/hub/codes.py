"""WebSocket close codes: one table whose ranges say whether to come back. No IO.

| Range     | What a client does                                                                        |
|-----------|-------------------------------------------------------------------------------------------|
| 1000      | nothing: it closed by itself                                                              |
| 1001-1006 | reconnect with a growing, random delay and resume from the last position that it received |
| 1007-1010 | mend first: the client broke the protocol, and would be closed again                      |
| 1011-1015 | reconnect with a growing, random delay and resume                                         |
| 4000-4004 | mend first: sign in, or correct what the client sends                                     |
| 4005-4009 | reconnect at once and resume                                                              |
| 4010-4019 | mend first: a limit is reached, and something has to be let go                            |
| 4020-4029 | reconnect after 10 s or more, and resume                                                  |

Any other code is treated like 1011. 1006 is never sent: it is what a client sees when the line broke.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Reconnect = Literal["never", "backoff", "mend_first", "at_once", "wait"]


class CloseCode(IntEnum):
    """The codes that the hub sends. Those below 4000 are of RFC 6455, section 7.4.1, and its registry."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    BAD_TEXT = 1007
    TOO_BIG = 1009
    INTERNAL = 1011
    TRY_AGAIN_LATER = 1013
    HELLO_TIMEOUT = 4001
    UNREADABLE = 4002
    UNAUTHENTICATED = 4003
    SLOW = 4008
    TOO_MANY_CONNECTIONS = 4013
    TOO_MANY_MESSAGES = 4029


@dataclass(frozen=True)
class CloseRule:
    """One row: why it is sent."""

    code: CloseCode
    meaning: str


CLOSE_CODES: tuple[CloseRule, ...] = (
    CloseRule(CloseCode.NORMAL, "The client closed."),
    CloseRule(CloseCode.GOING_AWAY, 'The server stops. The reason is {"position": n}: resume from there.'),
    CloseRule(CloseCode.PROTOCOL_ERROR, "A frame was not a valid WebSocket frame."),
    CloseRule(CloseCode.BAD_TEXT, "A text frame was not UTF-8."),
    CloseRule(CloseCode.TOO_BIG, "A message was larger than the server takes (256 KiB unless set otherwise)."),
    CloseRule(CloseCode.INTERNAL, "Something that nobody foresaw; it is in the server's log."),
    CloseRule(CloseCode.TRY_AGAIN_LATER, "The store or the sign-in does not answer now."),
    CloseRule(CloseCode.HELLO_TIMEOUT, "No hello came in time (5 s unless set otherwise)."),
    CloseRule(CloseCode.UNREADABLE, "Several messages could not be read as JSON."),
    CloseRule(CloseCode.UNAUTHENTICATED, "The credentials are wrong, have expired, or their rights were withdrawn."),
    CloseRule(CloseCode.SLOW, "The client did not read for a while (10 s unless set otherwise)."),
    CloseRule(CloseCode.TOO_MANY_CONNECTIONS, "The principal has as many connections as it may have."),
    CloseRule(
        CloseCode.TOO_MANY_MESSAGES,
        "More messages in 10 s than the server takes (100 unless set otherwise), or too many wrong credentials.",
    ),
)

_RANGES: tuple[tuple[int, int, Reconnect], ...] = (
    (1000, 1000, "never"),
    (1001, 1006, "backoff"),
    (1007, 1010, "mend_first"),
    (1011, 1015, "backoff"),
    (4000, 4004, "mend_first"),
    (4005, 4009, "at_once"),
    (4010, 4019, "mend_first"),
    (4020, 4029, "wait"),
)


def reconnect(code: int) -> Reconnect:
    """What a client does about this code."""
    return next((advice for first, last, advice in _RANGES if first <= code <= last), "backoff")
