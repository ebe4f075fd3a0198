"""Logs: one line per event, as text or JSON, with the request's id and without secrets.

Lines go to standard error; standard output is for what a command prints. The logging of libraries comes out alike.
Whatever a value holds, it cannot begin a line: control characters are escaped, the lines of a traceback are indented.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from patchbay.errors import ConfigError
from patchbay.model.times import rfc3339
from patchbay.ports import Clock
from patchbay.redaction import LOGS, Redactor, hide, secrets_in
from patchbay.settings import PREFIX, LogSettings
from patchbay.system import SystemClock

if TYPE_CHECKING:
    from patchbay.plugins import Loaded

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
QUIETER: Final = ("asyncio", "aiohttp.access")  # what these say at "info" is news to nobody
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\\\]")
_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u2028\u2029]")  # what JSON allows and terminals take for more than text
_PLAIN: Final = re.compile(r"[!#-<>-\[\]-~]+")
Render = Callable[[EventDict], str]


class Output(Protocol):
    def write(self, text: str, /) -> Any: ...

    def flush(self) -> Any: ...


def level_of(settings: LogSettings) -> int:
    """The level as a number. Raises ``ConfigError`` for one that does not exist."""
    level = LEVELS.get(settings.level.lower())
    if level is None:
        raise ConfigError(f"{PREFIX}LOG__LEVEL: {settings.level!r} is no level; use one of {', '.join(LEVELS)}.")
    return level


def begin(loaded: Loaded) -> None:
    """Logs as the settings say, without a secret of theirs; plugins that are not there are the first thing in it."""
    hide(*secrets_in(loaded.settings), *secrets_in(loaded.settings.plugin_tables))
    configure(loaded.settings.log)
    log = structlog.get_logger(__name__)
    for report in loaded.failures:
        log.error("plugin not loaded", plugin=report.name, state=report.state, error=report.error)


def configure(settings: LogSettings, output: Output | None = None, *, clock: Clock | None = None) -> None:
    """Send every log of this process to the output (standard error), in the format and from the level of the settings.

    Called once, at start: loggers keep what they were first used with, which makes a line below the level cost nothing
    worth counting. Raises ``ConfigError``.
    """
    level = level_of(settings)
    tolerant = _Tolerant(sys.stderr if output is None else output)
    finish = _finisher(as_json if settings.format == "json" else as_text, clock or SystemClock())
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _level_named, finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: tolerant,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, _Bridge)]
    root.addHandler(_Bridge(tolerant, finish))
    root.setLevel(level)
    for name in QUIETER:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


def as_json(event: EventDict) -> str:
    """One JSON object."""
    return _json(event)


def as_text(event: EventDict) -> str:
    """``2026-11-22T09:33:00.000Z info     what happened  name=value``, and a traceback below it, indented."""
    event = dict(event)
    at, level, what = event.pop("at"), event.pop("level"), event.pop("event")
    trace = event.pop("exception", None)
    values = "".join(f" {_escaped(name)}={_shown(value)}" for name, value in event.items())
    line = f"{at} {level:<8} {_escaped(str(what))}{' ' if values else ''}{values}"
    if trace:
        line += "".join(f"\n    | {_escaped(one)}" for one in str(trace).splitlines())
    return line


def entry(event: EventDict, at: str, redactor: Redactor) -> EventDict:
    """The event as it may be written: when it happened first, secrets masked, an exception last as its traceback."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    written: EventDict = {"at": at, "level": event.pop("level", ""), "event": ""}
    written.update({name: redactor.named(name, value) for name, value in event.items()})
    if isinstance(exc_info, tuple) and exc_info[0] is not None:
        written["exception"] = redactor.text("".join(traceback.format_exception(*exc_info)))
    return written


def _level_named(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {"level": "error" if method == "exception" else method, **event}


def _finisher(render: Render, clock: Clock) -> Callable[[WrappedLogger, str, EventDict], str]:
    return lambda logger, method, event: render(entry(event, rfc3339(clock.now()), LOGS))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if _PLAIN.fullmatch(text) else '"' + _escaped(text).replace('"', '\\"') + '"'


def _json(value: Any) -> str:
    try:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError):  # a lone surrogate, a number past 64 bits
        text = json.dumps(value, default=str)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


class _Tolerant:
    """A logger for structlog, and an output whose reader may have gone: the service goes on without its log."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def line(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed pipe, a full disk; a closed file
            self._output.write(text + "\n")
            self._output.flush()

    debug = info = warning = warn = error = critical = exception = fatal = msg = log = line


class _Bridge(logging.Handler):
    """The standard library's logging, on its way to the same lines."""

    def __init__(self, tolerant: _Tolerant, finish: Callable[[WrappedLogger, str, EventDict], str]) -> None:
        super().__init__()
        self._tolerant = tolerant
        self._finish = finish

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # a library's format and its arguments disagree
            message = str(record.msg)
        event: EventDict = {**structlog.contextvars.get_contextvars(), "level": record.levelname.lower()}
        event.update(event=message, logger=record.name, exc_info=record.exc_info)
        self._tolerant.line(self._finish(None, record.levelname, event))
