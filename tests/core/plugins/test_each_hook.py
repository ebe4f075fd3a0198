"""Each hook by itself: what it registers, how answers combine, and what becomes of it once it acts.

``tests/project/test_hooks_documented.py`` asks for a test named ``test_{hook}_...`` for every hook.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import typer
from aiohttp import web
from pydantic import BaseModel

from patchbay.channel import BaseChannel, Capabilities
from patchbay.cli.app import plugin_commands
from patchbay.collections import CORE_COLLECTIONS, CURSORS, Collection
from patchbay.errors import ConfigError, PatchbayError, Unauthenticated
from patchbay.hookspecs import Permission, PluginSettings, Route, hookimpl
from patchbay.listening import Listening
from patchbay.model.document import Document
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.model.times import from_unix
from patchbay.plugins import GROUP, Loaded, load_plugins
from patchbay.ports import Batch, Credentials, Put
from patchbay.service import Inbox
from patchbay.settings import Settings, Table
from patchbay.storage.sqlite import SqliteStore
from patchbay.system import SystemIds
from patchbay.testing import FakeClock
from patchbay.web.auth import is_allowed, principal_for
from patchbay.web.health import examined

MODULE = "a_plugin_per_hook"


def plugin(**hooks: Callable[..., Any]) -> Any:
    """A plugin with these hooks; a hook that takes anything takes the settings."""

    def bound(hook: Callable[..., Any]) -> Callable[..., Any]:
        if hook.__code__.co_argcount:
            return lambda self, settings: hook(settings)
        return lambda self: hook()

    return type("Plugin", (), {name: hookimpl(bound(hook)) for name, hook in hooks.items()})()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Loaded]:
    """Loads plugins, given by name, in this order."""

    def load(*, settings: Mapping[str, str] | None = None, **plugins: Any) -> Loaded:
        module = ModuleType(MODULE)
        vars(module).update(plugins)
        monkeypatch.setitem(sys.modules, MODULE, module)
        environ = {"PATCHBAY_PLUGINS": ",".join(plugins), "PATCHBAY_DATA_DIR": str(tmp_path), **(settings or {})}
        found = [EntryPoint(name, f"{MODULE}:{name}", GROUP) for name in plugins]
        loaded = load_plugins(environ, entry_points=found)
        assert [report.error for report in loaded.reports] == [None] * (len(plugins) + 1)
        return loaded

    return load


Load = Callable[..., Loaded]


class OwlSettings(Table):
    wings: int = 2


def owl_settings() -> PluginSettings:
    return PluginSettings("owl", OwlSettings)


class Owl(BaseChannel):
    name = "owl"
    title = "Owl"
    account_settings = BaseModel
    credential_names = ()
    capabilities = Capabilities(contents=frozenset())

    def __init__(self, wings: int = 2) -> None:
        self.wings = wings

    verify = parse = check = send = base_url = print


def test_register_settings_gives_the_other_hooks_a_validated_table(load: Load) -> None:
    seen: list[Settings] = []
    owl = plugin(register_settings=owl_settings, register_channels=lambda settings: seen.append(settings))
    loaded = load(owl=owl, settings={"PATCHBAY_OWL__WINGS": "4"})
    assert seen[0].plugin("owl", OwlSettings).wings == 4
    assert loaded.registry.origin("settings table", "owl") == "owl"
    with pytest.raises(ConfigError, match=r"^PATCHBAY_OWL__WINGS: "):
        load(owl=owl, settings={"PATCHBAY_OWL__WINGS": "many"})


def test_register_channels_keeps_the_channels_of_every_plugin(load: Load) -> None:
    def channels(settings: Settings) -> Sequence[Any]:
        return [Owl(settings.plugin("owl", OwlSettings).wings)]

    heron = type("Heron", (Owl,), {"name": "heron"})
    loaded = load(
        owl=plugin(register_settings=owl_settings, register_channels=channels),
        heron=plugin(register_channels=lambda: (heron(),)),
        settings={"PATCHBAY_OWL__WINGS": "6"},
    )
    assert list(loaded.registry.channels) == ["owl", "heron"]
    assert getattr(loaded.registry.channels["owl"], "wings", None) == 6
    assert loaded.reports[1].channels == ("owl",)


def test_register_stores_makes_the_store_of_the_scheme_and_no_other(load: Load) -> None:
    made: list[str] = []

    def factory(url: str, settings: Settings) -> Any:
        made.append(url)
        return SimpleNamespace(url=url)

    owl = plugin(register_stores=lambda: {"nest": factory, "hollow": factory})
    loaded = load(owl=owl, settings={"PATCHBAY_STORE": "nest://oak"})
    assert made == []
    assert getattr(loaded.registry.store(loaded.settings), "url", None) == "nest://oak"
    assert made == ["nest://oak"]
    nobodys = load(owl=owl, settings={"PATCHBAY_STORE": "burrow://oak"})
    with pytest.raises(ConfigError, match=r"burrow://.*hollow://, nest://, sqlite://"):
        nobodys.registry.store(nobodys.settings)


def test_register_buses_makes_the_bus_of_the_scheme(load: Load) -> None:
    owl = plugin(register_buses=lambda: {"hoot": lambda url, settings: SimpleNamespace(url=url)})
    loaded = load(owl=owl, settings={"PATCHBAY_BUS": "hoot://far"})
    assert getattr(loaded.registry.bus(loaded.settings), "url", None) == "hoot://far"


class Pellet(Document, frozen=True, kw_only=True):
    size: int


PELLETS = Collection("owl_pellets", Pellet, indexes=(("size",),))


async def test_register_collections_opens_them_with_the_store(load: Load, tmp_path: Path) -> None:
    loaded = load(owl=plugin(register_collections=lambda: [PELLETS]))
    assert loaded.registry.collections == (*CORE_COLLECTIONS, PELLETS)
    store = loaded.registry.store(loaded.settings)
    await store.open(loaded.registry.collections)
    at = from_unix(1_790_000_000)
    pellet = Pellet(id="p1", created_at=at, updated_at=at, size=3)
    await store.commit(Batch(puts=[Put(PELLETS, pellet, None)]))
    assert await store.get(PELLETS, "p1") == pellet
    await store.close()


def answering(name: str, answer: Callable[[Credentials], Any]) -> Any:
    async def authenticate(credentials: Credentials) -> Any:
        return answer(credentials)

    return SimpleNamespace(name=name, authenticate=authenticate)


async def test_register_authenticators_are_asked_in_order_until_one_answers(load: Load) -> None:
    one, two = Principal(type="bot", id="one"), Principal(type="bot", id="two")
    keys = {"both": one, "first": one}
    first = answering("first", lambda given: keys.get(given.api_key or ""))
    second = answering("second", lambda given: two if given.api_key in ("both", "second") else None)
    loaded = load(
        owl=plugin(register_authenticators=lambda: [first]), heron=plugin(register_authenticators=lambda: [second])
    )
    asked = loaded.registry.authenticators
    assert [each.name for each in asked] == ["bootstrap", "first", "second"]
    assert await principal_for(Credentials(api_key="both"), asked) == one
    assert await principal_for(Credentials(api_key="second"), asked) == two
    with pytest.raises(Unauthenticated):
        await principal_for(Credentials(api_key="neither"), asked)


@pytest.mark.parametrize(
    ("verdicts", "allowed"),
    [
        (("allow", "abstain"), True),
        (("abstain", "allow"), True),
        (("allow", "deny"), False),
        (("deny", "allow"), False),
        (("abstain", "abstain"), False),
        (("yes", True), False),
        ((None, "allow"), True),
    ],
)
def test_register_authorizers_one_deny_denies_and_so_does_silence(
    load: Load, verdicts: tuple[Any, Any], allowed: bool
) -> None:
    def judge(name: str, verdict: Any) -> Any:
        return SimpleNamespace(name=name, decide=lambda *_: verdict, sees=lambda *_: verdict)

    judges = [judge(f"judge{number}", verdict) for number, verdict in enumerate(verdicts)]
    loaded = load(owl=plugin(register_authorizers=lambda: judges))
    assert is_allowed(Principal(type="bot", id="one"), "things.read", loaded.registry.authorizers) is allowed


async def test_register_notifiers_are_kept_as_they_were_given(load: Load) -> None:
    told: list[tuple[str, str, str]] = []

    async def notify(recipient: str, subject: str, text: str) -> None:
        told.append((recipient, subject, text))

    loaded = load(owl=plugin(register_notifiers=lambda: [SimpleNamespace(name="post", notify=notify)]))
    (notifier,) = loaded.registry.notifiers
    await notifier.notify("mara", "Hi", "Hello")
    assert told == [("mara", "Hi", "Hello")]
    assert loaded.registry.origin("notifier", "post") == "owl"


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    from patchbay.bus.local import LocalBus

    store, bus = SqliteStore(tmp_path / "each.db"), LocalBus()
    await store.open(CORE_COLLECTIONS)
    await bus.open()
    yield Inbox(store, bus, FakeClock(), SystemIds())
    await bus.close()
    await store.close()


async def test_register_listeners_are_told_and_one_that_raises_costs_the_other_nothing(
    load: Load, inbox: Inbox
) -> None:
    told: list[str] = []
    done = asyncio.Event()

    async def hear(events: Sequence[Event]) -> None:
        told.extend(event.subject_id for event in events)
        done.set()

    async def refuse(events: Sequence[Event]) -> None:
        raise RuntimeError("not me")

    loaded = load(
        owl=plugin(
            register_listeners=lambda: [
                SimpleNamespace(name="deaf", on_events=refuse),
                SimpleNamespace(name="keen", on_events=hear),
            ]
        )
    )
    listenings = [Listening(listener, inbox) for listener in loaded.registry.listeners]
    running = [asyncio.create_task(listening.run()) for listening in listenings]
    async with asyncio.timeout(10):
        while len(await inbox.store.get_many(CURSORS, ["deaf", "keen"])) < 2:
            await asyncio.sleep(0.01)
        await inbox.run(lambda uow: uow.emit("thing.happened", "thing", "hoot", {}))
        for listening in listenings:
            listening.ring()
        await done.wait()
        while not listenings[0].failures:
            await asyncio.sleep(0.01)
    for listening in listenings:
        listening.stop()
    await asyncio.gather(*running)
    assert told == ["hoot"]
    assert [listening.failures for listening in listenings] == [1, 0]


async def answer_hoot(request: web.Request) -> web.Response:
    return web.Response(text="hoot")


def test_register_routes_and_their_permissions_are_in_the_registry_and_the_document(load: Load) -> None:
    from patchbay.web.openapi import document

    route = Route("GET", "/owls/hoot", answer_hoot, "owls.hear", "Hear an owl")
    owl = plugin(register_routes=lambda: [route], register_permissions=lambda: [Permission("owls.hear", "Hear owls")])
    loaded = load(owl=owl)
    assert loaded.registry.routes == (route,)
    assert "/api/v1/owls/hoot" in document((), loaded.registry)["paths"]


def test_register_permissions_of_all_plugins_are_known(load: Load) -> None:
    loaded = load(
        owl=plugin(register_permissions=lambda: [Permission("owls.hear", "Hear owls")]),
        heron=plugin(register_permissions=lambda: (Permission("herons.see", "See herons"),)),
    )
    assert [each.name for each in loaded.registry.permissions] == ["owls.hear", "herons.see"]
    assert loaded.reports[2].permissions == ("herons.see",)


def test_register_commands_is_called_when_they_are_wanted_and_adds_what_is_not_taken(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    class Hooting:
        @hookimpl
        def register_commands(self, app: typer.Typer) -> None:
            asked.append("hooting")
            app.command("hoot")(lambda: None)
            app.command("serve")(lambda: None)

    class Broken:
        @hookimpl
        def register_commands(self, app: typer.Typer) -> None:
            raise RuntimeError("no voice")

    loaded = load(broken=Broken(), hooting=Hooting())
    assert asked == []
    assert list(plugin_commands(loaded, {"serve"})) == ["hoot"]
    told = capsys.readouterr().err
    assert "The commands of the plugin broken are missing: register_commands raised RuntimeError: no voice." in told
    assert "The command serve of the plugin hooting is missing: the name is taken." in told


async def test_register_health_checks_are_examined_and_those_that_raise_are_unhealthy(load: Load) -> None:
    async def well() -> Mapping[str, Any]:
        return {"feathers": 12}

    async def ill() -> Mapping[str, Any]:
        raise PatchbayError("It moults.")

    checks = [SimpleNamespace(name="well", check=well), SimpleNamespace(name="ill", check=ill)]
    loaded = load(owl=plugin(register_health=lambda: checks))
    found = [await examined(each.name, each.check) for each in loaded.registry.health_checks]
    assert [(each.name, each.healthy, each.error) for each in found] == [
        ("well", True, None),
        ("ill", False, "It moults."),
    ]
