"""Logs hold no secret and no message text, one line per event, whatever the values are."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from patchbay import logs
from patchbay.errors import ConfigError
from patchbay.redaction import LOGS, MASK, MOST_SECRETS, Redactor, hide, secrets_in
from patchbay.settings import LogSettings

CANARY = "canary7f3a9c1e5b"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warning|error|critical) ")


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 9, 33, 0, 120_000, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("logs do not wait")


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What was logged, in the format and from the level that the test's parameter names; text from info by default."""
    output = io.StringIO()
    root = logging.getLogger()
    level = root.level
    logs.configure(LogSettings(**getattr(request, "param", {})), output, clock=StoppedClock())
    yield output
    logging.captureWarnings(False)
    root.handlers = [handler for handler in root.handlers if type(handler).__module__ != logs.__name__]
    root.setLevel(level)
    for name in logs.QUIETER:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


JSON = {"format": "json"}
both = pytest.mark.parametrize("written", [{}, JSON], indirect=True, ids=["text", "json"])


def lines(written: io.StringIO) -> list[str]:
    return written.getvalue().splitlines()


# --- The two formats -------------------------------------------------------------------------------------------------


def test_a_line_of_text_says_when_how_bad_what_and_which(written: io.StringIO) -> None:
    structlog.get_logger().info("message applied", raw_id="raw_1", items=3, note="two words", none=None)
    assert lines(written) == [
        '2026-11-22T09:33:00.120Z info     message applied  raw_id=raw_1 items=3 note="two words" none=null'
    ]


@pytest.mark.parametrize("written", [JSON], indirect=True)
def test_a_line_of_json_is_one_object(written: io.StringIO) -> None:
    structlog.get_logger().warning("slow", seconds=1.5, at_account="acc_1", list=[1, "two"], odd={1})
    assert [json.loads(line) for line in lines(written)] == [
        {
            "at": "2026-11-22T09:33:00.120Z",
            "level": "warning",
            "event": "slow",
            "seconds": 1.5,
            "at_account": "acc_1",
            "list": [1, "two"],
            "odd": [1],
        }
    ]


