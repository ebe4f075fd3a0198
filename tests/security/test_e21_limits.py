"""E21: requests are counted per person, per owner of programs and per address; nothing that a client varies buys more.

What is remembered is bounded. What sign-in counts is E18's, what ``X-Forwarded-For`` says E5's.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from patchbay.errors import TooMany
from patchbay.testing import FakeClock
from patchbay.web.addresses import limiting_key
from patchbay.web.ratelimit import ADDRESS_SHARE, RateLimiter, WindowStorage
from tests.plugins.rbac.world import Client, World, people_world

VARIED = 10_000  # E5, E21
A_MINUTE = 60  # requests; an address may fail a tenth as often


@asynccontextmanager
async def limited(folder: Path, **settings: str) -> AsyncIterator[World]:
    async with people_world(folder, **{"PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": str(A_MINUTE), **settings}) as world:
        yield world


async def answered(client: Client, most: int = A_MINUTE + 1, path: str = "/tags") -> int:
    """How many of so many requests are not refused for their number."""
    return [(await client.ask("GET", path)).status for _ in range(most)].count(200)


async def test_the_sessions_of_one_person_are_counted_together(tmp_path: Path) -> None:
    async with limited(tmp_path) as world:
        user = await world.user("agent")
        sessions = [await world.signed_in(user) for _ in range(3)]
        heard = [await answered(each, A_MINUTE // 2) for each in sessions]
        assert sum(heard) == A_MINUTE
        assert (await sessions[0].ask("GET", "/tags")).code == "rate_limited"
        assert await answered(await world.member("agent"), 5) == 5, "nobody else pays for it"


async def test_the_keys_of_one_owner_are_counted_together_and_beside_the_owner(tmp_path: Path) -> None:
    async with limited(tmp_path) as world:
        owner = await world.user("super_admin")
        keys = [await world.key(owner, {"tags.read": "all"}) for _ in range(3)]
        heard = [await answered(each, A_MINUTE // 2) for each in keys]
        assert sum(heard) == A_MINUTE
        later = await world.key(owner, {"tags.read": "all"})
        assert await answered(later, 3) == 0, "one more key is no room for more requests"
        assert await answered(await world.signed_in(owner), 5) == 5
        other = await world.key(await world.user("super_admin"), {"tags.read": "all"})
        assert await answered(other, 5) == 5


async def test_refused_requests_count_whatever_they_were_refused_for(tmp_path: Path) -> None:
    async with limited(tmp_path) as world:
        agent = await world.member("agent")
        asked = [("GET", "/roles"), ("GET", "/conversations/none"), ("POST", "/contacts"), ("GET", "/tags?sort=x")]
        heard = [(await agent.ask(*asked[number % len(asked)])).code for number in range(A_MINUTE)]
        assert "rate_limited" not in heard
        assert await answered(agent, 3) == 0


async def test_an_address_that_guesses_is_stopped_whatever_it_varies(tmp_path: Path) -> None:
    """Tokens, keys, forwarded addresses, agents, cookies: the tries that are looked at stay the same few."""
    chance = random.Random(21)
    async with limited(tmp_path) as world:
        looked_at = 0
        for number in range(VARIED):
            address = ".".join(str(chance.randrange(1, 255)) for _ in range(4))
            varied = {
                "X-Forwarded-For": address,
                "Forwarded": f"for={address}",
                "X-Real-IP": address,
                "User-Agent": f"client {number}",
                (
                    "X-API-Key" if number % 2 else "X-Odd"
                ): f"pbk_{chance.randbytes(8).hex()}_{chance.randbytes(32).hex()}",
            }
            heard = await Client(world, chance.randbytes(24).hex()).ask("GET", "/tags", headers=varied)
            assert heard.status in (401, 429)
            looked_at += heard.status == 401
        assert looked_at == A_MINUTE // ADDRESS_SHARE
        agent = await world.member("agent")
        assert (await agent.ask("GET", "/tags")).status == 429, "not even with a good token, for the minute"


async def test_the_addresses_of_one_line_are_one() -> None:
    """A household has a /64 of IPv6: 2**64 addresses are one guesser."""
    limiter, chance = of_its_own(A_MINUTE), random.Random(6)
    let_in = 0
    for _ in range(1_000):
        address = f"2001:db8:1:2:{chance.randrange(65536):x}:{chance.randrange(65536):x}:0:{chance.randrange(65536):x}"
        try:
            await limiter.take_anonymous(limiting_key(address))
        except TooMany:
            continue
        let_in += 1
    assert let_in == A_MINUTE // ADDRESS_SHARE


async def test_what_is_remembered_is_bounded_and_who_was_counted_last_stays_counted() -> None:
    storage = WindowStorage(clock=FakeClock(), max_keys=1_000)
    limiter = RateLimiter(storage, FakeClock(), A_MINUTE)
    for number in range(20_000):
        await limiter.take(f"usr_{number}")
        await limiter.take_anonymous(f"198.51.{number % 256}.{number // 256}")
        assert len(storage) <= 1_000
    for _ in range(A_MINUTE - 1):
        await limiter.take("usr_19999")
    with pytest.raises(TooMany):
        await limiter.take("usr_19999")


async def test_the_window_ends_and_the_answer_says_when(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = RateLimiter(WindowStorage(clock=clock), clock, A_MINUTE)
    for _ in range(A_MINUTE):
        await limiter.take("usr_1")
    with pytest.raises(TooMany) as refused:
        await limiter.take("usr_1")
    wait_s = int(refused.value.headers["Retry-After"])
    assert 1 <= wait_s <= 60
    await clock.advance(wait_s)
    assert (await limiter.take("usr_1")).remaining == A_MINUTE - 1


def of_its_own(per_minute: int) -> RateLimiter:
    clock = FakeClock()
    return RateLimiter(WindowStorage(clock=clock), clock, per_minute)
