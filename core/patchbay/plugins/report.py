"""What became of each plugin on the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PluginState = Literal["loaded", "failed", "missing"]


@dataclass(frozen=True)
class PluginReport:
    """One plugin of the allow list. ``file`` is where its module was loaded from; ``error`` is one sentence.

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
