"""What became of each plugin on the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

PluginState = Literal["loaded", "failing", "failed", "missing"]


@dataclass(frozen=True)
class Failure:
    """One thing of a plugin that has failed since the start: ``parse of the channel pigeon``.

    ``error`` is one sentence about the last time, ``at`` when that was. ``in_a_row`` is 0 when it went well since.
    ``rests_s`` is for how long it is not asked any more.
    """

    what: str
    error: str
    in_a_row: int
    total: int
    at: datetime | None
    rests_s: float


@dataclass(frozen=True)
class PluginReport:
    """One plugin of the allow list. ``file`` is where its module was loaded from; ``error`` is one sentence.

    ``failing`` is loaded, and a call of something of it failed within the last minute.
    ``distribution`` and ``version`` are those of the installed package that offers it. ``trace`` is the traceback
    behind ``error``, where there is one.
    """

    name: str
    state: PluginState
    distribution: str | None = None
    version: str | None = None
    module: str | None = None
    file: str | None = None
    hooks: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    error: str | None = None
    trace: str | None = None
    failures: tuple[Failure, ...] = ()
