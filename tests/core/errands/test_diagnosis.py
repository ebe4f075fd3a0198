"""A look at one account: each thing that may keep it from working is found, and something to do about it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace as changed

from patchbay.channel import ApiRequest, Finding, Findings, tried
from patchbay.collections import ACCOUNTS
from patchbay.errands.diagnosis import CALLBACK_MARK, QUIET, Diagnosis
from patchbay.model.account import ChannelAccount, Health
from patchbay.settings import HttpSettings, Settings
from patchbay.web.webhooks import handshake
from tests.core.plain_post import PlainPost, Stage, answer, checked, stage

MARK = {name.replace("-", "_"): value for name, value in CALLBACK_MARK.items()}


class Told(PlainPost):
    """Its provider says of two things how they are."""

    def diagnose(self, account: ChannelAccount) -> Findings:
        return (*(yield from tried("token", _asked("token"))), *(yield from tried("fields", _asked("fields"))))

    def gaps(self) -> tuple[str, ...]:
        return () if self.media_host is None else ("PATCHBAY_PLAIN__SEAL is not set.",)


def _asked(check: str) -> Findings:
    checked((yield ApiRequest("GET", f"/{check}")))
    return (Finding(check, "ok", "Fine."),)


@dataclass
class Look:
    on: Stage
    account: ChannelAccount
    public_url: str | None = None

    async def findings(self) -> dict[str, Finding]:
        settings = Settings(data_dir=self.on.folder, http=HttpSettings(public_url=self.public_url))
        diagnosis = Diagnosis(self.on.clock, self.on.providers(), settings)
        return {finding.check: finding for finding in await diagnosis.look(self.account)}

    async def states(self) -> dict[str, str]:
        return {check: finding.state for check, finding in (await self.findings()).items()}

    def says(self, path: str, status: int = 200, **headers: str) -> None:
        self.on.provider.files[path] = answer(status, {}, **headers)


@asynccontextmanager
async def looking(folder: Path) -> AsyncIterator[Look]:
    async with stage(folder) as on:
        on.channel = Told(base=on.channel.base)
        account = await on.account(health=Health(last_inbound_at=on.clock.now()))
        look = Look(on, account, public_url=on.provider.base)
        for path in ("/token", "/fields", "/"):
            look.says(path)
        look.says("/webhooks/plain", 403, **MARK)
        yield look


async def test_an_account_that_works_has_nothing_to_fix(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        findings = await look.findings()
        names = ["account", "token", "fields", "token_expiry", "secret", "callback", "clock", "inbound"]
        assert [(check, finding.state, finding.fix) for check, finding in findings.items()] == [
            (name, "ok", None) for name in names
        ]


async def test_what_the_provider_refuses_costs_the_other_checks_nothing(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.says("/token", 401)
        assert (await look.states())["token"] == "problem"
        look.says("/token", 400)
        states = await look.states()
        assert (states["token"], states["fields"], states["callback"]) == ("unknown", "ok", "ok")


async def test_a_provider_that_cannot_be_reached_is_unknown(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.on.channel.base = "http://127.0.0.1:9"
        states = await look.states()
        assert (states["provider"], states["clock"], states["callback"]) == ("unknown", "unknown", "ok")


@pytest.mark.parametrize(
    ("status", "state"),
    [("active", "ok"), ("degraded", "warning"), ("disabled", "warning"), ("reauth_required", "problem")],
)
async def test_the_accounts_own_state(tmp_path: Path, status: Any, state: str) -> None:
    async with looking(tmp_path) as look:
        look.account = changed(look.account, status=status)
        assert (await look.states())["account"] == state


@pytest.mark.parametrize(("days", "state"), [(-1, "problem"), (3, "warning"), (30, "ok")])
async def test_a_token_that_ends(tmp_path: Path, days: int, state: str) -> None:
    async with looking(tmp_path) as look:
        ends = look.on.clock.now() + timedelta(days=days)
        look.account = changed(look.account, health=changed(look.account.health, token_expires_at=ends))
        assert (await look.states())["token_expiry"] == state


async def test_what_verifies_webhooks(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.on.channel.media_host = "x"
        found = (await look.findings())["secret"]
        assert (found.state, found.told) == ("problem", "PATCHBAY_PLAIN__SEAL is not set.")
        look.account = changed(look.account, credentials={**look.account.credentials, "app_secret": "sealed"})
        assert (await look.states())["secret"] == "warning"


@pytest.mark.parametrize(
    ("status", "mark", "state"),
    [
        (403, MARK, "ok"),
        (403, {}, "problem"),  # of what stands before us: it lets nothing through
        (403, {"X_Patchbay": "other"}, "problem"),
        (200, MARK, "problem"),  # who verifies nobody verifies anybody
        (200, {}, "problem"),
        (404, MARK, "problem"),
        (404, {}, "problem"),
        (301, {}, "problem"),
    ],
)
async def test_the_callback_as_the_outside_calls_it(
    tmp_path: Path, status: int, mark: dict[str, str], state: str
) -> None:
    async with looking(tmp_path) as look:
        look.says("/webhooks/plain", status, **mark)
        found = (await look.findings())["callback"]
        assert (found.state, found.fix is None) == (state, state == "ok")
        assert "/webhooks/plain" in look.on.provider.asked


@pytest.mark.parametrize(("url", "state"), [("http://127.0.0.1:9", "problem"), (None, "unknown")])
async def test_a_callback_that_cannot_be_asked(tmp_path: Path, url: str | None, state: str) -> None:
    async with looking(tmp_path) as look:
        look.public_url = url
        found = (await look.findings())["callback"]
        assert (found.state, bool(found.fix)) == (state, True)
        assert not any(path.startswith("/webhooks") for path in look.on.provider.asked)


async def test_the_callback_of_an_account_that_its_path_names(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.on.channel.capabilities = replace(look.on.channel.capabilities, account_in_path=True)
        look.says(f"/webhooks/plain/{look.account.external_id}", 403, **MARK)
        found = (await look.findings())["callback"]
        assert (found.state, f"/webhooks/plain/{look.account.external_id}" in found.told) == ("ok", True)


async def test_the_callback_as_a_gateway_answers_it(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        verify = handshake(look.on.channel)

        async def answers(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            return await verify(request)

        look.on.provider.files["/webhooks/plain"] = answers
        assert (await look.states())["callback"] == "ok"


async def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        for date, state in (("Sun, 22 Nov 2020 10:00:00 GMT", "problem"), ("yesterday", "unknown")):
            look.says("/", 404, Date=date)
            assert (await look.states())["clock"] == state


async def test_an_account_to_which_nothing_comes(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        for last in (None, look.on.clock.now() - QUIET - timedelta(hours=1)):
            look.account = changed(look.account, health=Health(last_inbound_at=last))
            assert (await look.states())["inbound"] == "warning"


async def test_a_plugin_that_is_not_loaded(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.account = changed(look.account, channel="gone")
        assert await look.states() == {"account": "ok", "plugin": "problem"}


async def test_it_changes_nothing(tmp_path: Path) -> None:
    async with looking(tmp_path) as look:
        look.says("/token", 401)
        before = await look.on.inbox.store.head()
        await look.findings()
        assert await look.on.inbox.store.head() == before
        assert await look.on.inbox.get(ACCOUNTS, look.account.id) == look.account
