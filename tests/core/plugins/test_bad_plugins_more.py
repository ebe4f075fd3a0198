"""Bad plugins, further: odd entry points, answers that bite when they are read, imports that hold others up.

``tests/core/test_plugins.py`` has the plain ones.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel

from patchbay.channel import BaseChannel, Capabilities
from patchbay.errors import PluginError
from patchbay.hookspecs import Permission, Route, hookimpl
from patchbay.plugins import GROUP, Loaded, PluginReport, load_plugins

QUICK_S = 0.3  # a deadline for what never returns
GOOD = "good"
MODULE = "plugins_of_this_test"


class Good:
    """The neighbour that has to be there whole, whatever the other does."""

    @hookimpl
    def register_permissions(self) -> Sequence[Permission]:
        return [Permission("good.work", "Go on.")]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that entry points of this test name; plugins are its attributes."""
    module = ModuleType(MODULE)
    module.good = Good()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    return module


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def failure(value: str, *, deadline_s: float = 10.0) -> str:
    """What is said of the bad plugin; the good one after it must be there."""
    found = [entry("bad", value), entry(GOOD, f"{MODULE}:good")]
    loaded = load_plugins({"PATCHBAY_PLUGINS": f"bad,{GOOD}"}, entry_points=found, deadline_s=deadline_s)
    report = by_name(loaded)["bad"]
    assert report.state == "failed"
    assert "bad" not in loaded.registry.origins.values()
    assert by_name(loaded)[GOOD].state == "loaded"
    assert [each.name for each in loaded.registry.permissions] == ["good.work"]
    assert report.error is not None
    assert "\n" not in report.error
    return report.error


def by_name(loaded: Loaded) -> Mapping[str, PluginReport]:
    return {report.name: report for report in loaded.reports}


def returning(here: ModuleType, hook: str, call: Callable[[], Any]) -> str:
    """An entry point's value whose plugin answers one hook by this call."""

    def implementation(self: Any) -> Any:
        return call()

    implementation.__name__ = hook
    here.bad = type("Bad", (), {hook: hookimpl(implementation)})()  # type: ignore[attr-defined]
    return f"{MODULE}:bad"


# --- Entry points ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "no module!", "a:b:c", "\0", "a b"])
def test_an_entry_point_that_names_no_module_is_said_so(value: str) -> None:
    assert failure(value) == f"Its entry point {value!r} names no module."


@pytest.mark.parametrize("value", ["..relative", "plugins_of_this_test:", "sys:maxsize", "plugins_of_this_test:good.x"])
def test_an_entry_point_that_leads_to_no_plugin_is_a_failure(value: str) -> None:
    failure(value)


@pytest.mark.parametrize("text", [b"[patchbay.plugins]\nno pair\n", b"\xff\xfe\n", b"[patchbay.plugins]\n = x = y\n"])
def test_the_broken_list_of_some_other_distribution_hides_nobodys_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_bytes(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded = load_plugins({"PATCHBAY_PLUGINS": "whatsapp"})
    assert by_name(loaded)["whatsapp"].state == "loaded"


def test_a_distribution_without_metadata_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "bare-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{GOOD} = {MODULE}:good\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert by_name(load_plugins({"PATCHBAY_PLUGINS": GOOD}))[GOOD].state == "loaded"


def test_what_is_not_listed_is_not_imported_though_its_neighbour_in_the_distribution_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "two_in_one"
    package.mkdir()
    (package / "__init__.py").touch()
    listed = "from patchbay.hookspecs import hookimpl\n\n@hookimpl\ndef register_permissions():\n    return []\n"
    (package / "listed.py").write_text(listed, encoding="utf-8")
    (package / "unlisted.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = [entry(name, f"two_in_one.{name}") for name in ("listed", "unlisted")]
    loaded = load_plugins({"PATCHBAY_PLUGINS": "listed"}, entry_points=found)
    assert (by_name(loaded)["listed"].state, loaded.unlisted) == ("loaded", ("unlisted",))
    assert "two_in_one.unlisted" not in sys.modules
    for name in ("two_in_one", "two_in_one.listed"):
        monkeypatch.delitem(sys.modules, name)


# --- Imports ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path; what was imported from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def broken(:\n", "Its import raised SyntaxError: "),
        ("x = '\0'\n", "Its import raised "),
        ("import bad_plugin_here.nothing\n", "Its import raised ModuleNotFoundError: "),
        ("raise KeyboardInterrupt\n", "Its import tried to end the process with KeyboardInterrupt."),
        ("raise GeneratorExit\n", "Its import tried to end the process with GeneratorExit."),
        ("import asyncio\nraise asyncio.CancelledError\n", "Its import tried to end the process with CancelledError."),
        ("def f():\n    f()\n\nf()\n", "Its import raised RecursionError: "),
        ("raise MemoryError\n", "Its import raised MemoryError."),
        ("import asyncio\nasyncio.get_running_loop()\n", "Its import raised RuntimeError: no running event loop."),
        ("raise type('E' * 10_000, (Exception,), {})('x' * 10_000)\n", "Its import raised EEE"),
    ],
)
def test_whatever_an_import_raises_is_told_in_one_sentence(folder: Path, text: str, sentence: str) -> None:
    (folder / "bad_plugin_here.py").write_text(text, encoding="utf-8")
    told = failure("bad_plugin_here")
    assert told.startswith(sentence)
    assert len(told) <= 300


