"""Calling what a plugin brought without trusting it to come back, or to come back well."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from patchbay.errors import PatchbayError, PluginError

T = TypeVar("T")


class Hung(Exception):
    """The call did not return in time. Its thread or task was told to end, and is left behind where it does not."""


class Left(Exception):
    """The call tried to end the process or its thread: ``SystemExit``, ``KeyboardInterrupt`` and the like."""


def contained(call: Callable[[], T], deadline_s: float) -> T:
    """The call's answer, made in a thread of its own.

    Raises what the call raised, ``Left`` when that was no ordinary error, or ``Hung`` after ``deadline_s`` seconds.
    """
    answers: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as error:
            errors.append(error)
        except BaseException as error:
            left = Left(f"{type(error).__name__} {_text(error)}".strip())
            left.__cause__ = error
            errors.append(left)

    thread = threading.Thread(target=run, name="patchbay-plugin", daemon=True)
    thread.start()
    thread.join(deadline_s)
    if errors:
        raise errors[0]
    if not answers:
        _tell_to_end(thread)
        raise Hung
    return answers[0]


def _tell_to_end(thread: threading.Thread) -> None:
    """Raise ``SystemExit`` in the thread, so that one that spins does not take its share of the processor for ever.

    It comes at the thread's next step of Python: what waits in C code (a lock, a socket, a sleep) meets it when that
    returns, if ever, and what catches everything goes on. Source: Python/C API, ``PyThreadState_SetAsyncExc``.
    """
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


async def awaited(
    call: Callable[[], Awaitable[T]],
    deadline_s: float | None,
    left: set[asyncio.Task[Any]],
    *,
    name: str,
    spared: Callable[[], bool] = lambda: False,
) -> T:
    """The call's answer, made in a task of its own, so that one that catches its cancellation cannot hold us up.

    ``left`` keeps what was left behind until it ends. When ``spared`` says so at the deadline, there is none any more.
    Raises what the call raised, ``Left`` when that was no ordinary error, or ``Hung`` after ``deadline_s`` seconds.
    """
    task = asyncio.get_running_loop().create_task(_kept_in(call), name=name)
    try:
        done, _ = await asyncio.wait((task,), timeout=deadline_s)
        if not done and spared():
            done, _ = await asyncio.wait((task,))
    except asyncio.CancelledError:
        _leave(task, left)
        raise
    if done:
        try:
            return task.result()
        finally:
            del task, done  # its error's traceback holds this frame: a circle that only the collector would find
    _leave(task, left)
    raise Hung


async def _kept_in(call: Callable[[], Awaitable[T]]) -> T:
    """What leaves a task by itself must not end the loop, nor look like the cancellation of who waits for it."""
    try:
        return await call()
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise Left("CancelledError") from error
    except SystemExit as error:
        raise Left("SystemExit") from error


def _leave(task: asyncio.Task[Any], left: set[asyncio.Task[Any]]) -> None:
    def ended(task: asyncio.Task[Any]) -> None:
        left.discard(task)
        if not task.cancelled():
            task.exception()  # nobody is there to be told any more

    left.add(task)
    task.add_done_callback(ended)
    task.cancel()


def said(error: Exception, doing: str, deadline_s: float) -> str:
    """One sentence about what went wrong while ``doing`` ("register_channels"), without a line break."""
    match error:
        case PluginError():
            text = error.detail
        case Hung():
            text = f"{doing} did not return within {deadline_s:g} s"
        case Left():
            text = f"{doing} tried to end the process with {error}"
        case ValidationError():  # its own text shows the input, which may be a secret
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            text = f"{doing} raised ValidationError: {where}: {first['msg']}"
        case _:
            detail = error.detail if isinstance(error, PatchbayError) else _text(error)
            text = f"{doing} raised {type(error).__name__}" + (f": {detail}" if detail else "")
    one_line = " ".join(text.split())
    if len(one_line) > 300:
        one_line = one_line[:299] + "\u2026"
    return one_line if one_line.endswith((".", "!", "?", "\u2026")) else one_line + "."


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error class of a plugin is the plugin's code too
        return ""


def traced(error: Exception) -> str:
    """The traceback, for whoever repairs the plugin."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return ""
