"""The runner of commands over a real store: many at once, none lost, nothing remembered that is not so."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from patchbay.bus.local import LocalBus
from patchbay.caching import DocumentCache
from patchbay.collections import CONTACTS, CORE_COLLECTIONS, TAGS
from patchbay.errors import Conflict, Duplicate, NotFound, StoreUnavailable
from patchbay.inbox.loaded import DocumentNotLoaded, Loaded
from patchbay.inbox.unit import UnitOfWork
from patchbay.lanes import Lanes
from patchbay.model.contact import Contact
from patchbay.model.document import Document
from patchbay.model.tag import Tag
from patchbay.ports import Batch
from patchbay.service import MAX_TRIES, Inbox
from patchbay.storage.sqlite import SqliteStore
from patchbay.system import SystemClock, SystemIds
from patchbay.testing.world import CountingIds, World


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "patchbay.db")
    await made.open(CORE_COLLECTIONS)
    yield made
    await made.close()


@pytest.fixture
def inbox(store: SqliteStore) -> Inbox:
    return Inbox(store, LocalBus(), SystemClock(), SystemIds())


def contact(uow: UnitOfWork, id: str = "ctc_1") -> Contact:
    return uow.add(CONTACTS, Contact(id=id, created_at=uow.now, updated_at=uow.now, display_name="0"))


def count_up(uow: UnitOfWork, id: str = "ctc_1") -> int:
    known = uow.need(CONTACTS, id)
    return int(uow.put(CONTACTS, known, display_name=str(int(known.display_name) + 1)).display_name)


@pytest.mark.parametrize("lane", [None, "one"])
async def test_of_many_at_once_each_counts_once(inbox: Inbox, lane: str | None) -> None:
    await inbox.run(contact)
    results = await asyncio.gather(*(inbox.run(count_up, lane=lane) for _ in range(60)))
    assert sorted(results) == list(range(1, 61))


async def test_two_gateways_with_memories_of_their_own_lose_nothing(store: SqliteStore) -> None:
    one, other = (Inbox(store, LocalBus(), SystemClock(), SystemIds()) for _ in range(2))
    await one.run(contact)
    await asyncio.gather(*(gateway.run(count_up) for gateway in (one, other) for _ in range(20)))
    assert (await store.get_many(CONTACTS, ["ctc_1"]))["ctc_1"].display_name == "40"


async def test_a_key_that_another_gateway_took_makes_the_next_try_read_afresh(store: SqliteStore) -> None:
    one, other = (Inbox(store, LocalBus(), SystemClock(), SystemIds()) for _ in range(2))
    await one.run(contact)

    def take(uow: UnitOfWork) -> str:
        known = uow.need(CONTACTS, "ctc_1")
        if known.locale is not None:
            return f"taken by {known.locale}"
        uow.claim("seat", "1", f"holder {id(uow)}")
        uow.put(CONTACTS, known, locale="somebody")
        return "mine"

    assert await one.run(lambda uow: uow.need(CONTACTS, "ctc_1").locale) is None
    assert await other.run(take) == "mine"
    assert await one.run(take) == "taken by somebody"


async def test_what_is_removed_while_it_is_read_is_not_remembered(inbox: Inbox, store: SqliteStore) -> None:
    await inbox.run(contact)
    inbox.cache.clear()
    read = store.get_many

    async def slow(collection: Any, ids: Any) -> Any:
        found = await read(collection, ids)
        store.get_many = read  # type: ignore[method-assign]
        await inbox.run(lambda uow: uow.remove(CONTACTS, uow.need(CONTACTS, "ctc_1")))
        return found

    store.get_many = slow  # type: ignore[method-assign]
    assert await inbox.get(CONTACTS, "ctc_1") is not None  # as it was when it was asked for
    assert await inbox.get(CONTACTS, "ctc_1") is None


async def test_what_is_remembered_is_what_was_committed_whoever_reads_and_writes(inbox: Inbox) -> None:
    names = [f"ctc_{number}" for number in range(5)]
    for name in names:
        await inbox.run(partial(contact, id=name))
    inbox.cache = DocumentCache({CONTACTS.name: 4})
    dice = random.Random(7)

    async def somebody() -> None:
        for _ in range(25):
            name = dice.choice(names)
            if dice.random() < 0.5:
                await inbox.run(partial(count_up, id=name))
            else:
                before = await inbox.get(CONTACTS, name)
                after = await inbox.get(CONTACTS, name)
                assert before is not None
                assert after is not None
                assert after.version >= before.version

    await asyncio.gather(*(somebody() for _ in range(8)))
    for name in names:
        remembered = inbox.cache.peek(CONTACTS, name)
        stored = (await inbox.store.get_many(CONTACTS, [name]))[name]
        assert remembered is None or remembered == stored


async def test_a_command_that_loses_every_race_gives_up_and_says_so(inbox: Inbox, store: SqliteStore) -> None:
    tries = 0

    async def refuse(batch: Batch) -> list[int]:
        nonlocal tries
        tries += 1
        raise Conflict("contacts", "ctc_1")

    store.commit = refuse  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await inbox.run(contact)
    assert tries == MAX_TRIES


async def test_a_command_may_read_as_much_as_it_needs(inbox: Inbox) -> None:
    names = [f"tag-{number}" for number in range(3 * MAX_TRIES)]

    def make(uow: UnitOfWork) -> None:
        for name in names:
            if uow.get(TAGS, name) is None:
                uow.add(TAGS, Tag(id=name, created_at=uow.now, updated_at=uow.now, name=name))

    await inbox.run(make)
    assert len(await inbox.run(lambda uow: uow.get_all(TAGS, [*names, "no-such-tag"]))) == len(names)


async def test_what_a_command_raises_reaches_the_caller_and_changes_nothing(inbox: Inbox) -> None:
    def fails(uow: UnitOfWork) -> None:
        contact(uow)
        uow.emit("contact.created", "contact", "ctc_1", {})
        raise NotFound("no")

    with pytest.raises(NotFound):
        await inbox.run(fails, lane="one")
    assert await inbox.store.head() == 0
    assert await inbox.get(CONTACTS, "ctc_1") is None


async def test_watchers_hear_of_each_commit_and_only_of_commits(inbox: Inbox) -> None:
    heard: list[tuple[str, int | None]] = []

    def watch(id: str, document: Document | None) -> None:
        heard.append((id, None if document is None else document.version))

    inbox.watch(CONTACTS, watch)
    await inbox.run(contact)
    await inbox.run(count_up)
    await inbox.run(lambda uow: uow.get(CONTACTS, "ctc_1"))
    await inbox.run(lambda uow: uow.remove(CONTACTS, uow.need(CONTACTS, "ctc_1")))
    assert heard == [("ctc_1", 1), ("ctc_1", 2), ("ctc_1", None)]


async def test_work_of_one_lane_takes_turns_and_lanes_are_forgotten() -> None:
    lanes = Lanes()
    inside, most, done = 0, 0, []

    async def work(number: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        done.append(number)
        return number

    tasks = [asyncio.ensure_future(lanes.run("one", lambda number=number: work(number))) for number in range(10)]  # type: ignore[misc]
    await asyncio.sleep(0)
    tasks[5].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 1
    assert done == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert isinstance(results[5], asyncio.CancelledError)
    assert lanes._locks == {}


def test_a_document_may_be_removed_and_made_again_in_one_unit() -> None:
    world = World()
    world.run(contact)

    def renew(uow: UnitOfWork) -> None:
        uow.remove(CONTACTS, uow.need(CONTACTS, "ctc_1"))
        assert uow.get(CONTACTS, "ctc_1") is None
        contact(uow)

    world.run(renew)
    assert world.get(CONTACTS, "ctc_1").version == 2


def test_numbers_that_a_rolled_back_item_took_are_used_by_the_next_one() -> None:
    loaded = Loaded()
    loaded.numbers = [41, 42]
    unit = UnitOfWork(now=World().now, ids=CountingIds(), loaded=loaded)
    mark = unit.mark()
    assert unit.number() == 41
    unit.rollback(mark)
    assert [unit.number(), unit.number()] == [41, 42]


def test_everything_that_is_missing_is_asked_for_at_once() -> None:
    unit = UnitOfWork(now=World().now, ids=CountingIds(), loaded=Loaded())
    with pytest.raises(DocumentNotLoaded) as missing:
        unit.get_all(TAGS, ["a", "b", "a"])
    assert missing.value.ids == ("a", "b")


def test_the_world_of_the_tests_refuses_what_the_store_would() -> None:
    world = World()
    world.run(contact)
    with pytest.raises(Duplicate):
        world.run(contact)
    world.run(lambda uow: uow.claim("seat", "1", "a"))
    with pytest.raises(Duplicate):
        world.run(lambda uow: uow.claim("seat", "1", "b"))
