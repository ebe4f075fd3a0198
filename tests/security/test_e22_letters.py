"""E22: letters' tokens work once and not for long, their links name our host, and a new password ends all sessions."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from patchbay.ports import Query
from patchbay_rbac.credentials import opaque
from patchbay_rbac.documents import LETTERS
from tests.plugins.rbac.auth.house import (
    ADMIN_TOKEN,
    BEN,
    OTHER_PASSWORD,
    PASSWORD,
    PUBLIC_URL,
    Heard,
    House,
    Posted,
    house,
)

FORGOT, RESET, REGISTER = "/auth/password/forgot", "/auth/password/reset", "/auth/register"
HALF_AN_HOUR_S, WEEK_S = 30 * 60, 7 * 24 * 3600
POISONED = (
    {"Host": "evil.example"},
    {"X-Forwarded-Host": "evil.example"},
    {"Forwarded": "host=evil.example;proto=http"},
    {"X-Forwarded-Proto": "http", "X-Forwarded-Port": "81"},
    {"X-Original-URL": "http://evil.example/", "X-Host": "evil.example", "X-Forwarded-Server": "evil.example"},
    {"Referer": "https://evil.example/", "Origin": "https://evil.example"},
)


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        await opened.person(BEN, "agent")
        yield opened


async def letter(home: House) -> Posted:
    assert (await home.ask("POST", FORGOT, {"email": BEN})).status == 202
    return (await home.posted())[-1]


async def reset(home: House, token: str, password: str = OTHER_PASSWORD) -> Heard:
    return await home.ask("POST", RESET, {"token": token, "password": password})


async def invitation(home: House) -> str:
    user = await home.person("new@example.org", "agent", status="invited", password_hash=None)
    assert (await home.ask("POST", f"/users/{user.id}/invite", token=ADMIN_TOKEN)).status == 200
    return (await home.posted())[-1].token


async def accept(home: House, token: str) -> Heard:
    return await home.ask("POST", REGISTER, {"token": token, "name": "Noor", "password": PASSWORD})


@pytest.mark.parametrize("headers", POISONED, ids=lambda headers: "+".join(headers))
async def test_no_header_gets_into_a_link(home: House, headers: dict[str, str]) -> None:
    """Host-header poisoning: the link's host is the setting's, whatever the request says."""
    answered = await home.ask("POST", FORGOT, {"email": BEN}, headers=headers)
    assert answered.status == 202
    (sent,) = await home.posted()
    assert re.findall(r"\S+://\S+", sent.text) == [f"{PUBLIC_URL}/reset-password#token={sent.token}"]
    assert "evil" not in sent.text + sent.subject


async def test_a_reset_token_works_once(home: House) -> None:
    token = (await letter(home)).token
    assert (await reset(home, token)).status == 204
    again = await reset(home, token, PASSWORD)
    assert (again.status, again.code) == (401, "invalid_code")
    assert (await home.sign_in(BEN, OTHER_PASSWORD)).status == 200


async def test_of_many_who_use_one_token_at_once_one_wins(home: House) -> None:
    token = (await letter(home)).token
    passwords = [f"{OTHER_PASSWORD} {number}" for number in range(20)]
    answers = await asyncio.gather(*(reset(home, token, password) for password in passwords))
    assert Counter(each.status for each in answers) == {204: 1, 401: 19}
    (won,) = [password for password, each in zip(passwords, answers, strict=True) if each.status == 204]
    assert (await home.sign_in(BEN, won)).status == 200


async def test_a_reset_token_lasts_half_an_hour(home: House) -> None:
    early, late = await letter(home), await letter(home)
    await home.clock.advance(HALF_AN_HOUR_S - 1)
    assert (await reset(home, early.token)).status == 204
    fresh = await letter(home)
    await home.clock.advance(HALF_AN_HOUR_S)
    for sent in (fresh, late):
        assert (await reset(home, sent.token, PASSWORD)).code == "invalid_code"


async def test_using_one_letter_makes_the_others_worthless(home: House) -> None:
    first, second = await letter(home), await letter(home)
    assert (await reset(home, second.token)).status == 204
    assert (await reset(home, first.token, PASSWORD)).code == "invalid_code"


async def test_an_invitation_works_once_and_for_a_week(home: House) -> None:
    token = await invitation(home)
    await home.clock.advance(WEEK_S - 1)
    assert (await accept(home, token)).status == 201
    assert (await accept(home, token)).code == "invalid_code"


async def test_an_invitation_is_nothing_after_a_week(home: House) -> None:
    token = await invitation(home)
    await home.clock.advance(WEEK_S)
    assert (await accept(home, token)).code == "invalid_code"


async def test_a_token_is_good_for_its_own_purpose(home: House) -> None:
    invite, forgotten = await invitation(home), (await letter(home)).token
    assert (await reset(home, invite)).code == (await accept(home, forgotten)).code == "invalid_code"
    assert (await home.ask("GET", "/auth/me", token=forgotten)).status == 401
    assert (await accept(home, invite)).status == 201
    assert (await reset(home, forgotten)).status == 204


@pytest.mark.parametrize("wrong", ["x", "A" * 43, "A" * 42 + "B", "\u0000" * 43, "é" * 43])
async def test_every_wrong_token_is_told_the_same(home: House, wrong: str) -> None:
    used = (await letter(home)).token
    assert (await reset(home, used)).status == 204
    told = await reset(home, used)
    other = await reset(home, wrong)
    assert other.status == told.status == 401
    for name in ("code", "detail", "title"):
        assert other.body[name] == told.body[name]


async def test_a_new_password_ends_all_sessions(home: House) -> None:
    """V7.4.3"""
    held = [await home.sign_in(BEN) for _ in range(3)]
    assert (await reset(home, (await letter(home)).token)).status == 204
    for session in held:
        assert (await home.ask("GET", "/auth/me", token=session.body["access_token"])).status == 401
        assert (await home.ask("GET", "/auth/me", cookie=session.cookie)).status == 401
        refresh = {"refresh_token": session.body["refresh_token"]}
        assert (await home.ask("POST", "/auth/refresh", refresh)).status == 401


async def test_no_token_is_in_the_store(home: House) -> None:
    sent = await letter(home)
    page = await home.gateway.store.find(Query(LETTERS))
    assert [each.token_hash for each in page.items] == [opaque.digest("reset", sent.token)]
    assert sent.token not in repr(page.items)


async def test_an_address_that_is_nobodys_is_answered_the_same_and_gets_no_letter(home: House) -> None:
    """E18: the answers do not differ, and both askings are on record."""
    suspended = await home.person("gone@example.org", "agent", status="suspended")
    answers = [
        await home.ask("POST", FORGOT, {"email": email}) for email in (BEN, "nobody@example.org", suspended.email)
    ]
    first = answers[0]
    for answer in answers[1:]:
        assert (answer.status, answer.body) == (first.status, first.body)
        assert set(answer.headers) == set(first.headers)
    assert [sent.recipient for sent in await home.posted()] == [BEN]
    kept = (await home.gateway.store.find(Query(LETTERS))).items
    assert {each.login: each.user_id is None for each in kept} == {
        BEN: False,
        "nobody@example.org": True,
        suspended.email: True,
    }


async def test_nobodys_mailbox_is_filled_by_strangers(home: House) -> None:
    """Three letters in a quarter of an hour, to people and to nobody alike, from however many addresses."""
    for email in (BEN, "nobody@example.org"):
        answers = [
            await home.ask("POST", FORGOT, {"email": email}, headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(5)
        ]
        assert [each.status for each in answers] == [202] * 3 + [429] * 2
    assert len(await home.posted()) == 3
    await home.clock.advance(15 * 60)
    assert (await home.ask("POST", FORGOT, {"email": BEN})).status == 202


async def test_one_address_asks_thirty_times_a_minute(home: House) -> None:
    answers = [await home.ask("POST", FORGOT, {"email": f"{number}@example.org"}) for number in range(31)]
    assert [each.status for each in answers] == [202] * 30 + [429]


async def test_old_letters_are_swept(home: House) -> None:
    await letter(home)
    await home.clock.advance(31 * 24 * 3600)
    sent = await letter(home)
    await home.settled()
    kept = (await home.gateway.store.find(Query(LETTERS))).items
    assert [each.token_hash for each in kept] == [opaque.digest("reset", sent.token)]