def test_an_import_that_hangs_holds_up_only_those_that_need_the_same_module(folder: Path) -> None:
    (folder / "never_there.py").write_text("import threading\nthreading.Event().wait()\n", encoding="utf-8")
    good = "from patchbay.hookspecs import hookimpl\n\n@hookimpl\ndef register_permissions():\n    return []\n"
    (folder / "hangs_one.py").write_text(f"import never_there\n{good}", encoding="utf-8")
    (folder / "hangs_two.py").write_text(f"import never_there\n{good}", encoding="utf-8")
    found = [entry(name, name) for name in ("hangs_one", "hangs_two")] + [entry(GOOD, f"{MODULE}:good")]
    begun = time.monotonic()
    loaded = load_plugins({"PATCHBAY_PLUGINS": f"hangs_one,hangs_two,{GOOD}"}, entry_points=found, deadline_s=QUICK_S)
    assert time.monotonic() - begun < 10 * QUICK_S
    told = [(report.name, report.state, report.error) for report in loaded.reports[1:]]
    hung = "Its import did not return within 0.3 s."
    assert told == [("hangs_one", "failed", hung), ("hangs_two", "failed", hung), (GOOD, "loaded", None)]


def test_a_plugin_that_hung_is_asked_for_nothing_more(here: ModuleType) -> None:
    asked: list[str] = []

    class Bad:
        @hookimpl
        def register_channels(self) -> Sequence[Any]:
            asked.append("channels")
            threading.Event().wait()
            return []

        @hookimpl
        def register_permissions(self) -> Sequence[Permission]:
            asked.append("permissions")
            return []

    here.bad = Bad()  # type: ignore[attr-defined]
    failure(f"{MODULE}:bad", deadline_s=QUICK_S)
    assert asked == ["channels"]


ENDS_THOUGH_ONE_HANGS = """
    from importlib.metadata import EntryPoint
    from patchbay.plugins import load_plugins
    found = [EntryPoint("hangs", "hangs_at_import", "patchbay.plugins")]
    loaded = load_plugins({"PATCHBAY_PLUGINS": "hangs"}, entry_points=found, deadline_s=0.2)
    print(loaded.reports[1].error)
"""


