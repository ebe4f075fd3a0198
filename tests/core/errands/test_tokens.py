"""Tokens that end: renewed, told of in time, and never found out by a message that does not leave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.channel import ApiRequest, ApiResponse, TokenState
from patchbay.collections import ACCOUNTS
from patchbay.errands.tokens import EVERY, EVERY_SOON, Tokens
from patchbay.model.account import ChannelAccount
from patchbay.testing.clock import FakeClock
from tests.core.plain_post import CARRIES, PlainPost, Stage, answer, checked, stage


class Ending(PlainPost):
    """Its provider says in how many days the token ends, and may give another."""

    def look_after_token(
        self, account: ChannelAccount, now: datetime
    ) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
        told = checked((yield ApiRequest("GET", "/token"))).body
        expires_at = now + timedelta(days=told["days"]) if "days" in told else None
        fresh = {"access_token": told["token"]} if "token" in told else {}
        return TokenState(expires_at=expires_at, credentials=fresh)


@dataclass
class Care:
    on: Stage
    tokens: Tokens
    account_id: str

    @property
    def account(self) -> ChannelAccount:
        found = self.on.directory.get(self.account_id)
        assert found is not None
        return found

    def says(self, **told: Any) -> None:
        async def tell(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
            return web.json_response(told)

        self.on.provider.files["/token"] = tell

    async def look(self) -> ChannelAccount:
        await self.tokens.look(self.account)
        return self.account

    async def notices(self) -> list[str]:
        events = await self.on.inbox.store.read(0, 1000)
        told = [json.loads(bytes(event.data)) for event in events if event.type == "channel.notice"]
        return [each["notice"] for each in told]


@asynccontextmanager
async def caring(folder: Path) -> AsyncIterator[Care]:
    async with stage(folder, clock=FakeClock()) as on:
        on.channel = Ending(base=on.channel.base, capabilities=replace(CARRIES, token_care=True))
        account = await on.account()
        yield Care(on, Tokens(on.inbox, on.providers(), on.vault), account.id)


async def test_when_it_ends_becomes_the_accounts_health(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        care.says(days=60)
        account = await care.look()
        assert account.health.token_expires_at == care.on.clock.now() + timedelta(days=60)
        assert account.health.token_checked_at == care.on.clock.now()
        assert (account.status, await care.notices()) == ("active", [])


async def test_a_renewed_token_is_the_one_that_is_used(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        care.says(days=60, token="token-2")
        account = await care.look()
        assert care.on.directory.credentials(account)["access_token"] == "token-2"
        assert "token-2" not in str(account.credentials)
        assert await care.notices() == ["token_renewed"]
        await care.look()
        assert care.on.provider.tokens == ["Bearer token-1", "Bearer token-2"]


async def test_one_that_ends_soon_is_told_of_once_and_forgotten_when_renewed(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        care.says(days=5)
        for _ in range(2):
            await care.look()
        account = await care.look()
        assert (account.status, await care.notices()) == ("degraded", ["token_expiring"])
        assert "reauthorise" in (account.health.last_error or "")
        care.says(days=60, token="token-2")
        account = await care.look()
        assert (account.status, account.health.last_error) == ("active", None)
        assert await care.notices() == ["token_expiring", "token_renewed"]


async def test_one_that_has_ended_makes_the_account_wait_for_another(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        care.on.provider.files["/token"] = answer(401)
        account = await care.look()
        assert (account.status, account.health.last_error) == ("reauth_required", "the token is old")
        assert await care.notices() == ["token_ended"]


async def test_a_provider_that_is_away_changes_nothing(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        before = care.account
        for refusal in (answer(503), answer(429), answer(400)):
            care.on.provider.files["/token"] = refusal
            assert await care.look() == before
            assert not care.tokens._is_due(before)
        clock = care.on.clock
        assert isinstance(clock, FakeClock)
        await clock.advance(EVERY_SOON.total_seconds())
        assert care.tokens._is_due(before)


@pytest.mark.parametrize("trouble", ["refuses", "breaks"])
async def test_a_renewal_that_fails_is_told_of_before_the_token_ends_and_when_it_has(
    tmp_path: Path, trouble: str
) -> None:
    async with caring(tmp_path) as care:
        clock = care.on.clock
        assert isinstance(clock, FakeClock)
        care.says(days=8)
        await care.look()
        care.on.provider.files["/token"] = answer(503) if trouble == "refuses" else answer(200, {"days": "some"})
        await care.look()
        assert (care.account.status, await care.notices()) == ("active", [])
        await clock.advance(timedelta(days=2).total_seconds())
        await care.look()
        account = await care.look()
        assert (account.status, await care.notices()) == ("degraded", ["token_expiring"])
        assert "could not be renewed" in (account.health.last_error or "")
        await clock.advance(timedelta(days=7).total_seconds())
        account = await care.look()
        assert (account.status, await care.notices()) == ("reauth_required", ["token_expiring", "token_ended"])


async def test_one_that_is_known_to_end_is_told_of_when_the_time_comes(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        clock = care.on.clock
        assert isinstance(clock, FakeClock)
        care.says(days=9)
        await care.look()
        await clock.advance(timedelta(days=3).total_seconds())
        care.says(days=6)
        assert (await care.look()).status == "degraded"
        assert await care.notices() == ["token_expiring"]


async def test_what_was_found_out_of_an_old_token_says_nothing_of_the_new_one(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:

        async def reauthorised_meanwhile(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
            sealed = care.on.vault.seal({"access_token": "token-9"}, care.account_id)
            await care.on.inbox.run(
                lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, care.account_id), credentials=sealed)
            )
            return web.json_response({"error": "old"}, status=401)

        care.on.provider.files["/token"] = reauthorised_meanwhile
        account = await care.look()
        assert (account.status, await care.notices()) == ("active", [])


async def test_it_is_asked_daily_and_more_often_towards_the_end(tmp_path: Path) -> None:
    async with caring(tmp_path) as care:
        clock = care.on.clock
        assert isinstance(clock, FakeClock)
        care.says(days=60)
        assert care.tokens._is_due(care.account)
        await care.look()
        await clock.advance(EVERY.total_seconds() - 1)
        assert not care.tokens._is_due(care.account)
        await clock.advance(1)
        assert care.tokens._is_due(care.account)
        care.says(days=5)
        await care.look()
        assert not care.tokens._is_due(care.account)
        await clock.advance(EVERY_SOON.total_seconds())
        assert care.tokens._is_due(care.account)
        care.on.provider.files["/token"] = answer(401)
        await care.look()
        await clock.advance(10 * EVERY.total_seconds())
        assert not care.tokens._is_due(care.account), "nobody has given it another yet"
