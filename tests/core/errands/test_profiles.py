"""People who are asked for by their id: named when the provider tells, and left alone when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from patchbay.channel import ApiRequest, ApiResponse, IdentityKey, MessageReceived, Person
from patchbay.collections import ACCOUNTS, CONTACTS, IDENTITIES
from patchbay.errands.profiles import AT_ONCE, REFRESH, REST_S, Profiles
from patchbay.inbox.apply import apply_event
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity
from patchbay.model.content import Text
from patchbay.ports import Query
from patchbay.testing.clock import FakeClock
from tests.core.plain_post import CARRIES, Behaviour, PlainPost, Stage, answer, checked, stage

T = TypeVar("T")


class AskedFor(PlainPost):
    """People are known by an id of this account, and called something only where the provider says so."""

    def fetch_profile(
        self, account: ChannelAccount, key: IdentityKey
    ) -> Generator[ApiRequest, ApiResponse, Person | None]:
        told = checked((yield ApiRequest("GET", f"/people/{key.value}"))).body
        return Person(keys=(key,), name=told.get("name"), username=told.get("username")) if told else None


def named(**fields: str) -> Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]:
    async def tell(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(fields)

    return tell


@asynccontextmanager
async def asking(folder: Path, clock: FakeClock) -> AsyncIterator[tuple[Stage, ChannelAccount]]:
    async with stage(folder, clock=clock) as on:
        on.channel = AskedFor(base=on.channel.base, capabilities=replace(CARRIES, profiles=True))
        account = await on.account()
        on.directory.learn([account])
        profiles = Profiles(on.inbox, on.providers())
        on.inbox.watch(IDENTITIES, profiles.identity_committed)
        running = asyncio.create_task(profiles.run())
        try:
            yield on, account
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def seen(on: Stage, account: ChannelAccount, person: str, number: int = 1) -> None:
    """Somebody writes whom the payload does not name."""
    key = IdentityKey(kind="external", value=person, scope="account")
    event = MessageReceived(
        occurred_at=on.clock.now(),
        external_id=f"{person}.{number}",
        sender=Person(keys=(key,)),
        content=Text(text="Hello"),
    )
    await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), event))


async def once(read: Callable[[], Awaitable[T]], ready: Callable[[T], bool], within_s: float = 15) -> T:
    """What is read, once it is ready."""
    async with asyncio.timeout(within_s):
        while not ready(found := await read()):
            await asyncio.sleep(0.005)
    return found


async def identity(on: Stage, value: str) -> Identity:
    found = await on.inbox.find_all(Query(IDENTITIES, limit=200))
    return next(each for each in found if each.value == value)


async def contact(on: Stage, value: str) -> Contact:
    found = await on.inbox.store.get(CONTACTS, (await identity(on, value)).contact_id)
    assert found is not None
    return found


async def test_somebody_who_was_seen_is_asked_for_and_called_by_name(tmp_path: Path) -> None:
    async with asking(tmp_path, FakeClock()) as (on, account):
        on.provider.files["/people/p1"] = named(name="Mara Voss", username="mara")
        await seen(on, account, "p1")
        await once(lambda: identity(on, "p1"), lambda found: found.profile_read_at is not None)
        assert (await contact(on, "p1")).display_name == "Mara Voss"
        assert (await identity(on, "p1")).username == "mara"
        assert on.provider.tokens == ["Bearer token-1"]


async def test_a_refusal_costs_nobody_anything_and_the_next_sight_asks_again(tmp_path: Path) -> None:
    clock = FakeClock()
    async with asking(tmp_path, clock) as (on, account):
        on.provider.files["/people/p1"] = answer(403)
        on.provider.files["/people/p2"] = named(name="Ben")
        await seen(on, account, "p1")
        await seen(on, account, "p2")
        await once(lambda: identity(on, "p2"), lambda found: found.profile_read_at is not None)
        assert (await contact(on, "p1")).display_name == "p1"
        on.provider.files["/people/p1"] = named(name="Mara")
        await clock.advance(3700)
        await seen(on, account, "p1", 2)
        await once(lambda: identity(on, "p1"), lambda found: found.profile_read_at is not None)
        assert (await contact(on, "p1")).display_name == "Mara"


async def test_a_profile_is_refreshed_when_it_is_old_and_an_agents_name_stays(tmp_path: Path) -> None:
    clock = FakeClock()
    async with asking(tmp_path, clock) as (on, account):
        on.provider.files["/people/p1"] = named(name="Mara")
        await seen(on, account, "p1")
        read_at = (
            await once(lambda: identity(on, "p1"), lambda found: found.profile_read_at is not None)
        ).profile_read_at
        known = await contact(on, "p1")
        await on.inbox.run(lambda uow: uow.put(CONTACTS, uow.need(CONTACTS, known.id), display_name="The baker"))
        await clock.advance(REFRESH.total_seconds() - 10)
        await seen(on, account, "p1", 2)
        assert on.provider.asked.count("/people/p1") == 1
        on.provider.files["/people/p1"] = named(name="Mara Voss")
        await clock.advance(timedelta(hours=2).total_seconds())
        await seen(on, account, "p1", 3)
        await once(lambda: identity(on, "p1"), lambda found: found.profile_read_at != read_at)
        assert (await identity(on, "p1")).profile.name == "Mara Voss"
        assert (await contact(on, "p1")).display_name == "The baker"


async def test_a_provider_that_hangs_holds_up_neither_messages_nor_the_rest(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hang(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        await release.wait()
        return web.json_response({"name": "late"})

    async with asking(tmp_path, FakeClock()) as (on, account):
        for number in range(AT_ONCE - 1):
            on.provider.files[f"/people/slow{number}"] = hang
            await seen(on, account, f"slow{number}")
        on.provider.files["/people/quick"] = named(name="Quick")
        await seen(on, account, "quick")
        await once(lambda: contact(on, "quick"), lambda found: found.display_name == "Quick")
        release.set()
        await once(lambda: contact(on, "slow0"), lambda found: found.display_name == "late")


@pytest.mark.parametrize("told", [{}, {"username": "mara"}])
async def test_who_has_no_name_keeps_what_there_is(tmp_path: Path, told: dict[str, str]) -> None:
    async with asking(tmp_path, FakeClock()) as (on, account):
        on.provider.files["/people/p1"] = named(**told)
        await seen(on, account, "p1")
        await once(lambda: identity(on, "p1"), lambda found: found.profile_read_at is not None)
        assert (await contact(on, "p1")).display_name == told.get("username", "p1")


async def test_who_was_first_seen_by_a_username_is_called_by_name_later(tmp_path: Path) -> None:
    async with asking(tmp_path, FakeClock()) as (on, account):
        on.provider.files["/people/p1"] = named(name="Mara Voss", username="mara")
        key = IdentityKey(kind="external", value="p1", scope="account")
        person = Person(keys=(key,), username="mara")
        comment = MessageReceived(
            occurred_at=on.clock.now(),
            external_id="comment:1",
            sender=person,
            content=Text(text="Nice"),
            opens_window=False,
        )
        await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), comment))
        await once(lambda: contact(on, "p1"), lambda found: found.display_name == "Mara Voss")


@pytest.mark.parametrize(
    ("refusal", "rests_s"), [(answer(503), REST_S), (answer(429, Retry_After="7"), 7), (answer(401), REST_S)]
)
async def test_an_account_whose_provider_wants_rest_is_left_alone_for_it(
    tmp_path: Path, refusal: Behaviour, rests_s: float
) -> None:
    clock = FakeClock()
    async with asking(tmp_path, clock) as (on, account):
        other = await on.account(external_id="2")
        on.provider.files["/people/p1"] = refusal
        for person in ("p2", "p3", "p4", "q1"):
            on.provider.files[f"/people/{person}"] = named(name=person.upper())
        with capture_logs() as told:
            await seen(on, account, "p1")
            await once(lambda: logged(told), lambda events: "errand.refused" in events)
        await seen(on, account, "p2")
        await clock.advance(rests_s - 1)
        await seen(on, account, "p3")
        await seen(on, other, "q1")
        await once(lambda: contact(on, "q1"), lambda found: found.display_name == "Q1")
        await clock.advance(1)
        await seen(on, account, "p4")
        await once(lambda: contact(on, "p4"), lambda found: found.display_name == "P4")
        assert on.provider.asked == ["/people/p1", "/people/q1", "/people/p4"]


async def logged(told: list[Any]) -> list[str]:
    return [entry["event"] for entry in told]


@pytest.mark.parametrize("status", ["disabled", "reauth_required"])
async def test_the_people_of_an_account_that_does_not_work_are_not_asked_for(tmp_path: Path, status: str) -> None:
    async with asking(tmp_path, FakeClock()) as (on, account):
        other = await on.account(external_id="2")
        for path in ("/people/p1", "/people/q1"):
            on.provider.files[path] = named(name="Kim")
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), status=status))
        await seen(on, account, "p1")
        await seen(on, other, "q1")
        await once(lambda: contact(on, "q1"), lambda found: found.display_name == "Kim")
        assert on.provider.asked == ["/people/q1"]
