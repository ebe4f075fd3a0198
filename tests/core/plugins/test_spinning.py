"""An import or a hook that spins is ended with its thread: it must not take a share of the processor for ever."""

from __future__ import annotations

import sys
import threading
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from patchbay.plugins import GROUP, load_plugins

QUICK_S = 0.2  # a deadline for what never returns
SPINNING = "while True:\n    pass\n"
HOOK = """from patchbay.hookspecs import hookimpl


@hookimpl
def register_permissions():
    while True:
        pass
"""


@pytest.fixture
def before() -> set[threading.Thread]:
    return set(threading.enumerate())


@pytest.mark.parametrize(("text", "doing"), [(SPINNING, "Its import"), (HOOK, "Register_permissions")])
def test_what_spins_is_reported_and_its_thread_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: set[threading.Thread], text: str, doing: str
) -> None:
    name = f"spins_{'import' if text is SPINNING else 'hook'}"
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = [EntryPoint("spinning", name, GROUP)]
    loaded = load_plugins({"PATCHBAY_PLUGINS": "spinning"}, entry_points=found, deadline_s=QUICK_S)
    assert loaded.reports[1].error == f"{doing} did not return within {QUICK_S:g} s."
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
    sys.modules.pop(name, None)
