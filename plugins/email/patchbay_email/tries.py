"""What became of the last try. No IO."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass
class Tries:
    """The last try alone: when it ended, None before the first, and the sentence of what went wrong, None if nothing.

    What notices find out is what the health check tells.
    """

    ended_at: datetime | None = None
    failure: str | None = None

    def worked(self, now: datetime) -> None:
        self.ended_at, self.failure = now, None

    def failed(self, now: datetime, sentence: str) -> None:
        self.ended_at, self.failure = now, sentence