def test_a_process_ends_though_an_import_still_hangs() -> None:
    under_test = Path(__file__).parents[1] / "plugins_under_test"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ENDS_THOUGH_ONE_HANGS)],
        env={**os.environ, "PYTHONPATH": str(under_test)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (0, "Its import did not return within 0.2 s.\n"), done.stderr


# --- Answers that bite when they are read ----------------------------------------------------------------------------


def _raise(error: BaseException) -> Any:
    raise error


class Biting(Sequence[Any]):
    """A sequence, as long as nobody looks."""

    def __init__(self, bite: Callable[[], Any]) -> None:
        self.bite = bite

    def __len__(self) -> int:
        return int(self.bite())

    def __getitem__(self, index: Any) -> Any:
        return self.bite()


class BitingName:
    def __init__(self, bite: Callable[[], Any]) -> None:
        self.bite = bite

    async def on_events(self, events: Sequence[Any]) -> None: ...

    @property
    def name(self) -> str:
        return str(self.bite())


BITES: Mapping[str, Callable[[], Any]] = {
    "raises": lambda: _raise(RuntimeError("ouch")),
    "exits": lambda: _raise(SystemExit(1)),
    "hangs": lambda: threading.Event().wait(),
}


@pytest.mark.parametrize("bite", BITES)
@pytest.mark.parametrize("wrap", [Biting, lambda bite: [BitingName(bite)]], ids=["sequence", "name"])
def test_an_answer_that_bites_when_it_is_read_is_contained(
    here: ModuleType, bite: str, wrap: Callable[[Any], Any]
) -> None:
    value = returning(here, "register_listeners", lambda: wrap(BITES[bite]))
    assert failure(value, deadline_s=QUICK_S).startswith("Register_listeners ")


class Owl(BaseChannel):
    """A channel that is as it should be, but for what a test does to it."""

    name = "owl"
    title = "Owl"
    account_settings = BaseModel
    credential_names = ()
    capabilities = Capabilities(contents=frozenset())
    verify = parse = check = send = base_url = print


@pytest.mark.parametrize("bite", BITES)
@pytest.mark.parametrize("method", ["configured_accounts", "gaps"])
def test_what_a_channel_is_asked_at_the_start_is_asked_where_it_can_be_contained(
    here: ModuleType, method: str, bite: str
) -> None:
    channel = type("Bad", (Owl,), {method: lambda self: BITES[bite]()})()
    told = failure(returning(here, "register_channels", lambda: [channel]), deadline_s=QUICK_S)
    assert told.startswith("Register_channels ")


@pytest.mark.parametrize(
    ("method", "junk", "sentence"),
    [
        ("configured_accounts", None, "it returned None where a list or tuple belongs."),
        (
            "configured_accounts",
            ["north"],
            "the configured_accounts of its channel owl are not all a ConfiguredAccount.",
        ),
        ("gaps", "a sentence", "it returned 'a sentence' where a list or tuple belongs."),
        ("gaps", [None], "the gaps of its channel owl are not all a sentence."),
    ],
)
def test_what_a_channel_says_at_the_start_is_checked(here: ModuleType, method: str, junk: Any, sentence: str) -> None:
    channel = type("Bad", (Owl,), {method: lambda self: junk})()
    assert failure(returning(here, "register_channels", lambda: [channel])) == f"Register_channels: {sentence}"


@pytest.mark.parametrize("path", ["/x{", "/x}", "/x/{a}/{a}", "/x/{a:(}", "/{}"])
def test_a_path_that_cannot_be_routed_is_found_at_the_start(here: ModuleType, path: str) -> None:
    value = returning(here, "register_routes", lambda: [Route("GET", path, print, None, "Odd.")])
    assert failure(value) == f"Register_routes: the places in the path {path!r} of a route are not well-formed."


@pytest.mark.parametrize("hook", ["register_routes", "register_permissions", "register_health", "register_collections"])
@pytest.mark.parametrize("junk", [0, "text", b"bytes", {"a": 1}, {1, 2}, object(), [None], [[]], iter([])], ids=type)
def test_junk_of_every_kind_is_refused(here: ModuleType, hook: str, junk: Any) -> None:
    assert failure(returning(here, hook, lambda: junk)).startswith(f"{hook.capitalize()}: ")


@pytest.mark.parametrize(
    ("hook", "things"),
    [
        ("register_permissions", [Permission("bad.twice", "One.")] * 2),
        ("register_routes", [Route("GET", "/twice", print, None, "Twice.")] * 2),
        ("register_listeners", [SimpleNamespace(name="twice", on_events=print)] * 2),
        ("register_notifiers", [SimpleNamespace(name="twice", notify=print)] * 2),
        ("register_health", [SimpleNamespace(name="twice", check=print)] * 2),
        ("register_authenticators", [SimpleNamespace(name="twice", authenticate=print)] * 2),
        ("register_authorizers", [SimpleNamespace(name="twice", decide=print, sees=print)] * 2),
    ],
)
def test_a_name_that_one_plugin_registers_twice_disables_it(here: ModuleType, hook: str, things: Any) -> None:
    assert failure(returning(here, hook, lambda: things)).endswith(" twice.")


async def test_a_loop_that_runs_is_not_in_a_hooks_way(here: ModuleType) -> None:
    """Hooks run in a thread of their own: one that starts a loop does not meet the one that is running."""
    value = returning(here, "register_permissions", lambda: [asyncio.run(_permission())])
    loaded = load_plugins({"PATCHBAY_PLUGINS": "bad"}, entry_points=[entry("bad", value)])
    assert by_name(loaded)["bad"].error is None


async def _permission() -> Permission:
    return Permission("bad.loop", "One.")


# --- Required --------------------------------------------------------------------------------------------------------


def required(value: str, deadline_s: float = 10.0) -> None:
    environ = {"PATCHBAY_PLUGINS": f"{GOOD},bad", "PATCHBAY_REQUIRED_PLUGINS": f"bad,{GOOD}"}
    found = [entry("bad", value), entry(GOOD, f"{MODULE}:good")]
    with pytest.raises(PluginError, match=r"^The required plugin bad could not be loaded: "):
        load_plugins(environ, entry_points=found, deadline_s=deadline_s)


@pytest.mark.parametrize("bite", BITES)
def test_a_required_plugin_stops_the_start_however_it_fails(here: ModuleType, bite: str) -> None:
    required(returning(here, "register_channels", BITES[bite]), deadline_s=QUICK_S)


def test_a_required_plugin_whose_name_for_something_is_taken_stops_the_start(here: ModuleType) -> None:
    required(returning(here, "register_permissions", lambda: [Permission("good.work", "Again.")]))


def test_a_required_plugin_with_an_odd_entry_point_stops_the_start() -> None:
    required("no module!")
