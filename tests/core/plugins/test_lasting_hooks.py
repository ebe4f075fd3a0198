"""The hooks for what lasts: services that are given a host, directories, and recorders that share the commit."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from patchbay.collections import TAGS, Collection
from patchbay.errors import Conflict, PluginError, SecretError
from patchbay.gateway import Gateway
from patchbay.hookspecs import hookimpl
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.cause import Cause
from patchbay.model.document import Document
from patchbay.model.message import Actor
from patchbay.model.tag import Tag
from patchbay.plugins import GROUP, load_plugins
from patchbay.ports import Act, Card, Host

MODULE = "plugins_that_last"
CAUSE = Cause(operation="tried", request_id="req_1", address="192.0.2.1")
MARA = Actor(type="agent", id="usr_mara", name="Mara")


class Entry(Document, frozen=True, kw_only=True):
    action: str


ENTRIES = Collection("owl_entries", Entry)


class Lodger:
    """A service that remembers what became of it."""

    def __init__(self, name: str = "lodger", *, required: bool = False, fails: bool = False) -> None:
        self.name = name
        self.required = required
        self.fails = fails
        self.seen: list[str] = []
        self.host: Host

    async def start(self, host: Host) -> None:
        if self.fails:
            raise RuntimeError("no room")
        self.host = host
        self.seen.append("started")

    async def stop(self) -> None:
        self.seen.append("stopped")


class Scribe:
    """A recorder that numbers what it writes; ``refuses`` makes the next act impossible."""

    name = "scribe"

    def __init__(self) -> None:
        self.refuses = False
        self.settled_with: list[tuple[object, bool]] = []
        self.acts: list[Act] = []
        self.ready_asked = 0

    async def ready(self) -> None:
        self.ready_asked += 1

    def record(self, uow: UnitOfWork, act: Act) -> object:
        if self.refuses:
            raise PermissionError("not written, not done")
        self.acts.append(act)
        id = uow.ids.new("ent")
        entry = Entry(id=id, created_at=uow.now, updated_at=uow.now, action=act.cause.operation)
        uow.add(ENTRIES, entry)
        return id

    def settled(self, ticket: object, *, committed: bool) -> None:
        self.settled_with.append((ticket, committed))


class Rolodex:
    name = "rolodex"
    is_used = True

    def person(self, id: str) -> Card | None:
        return Card("usr_mara", "Mara") if id == "usr_mara" else None

    def department(self, id: str) -> Card | None:
        return None


Run = Callable[..., Any]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    @asynccontextmanager
    async def run(**hooks: Callable[[], Any]) -> AsyncIterator[Gateway]:
        bound = {name: hookimpl(lambda self, hook=hook: hook()) for name, hook in hooks.items()}
        module = ModuleType(MODULE)
        vars(module)["owl"] = type("Plugin", (), bound)()
        monkeypatch.setitem(sys.modules, MODULE, module)
        environ = {"PATCHBAY_PLUGINS": "owl", "PATCHBAY_DATA_DIR": str(tmp_path)}
        loaded = load_plugins(environ, entry_points=[EntryPoint("owl", f"{MODULE}:owl", GROUP)])
        assert [report.error for report in loaded.reports] == [None, None]
        gateway = Gateway(loaded)
        await gateway.open()
        try:
            yield gateway
        finally:
            await gateway.close()

    return run


def tag(id: str) -> Callable[[UnitOfWork], Tag]:
    return lambda uow: uow.add(TAGS, Tag(id=id, created_at=uow.now, updated_at=uow.now, name=id))


# --- Services --------------------------------------------------------------------------------------------------------


async def test_register_services_start_with_the_store_and_stop_before_it_closes(run: Run) -> None:
    lodger = Lodger()
    async with run(register_services=lambda: [lodger]) as gateway:
        assert lodger.seen == ["started"]
        await lodger.host.run(tag("made"))
        assert await lodger.host.get(TAGS, "made") is not None
        assert gateway.registry.origin("service", "lodger") == "owl"
    assert lodger.seen == ["started", "stopped"]


async def test_register_services_that_fail_cost_nothing_unless_required(run: Run) -> None:
    good = Lodger("good")
    async with run(register_services=lambda: [Lodger("bad", fails=True), good]) as gateway:
        assert good.seen == ["started"]
        (_, owl) = gateway.reports
        assert owl.state == "failing"
    needed = Lodger("first")
    with pytest.raises(PluginError, match="The service bad of the plugin owl did not start: RuntimeError: no room"):
        async with run(register_services=lambda: [needed, Lodger("bad", required=True, fails=True)]):
            pass
    assert needed.seen == ["started", "stopped"]


async def test_what_a_host_seals_is_the_plugins_alone(run: Run) -> None:
    lodger = Lodger()
    async with run(register_services=lambda: [lodger]) as gateway:
        sealed = lodger.host.seal("the seed", "usr_1", "totp")
        assert lodger.host.unseal(sealed, "usr_1", "totp") == "the seed"
        with pytest.raises(SecretError):
            lodger.host.unseal(sealed, "usr_2", "totp")
        with pytest.raises(SecretError):  # nor can the core's own credentials be read through it, or the other way
            gateway.vault.open_text(sealed, "usr_1", "totp")
        with pytest.raises(SecretError):
            lodger.host.unseal(gateway.vault.seal_text("x", "usr_1", "totp"), "usr_1", "totp")
        assert len(lodger.host.key("a")) == 32
        assert lodger.host.key("a") != lodger.host.key("b")


async def test_a_host_tells_of_commits_and_what_it_spawned_ends_with_the_service(run: Run) -> None:
    lodger = Lodger()
    written: list[str] = []
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with run(register_services=lambda: [lodger]):
        lodger.host.watch(TAGS, lambda id, document: written.append(id))
        await lodger.host.run(tag("watched"))
        assert written == ["watched"]
        lodger.host.spawn(forever(), "waiting")
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


# --- Directories -----------------------------------------------------------------------------------------------------


async def test_register_directories_are_kept_and_know_who_there_is(run: Run) -> None:
    async with run(register_directories=lambda: [Rolodex()]) as gateway:
        (directory,) = gateway.registry.directories
        assert directory.is_used
        assert directory.person("usr_mara") == Card("usr_mara", "Mara", available=True)
        assert directory.person("usr_nobody") is None


# --- Recorders -------------------------------------------------------------------------------------------------------


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


async def test_register_recorders_write_in_the_commit_of_the_act(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        await gateway.inbox.run(tag("one"), actor=MARA, cause=CAUSE, about={"why": "a test"})
        (act,) = scribe.acts
        assert (act.actor, act.cause, act.outcome, act.about) == (MARA, CAUSE, "done", {"why": "a test"})
        (change,) = act.changes
        assert (change.collection.name, change.id, change.before) == ("tags", "one", None)
        ((ticket, committed),) = scribe.settled_with
        assert committed
        assert await gateway.store.get(ENTRIES, str(ticket)) is not None


async def test_an_act_that_cannot_be_recorded_is_not_done(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        scribe.refuses = True
        with pytest.raises(PermissionError):
            await gateway.inbox.run(tag("one"), cause=CAUSE)
        assert await gateway.store.get(TAGS, "one") is None


async def test_what_has_no_cause_or_changes_nothing_is_not_recorded(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        await gateway.inbox.run(tag("one"))
        await gateway.inbox.run(lambda uow: uow.get(TAGS, "one"), cause=CAUSE)
        assert scribe.acts == []
        await gateway.inbox.run(lambda uow: uow.get(TAGS, "one"), cause=CAUSE, about={"looked": True})
        assert [act.about for act in scribe.acts] == [{"looked": True}]


async def test_what_loses_a_race_is_recorded_once(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        await gateway.inbox.run(tag("one"))

        def renamed(name: str) -> Callable[[UnitOfWork], Tag]:
            return lambda uow: uow.put(TAGS, uow.need(TAGS, "one"), description=name)

        await asyncio.gather(*(gateway.inbox.run(renamed(str(n)), cause=CAUSE) for n in range(20)))
        won = [ticket for ticket, committed in scribe.settled_with if committed]
        assert len(won) == 20
        kept = await gateway.store.get_many(ENTRIES, [str(ticket) for ticket, _ in scribe.settled_with])
        assert sorted(kept) == sorted(str(ticket) for ticket in won)


async def test_of_each_change_the_trail_has_what_was_there_before(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        await gateway.inbox.run(tag("one"))
        await gateway.inbox.run(
            lambda uow: uow.put(TAGS, uow.put(TAGS, uow.need(TAGS, "one"), name="two"), name="three"), cause=CAUSE
        )
        await gateway.inbox.run(lambda uow: uow.remove(TAGS, uow.need(TAGS, "one")), cause=CAUSE)
        renamed, removed = (act.changes[0] for act in scribe.acts)
        assert isinstance(renamed.before, Tag)
        assert isinstance(renamed.after, Tag)
        assert (renamed.before.name, renamed.after.name) == ("one", "three")
        assert isinstance(removed.before, Tag)
        assert (removed.before.name, removed.after) == ("three", None)


async def test_a_recorder_hears_of_each_round_that_was_lost(run: Run, scribe: Scribe) -> None:
    async with run(register_recorders=lambda: [scribe], register_collections=lambda: [ENTRIES]) as gateway:
        tries = 0

        def once_too_late(uow: UnitOfWork) -> None:
            nonlocal tries
            tries += 1
            tag("one")(uow)
            if tries == 1:
                raise Conflict("tags", "one")

        with pytest.raises(Conflict):  # raised by the command itself: nothing was recorded, there is nothing to settle
            await gateway.inbox.run(once_too_late, cause=CAUSE)
        assert scribe.settled_with == []