@both
def test_the_id_of_the_request_is_on_its_lines(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req_42"):
        structlog.get_logger().info("inside")
        logging.getLogger("aiohttp.server").error("inside a library")
    structlog.get_logger().info("outside")
    assert ["req_42" in line for line in lines(written)] == [True, True, False]


@both
def test_the_logging_of_libraries_comes_out_alike(written: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("broken %s", "pipe")
    odd = logging.LogRecord("some.library", logging.INFO, __file__, 1, "%d", ("not a number",), None)
    (ours,) = [handler for handler in logging.getLogger().handlers if type(handler).__module__ == logs.__name__]
    ours.handle(odd)  # past pytest's own handler, which would raise
    first, second = lines(written)
    assert "broken pipe" in first
    assert "aiohttp.server" in first
    assert "%d" in second, "a format that does not fit its arguments is no reason to lose a line"


@pytest.mark.parametrize("written", [{"level": "WARNING"}], indirect=True)
def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    log = structlog.get_logger()
    log.debug("no")
    log.info("no")
    logging.getLogger("x").info("no")
    log.warning("yes")
    log.error("yes")
    log.critical("yes")
    assert [line.split()[1:3] for line in lines(written)] == [["warning", "yes"], ["error", "yes"], ["critical", "yes"]]


def test_an_exception_is_told_with_its_traceback(written: io.StringIO) -> None:
    try:
        raise ValueError("unexpected")
    except ValueError:
        structlog.get_logger().exception("it failed", ref="x")
    first, *rest = lines(written)
    assert first.endswith(" error    it failed  ref=x")
    assert rest[0] == "    | Traceback (most recent call last):"
    assert rest[-1] == "    | ValueError: unexpected"


def test_configuring_again_replaces_what_was(written: io.StringIO) -> None:
    second = io.StringIO()
    logs.configure(LogSettings(), second, clock=StoppedClock())
    logging.getLogger("x").error("once")
    assert (len(lines(written)), len(lines(second))) == (0, 1)


def test_an_unknown_level_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"^PATCHBAY_LOG__LEVEL: 'loud' is no level; use one of debug, info, "):
        logs.configure(LogSettings(level="loud"))


# --- No secret, no text ----------------------------------------------------------------------------------------------


class Strange:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Telling:
    def __str__(self) -> str:
        return f"Telling(access_token='{CANARY}')"


PLACES: list[dict[str, Any]] = [
    {"token": CANARY},
    {"access_token": CANARY},
    {"app_secret": CANARY},
    {"Authorization": f"Bearer {CANARY}"},
    {"verify_token": CANARY.encode()},
    {"password": [CANARY]},
    {"x_api_key": CANARY},
    {"credentials": {"anything": CANARY}},
    {"cookies": CANARY},
    {"signature": CANARY},
    {"headers": {"authorization": CANARY, "Set-Cookie": CANARY, "x-hub-signature-256": CANARY}},
    {"text": CANARY},
    {"body": CANARY.encode()},
    {"caption": CANARY},
    {"content": {"type": "text", "text": CANARY}},
    {"message": {"text": CANARY, "content": {"text": CANARY}}},
    {"rows": [{"deep": {"app_secret": CANARY}}]},
    {"too_deep": [[[[[[CANARY]]]]]]},
    {"raw": CANARY.encode()},
    {"url": f"https://graph.example/me?access_token={CANARY}&fields=id"},
    {"url": f"mongodb://user:{CANARY}@db/inbox"},
    {"line": f"Authorization: Bearer {CANARY}"},
    {"line": f"bearer {CANARY}"},
    {"line": f"hub.verify_token={CANARY}"},
    {"line": f"{{'app_secret': '{CANARY}', 'x': 1}}"},
    {"line": f'{{"client_secret" : "{CANARY}"}}'},
    {"line": f"EAAG{CANARY}{CANARY}"},
    {"error": ValueError(f"token={CANARY}")},
    {"thing": Telling()},
    {"secret": SecretStr(CANARY)},
]


@both
@pytest.mark.parametrize("values", PLACES, ids=[f"{next(iter(place))}-{index}" for index, place in enumerate(PLACES)])
def test_no_secret_and_no_text_is_written_wherever_it_stands(written: io.StringIO, values: dict[str, Any]) -> None:
    structlog.get_logger().info("event", **values)
    for value in values.values():
        if (isinstance(value, str) and "=" in value) or isinstance(value, BaseException | Telling):
            logging.getLogger("library").info("it said %s", value)
            try:
                raise RuntimeError(str(value))
            except RuntimeError:
                structlog.get_logger().exception("it failed")
                logging.getLogger("library").exception("it failed")
    assert lines(written)
    assert CANARY not in written.getvalue()


@both
def test_a_known_secret_is_masked_wherever_it_stands(written: io.StringIO, request: pytest.FixtureRequest) -> None:
    known = Redactor([f"{CANARY}known"])
    shown = known.text(f"a path /x/{CANARY}known/y and {CANARY}known")
    assert shown == f"a path /x/{MASK}/y and {MASK}"
    late = f"{CANARY}{request.node.name}"
    before = LOGS.text(late)
    hide(late, None, "")
    structlog.get_logger().info(f"what {late} is", where=f"/x/{late}", within=[f"x{late}"])
    assert before == late
    assert CANARY not in written.getvalue()


def test_what_is_no_secret_stays_readable() -> None:
    redactor = Redactor(["abc"])
    for name, value in [
        ("token_expires_at", "2026-11-22"),
        ("has_token", True),
        ("access_token", None),
        ("note", "the token is not valid, or no longer"),
        ("note", "the basic rules"),
        ("note", "abc is too short to look for"),
        ("url", "https://graph.example:8443/v25.0/me?fields=id"),
    ]:
        shown = redactor.named(name, value)
        assert shown == value or (name, shown) == ("note", f"the basic {MASK}")


def test_the_longer_of_two_secrets_is_masked_whole_and_their_number_is_bounded() -> None:
    redactor = Redactor(["secret-one", "secret-one-and-more"])
    assert redactor.text("it is secret-one-and-more") == f"it is {MASK}"
    many = Redactor(f"secret-number-{number:06}" for number in range(5 * MOST_SECRETS))
    assert sum(many.text(f"secret-number-{number:06}") == MASK for number in range(5 * MOST_SECRETS)) == MOST_SECRETS


def test_all_secrets_of_the_settings_are_found() -> None:
    class Inner(BaseModel):
        app_secret: tuple[SecretStr, ...] = (SecretStr("one"), SecretStr("two"))
        name: str = "plain"

    class Outer(BaseModel):
        key: SecretStr | None = SecretStr("three")
        inner: Inner = Inner()
        by_name: dict[str, SecretStr] = {"x": SecretStr("four")}

    assert sorted(secrets_in(Outer())) == ["four", "one", "three", "two"]
    assert sorted(secrets_in({"outer": Outer(key=None)})) == ["four", "one", "two"]


# --- One line, whatever happens --------------------------------------------------------------------------------------

LINE_BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
    "\x1b[2K",
]


