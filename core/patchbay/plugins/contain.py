"""Calling what a plugin brought without trusting it to come back, or to come back well."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from patchbay.errors import PatchbayError, PluginError

T = TypeVar("T")


class Hung(Exception):
    """The call did not return in time. Its thread is left behind: nothing in Python can end it."""


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
        raise Hung
    return answers[0]


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
