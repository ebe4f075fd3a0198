"""What a look at an account found: one value per thing that was looked at. No IO."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from patchbay.channel.outbound import ApiRequest, ApiResponse
from patchbay.errors import AccountBroken, SendError

T = TypeVar("T")
FindingState = Literal["ok", "warning", "problem", "unknown"]
Findings = Generator[ApiRequest, ApiResponse, Sequence["Finding"]]


@dataclass(frozen=True)
class Finding:
    """``check`` names what was looked at (token, scopes, subscription), ``told`` is a sentence, ``fix`` what to do."""

    check: str
    state: FindingState
    told: str
    fix: str | None = None


def tried(check: str, flow: Findings) -> Findings:
    """The flow's findings, or one that says why the provider refused to tell: it costs the other checks nothing."""
    try:
        return (yield from flow)
    except SendError as error:
        state: FindingState = "problem" if isinstance(error, AccountBroken) else "unknown"
        return (Finding(check, state, error.reason, error.hint),)