@both
@pytest.mark.parametrize("break_", LINE_BREAKS, ids=ascii)
def test_a_value_cannot_begin_a_line(written: io.StringIO, break_: str) -> None:
    forged = f"x{break_}2026-11-22T09:33:00.120Z error    forged"
    structlog.get_logger().info("event", name=forged, key=[forged])
    structlog.get_logger().info(forged)
    logging.getLogger("library").info("said %s", forged)
    assert len(lines(written)) == 3
    assert "\x1b" not in written.getvalue()
    assert "\x00" not in written.getvalue()


def test_a_traceback_cannot_begin_a_line_that_looks_like_a_log_line(written: io.StringIO) -> None:
    try:
        raise ValueError("x\n2026-11-22T09:33:00.120Z info     forged")
    except ValueError:
        structlog.get_logger().exception("it failed")
    assert [bool(LINE.match(line)) for line in lines(written)] == [True] + [False] * (len(lines(written)) - 1)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_any_values_make_one_line(values: dict[str, Any]) -> None:
    redactor = Redactor()
    values.pop("exc_info", None)
    entry = logs.entry({"event": "x", **values}, "2026-11-22T09:33:00.120Z", redactor)
    assert len(logs.as_text(entry).splitlines()) == 1
    assert len(logs.as_json(entry).splitlines()) == 1


@both
def test_values_that_cannot_be_shown_do_not_stop_who_logs(written: io.StringIO) -> None:
    structlog.get_logger().info("event", strange=Strange(), cycle=(cycle := [1]), nan=float("nan"), mad="\ud800")
    cycle.append(cycle)  # type: ignore[arg-type]
    structlog.get_logger().info("event", cycle=cycle, keys={1: 2, Strange(): 3})
    assert len(lines(written)) == 2


def test_a_log_that_nobody_reads_any_more_stops_nobody() -> None:
    program = """
        import logging, sys, warnings, structlog
        from patchbay import logs
        from patchbay.settings import LogSettings
        logs.configure(LogSettings())
        log = structlog.get_logger()
        warnings.warn("an old way", DeprecationWarning)
        log.info("first")
        sys.stdin.readline()
        for number in range(2000):
            log.info("nobody hears this", number=number)
            logging.getLogger("x").error("nor this")
        print("done", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert "py.warnings" in process.stderr.readline()
        assert "first" in process.stderr.readline()
        process.stderr.close()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.read() == "done\n"
    assert process.returncode in (0, 120), "120 is Python's own complaint about the closed pipe at its end"
