"""How plugins behave once they run: what fails is counted, named and logged, and what keeps hanging rests.

A call that raises costs whoever made it, and nobody else: it is told of, and the next one is made. A call that hangs
costs time, so five in a row that passed their deadline open the breaker of that one thing for a minute; then one call
is tried. Failures that merely raise do not open it: whoever may send a request could shut the thing for all others.
Source: requirement R17, five failures and 60 s.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from aiohttp import web

from patchbay.errors import PluginUnavailable
from patchbay.metrics import Metrics
from patchbay.plugins.contain import Hung, Left
from patchbay.plugins.report import Failure, PluginReport
from patchbay.ports import Clock

log = structlog.get_logger(__name__)

DEADLINE_S = 2.0  # R17; long enough for one question to a database or an identity provider
OPEN_AFTER = 5  # calls in a row past their deadline
REST_S = 60.0  # how long the breaker stays open
SHOWN_S = 60.0  # how long after its last failure a plugin counts as failing: as long as a rest
LOG_EVERY_S = 60.0  # for one thing: whoever can make it fail must not be able to fill the log
END_S = 1.0  # for calls that were left behind, when the gateway ends
ANSWERING: web.RequestKey[asyncio.Event] = web.RequestKey("answering", asyncio.Event)  # of a plugin's route: it began


class Junk(Exception):
    """A call gave something else than its contract says; the text is "gave None where a list or tuple belongs"."""


def kind(value: Any) -> str:
    """A value as a sentence can hold it while the gateway runs: by its type, for the value may be anybody's message."""
    if value is None or isinstance(value, bool):
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


class Record:
    """One thing of a plugin: ``what`` is a sentence's beginning, as in "parse of the channel pigeon".

    ``in_a_row`` are the failures since the last call that went well; who makes calls on a hot path looks there before
    saying that another one did.
    """

    __slots__ = (
        "_at",
        "_clock",
        "_counter",
        "_failed_s",
        "_hung",
        "_logged_s",
        "_open_until_s",
        "error",
        "in_a_row",
        "plugin",
        "total",
        "what",
    )

    def __init__(self, plugin: str, what: str, clock: Clock, metrics: Metrics) -> None:
        self.plugin = plugin
        self.what = what
        self.in_a_row = 0
        self.total = 0
        self.error = ""
        self._clock = clock
        self._counter = metrics.counter(
            "patchbay_plugin_failures_total", "Calls of plugins that raised, hung or gave junk.", plugin=plugin
        )
        self._hung = 0  # in a row
        self._at: datetime | None = None
        self._failed_s = 0.0
        self._logged_s = 0.0
        self._open_until_s = 0.0

    def admit(self) -> None:
        """Raise ``PluginUnavailable`` while the breaker is open. After that one call is let through at a time."""
        if self._hung >= OPEN_AFTER:
            now = self._clock.monotonic()
            if now < self._open_until_s:
                raise PluginUnavailable(
                    f"{self._begun()} rests: it did not return {self._hung} times in a row.",
                    retry_after_s=self._open_until_s - now,
                )
            self._open_until_s = now + DEADLINE_S

    def went_well(self) -> None:
        """A call did what its contract says."""
        if self._hung >= OPEN_AFTER:
            log.info("plugin.recovered", plugin=self.plugin, what=self.what)
        self.in_a_row = self._hung = 0

    def failed(self, error: BaseException, deadline_s: float = DEADLINE_S) -> None:
        """A call raised what its contract does not foresee, hung (``Hung``) or gave ``Junk``."""
        self.in_a_row += 1
        self.total += 1
        self._counter.value += 1
        self._hung = self._hung + 1 if isinstance(error, Hung) else 0
        self._at, self._failed_s = self._clock.now(), self._clock.monotonic()
        self.error = f"{self._begun()} {_outcome(error, deadline_s)}."
        rests = self._hung >= OPEN_AFTER
        if rests:
            self._open_until_s = self._failed_s + REST_S
        if self._hung == OPEN_AFTER or self.total == 1 or self._failed_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = self._failed_s
            log.warning(
                "plugin.failed",
                plugin=self.plugin,
                told=self.error,
                in_a_row=self.in_a_row,
                total=self.total,
                rests_s=REST_S if rests else 0,
                exc_info=error if error.__traceback__ is not None and not isinstance(error, Hung | Junk) else None,
            )

    @property
    def is_failing(self) -> bool:
        """Whether a call failed not long ago, even if others went well: what fails may be one in a hundred."""
        return bool(self.total) and self._clock.monotonic() - self._failed_s < SHOWN_S

    @property
    def failure(self) -> Failure:
        """What is told of it."""
        rests_s = self._open_until_s - self._clock.monotonic() if self._hung >= OPEN_AFTER else 0.0
        return Failure(
            what=self.what,
            error=self.error,
            in_a_row=self.in_a_row,
            total=self.total,
            at=self._at,
            rests_s=max(0.0, round(rests_s, 1)),
        )

    def latest(self) -> float:
        """When it failed last, in seconds of the clock."""
        return self._failed_s

    def _begun(self) -> str:
        return self.what[0].upper() + self.what[1:] if self.what.startswith("the ") else self.what


class Conduct:
    """The records of all plugins, and the calls that were left behind because they would not end."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._records: dict[tuple[str, str], Record] = {}
        self.left: set[asyncio.Task[Any]] = set()

    def record(self, plugin: str, what: str) -> Record:
        """The record of one thing, the same each time."""
        found = self._records.get((plugin, what))
        if found is None:
            found = self._records[plugin, what] = Record(plugin, what, self._clock, self._metrics)
        return found

    def judged(self, reports: Iterable[PluginReport]) -> tuple[PluginReport, ...]:
        """The reports with what has failed since the start; a plugin of which something fails now is ``failing``."""
        return tuple(self._judged(report) for report in reports)

    def _judged(self, report: PluginReport) -> PluginReport:
        known = [record for record in self._records.values() if record.plugin == report.name and record.total]
        if not known:
            return report
        report = replace(report, failures=tuple(record.failure for record in known))
        failing = [record for record in known if record.is_failing]
        if report.state != "loaded" or not failing:
            return report
        return replace(report, state="failing", error=max(failing, key=Record.latest).error)

    async def close(self) -> bool:
        """End what was left behind; whether all of it did. What catches its cancellation cannot be ended."""
        for task in tuple(self.left):
            task.cancel()
        if self.left:
            await asyncio.wait(tuple(self.left), timeout=END_S)
        for task in self.left:
            log.warning("plugin.never_ends", task=task.get_name())
        return not self.left


def _outcome(error: BaseException, deadline_s: float) -> str:
    """How a call ended. Of an error only its class and where it was raised: its text may quote a message or a token."""
    match error:
        case Hung():
            return f"did not return within {deadline_s:g} s"
        case Junk():
            return str(error)
        case Left():
            return "tried to end the process"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"raised {type(error).__name__}{where}"
