"""E19: a code works once, however many show it at the same moment, and few can be tried."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pyotp import TOTP

from patchbay.errors import Unauthenticated
from patchbay.model.cause import Cause
from patchbay.ports import Query
from patchbay_rbac.credentials.passwords import FLOOR, Hasher
from patchbay_rbac.documents import SESSIONS, User
from patchbay_rbac.proofs import Proofs
from patchbay_rbac.signing_in import Offered, SignedIn, SigningIn
from tests.plugins.rbac.auth.house import BEN, MARA, PASSWORD, Heard, House, house

AT_ONCE = 100
GATEWAYS = 20  # each counts tries for itself, so that five times as many get through to the code


@dataclass
class Safe:
    """A house, somebody in it with a second factor, and what makes its codes."""

    home: House
    user: User
    app: TOTP
    papers: list[str]


@pytest_asyncio.fixture
async def safe(tmp_path: Path) -> AsyncIterator[Safe]:
    async with house(tmp_path) as home:
        user = await home.person(BEN, "agent")
        app, papers = await home.two_factor(await home.bearer(BEN))
        yield Safe(home, user, app, papers)


async def at_once(home: House, **proof: str) -> list[Heard]:
    """A hundred sign-ins with one proof, from a hundred addresses."""
    body = {"email": BEN, "password": PASSWORD, "session": "token", **proof}
    return await asyncio.gather(
        *(
            home.ask("POST", "/auth/login", body, headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(AT_ONCE)
        )
    )


async def sessions(home: House) -> int:
    return len((await home.gateway.store.find(Query(SESSIONS, limit=200))).items)


@pytest.mark.parametrize("kind", ["code", "recovery_code"])
async def test_of_a_hundred_sign_ins_with_one_code_one_wins(safe: Safe, kind: str) -> None:
    """Over HTTP, with all limits in force: some meet those, none but one is signed in."""
    before = await sessions(safe.home)
    proof = safe.home.code(safe.app) if kind == "code" else safe.papers[0]
    answers = await at_once(safe.home, **{kind: proof})
    counted = Counter(each.status for each in answers)
    assert counted[200] == 1
    assert set(counted) <= {200, 401, 429, 503}
    assert {each.code for each in answers if each.status == 401} <= {"invalid_code"}
    assert await sessions(safe.home) == before + 1


@pytest.mark.parametrize("kind", ["code", "recovery_code"])
async def test_of_a_hundred_that_no_limit_stops_one_wins(safe: Safe, kind: str) -> None:
    """Twenty gateways over one store, five tries at each: all hundred reach the commit, and one of them makes it."""
    home, proof = safe.home, safe.home.code(safe.app) if kind == "code" else safe.papers[0]
    hasher = Hasher(FLOOR, waiting=AT_ONCE)
    offered = Offered(BEN, PASSWORD, **{kind: proof})
    doors = []
    for _ in range(GATEWAYS):
        proofs = Proofs(home.rbac.people, hasher, home.rbac.settings)
        proofs.open(home.rbac.host)
        door = SigningIn(home.rbac.people, home.rbac.sessions, proofs, home.rbac.settings)
        door.open(home.rbac.host)
        doors.append(door)

    async def enter(door: SigningIn) -> SignedIn | str:
        try:
            return await door.sign_in(offered, Cause(operation="login"), cookie=False, tokens=True, before=None)
        except Unauthenticated as refused:
            return refused.problem_code

    answers = await asyncio.gather(*(enter(door) for door in doors for _ in range(AT_ONCE // GATEWAYS)))
    hasher.close()
    assert sum(isinstance(each, SignedIn) for each in answers) == 1
    assert [each for each in answers if not isinstance(each, SignedIn)] == ["invalid_code"] * (AT_ONCE - 1)


async def test_no_code_works_after_a_later_one(safe: Safe) -> None:
    """V6.5.1: the last step must increase, with a window too."""
    home = safe.home
    earlier = home.code(safe.app)
    await home.clock.advance(30)
    assert (await home.sign_in(BEN, code=home.code(safe.app))).status == 200
    home.clock.jump(-30)
    assert (await home.sign_in(BEN, code=earlier)).code == "invalid_code"


async def test_each_recovery_code_works_once(safe: Safe) -> None:
    for paper in safe.papers:
        assert (await safe.home.sign_in(BEN, recovery_code=paper)).status == 200
    for paper in safe.papers[:4]:
        assert (await safe.home.sign_in(BEN, recovery_code=paper)).code == "invalid_code"


async def test_five_codes_in_a_quarter_of_an_hour(safe: Safe) -> None:
    """Section 7, "TOTP": the sixth is not looked at, though it is right, and whatever address it comes from."""
    home = safe.home

    async def guess(number: int, **proof: Any) -> Heard:
        body = {"email": BEN, "password": PASSWORD, **proof}
        return await home.ask("POST", "/auth/login", body, headers={"X-Forwarded-For": f"198.51.100.{number}"})

    token = await home.bearer(BEN, recovery_code=safe.papers[0])
    codes = [f"00000{letter}" for letter in "abcde"]
    path = "/auth/2fa/recovery-codes"
    wrong = [await home.ask("POST", path, {"code": code}, token=token) for code in codes]
    assert [each.code for each in wrong] == ["invalid_code"] * 5
    right = await guess(9, code=home.code(safe.app))
    assert right.status == 429
    assert 0 < int(right.headers["Retry-After"]) <= 15 * 60
    on_paper = await guess(10, recovery_code=safe.papers[1])
    assert on_paper.status == 429
    await home.clock.advance(15 * 60)
    assert (await guess(11, code=home.code(safe.app))).status == 200


async def test_one_code_does_one_thing(safe: Safe) -> None:
    """What signed somebody in proves nothing else, and the other way round."""
    home, code = safe.home, safe.home.code(safe.app)
    token = await home.bearer(BEN, code=code)
    for path, body in (
        ("/auth/2fa/recovery-codes", {"code": code}),
        ("/auth/2fa/disable", {"password": PASSWORD, "code": code}),
    ):
        assert (await home.ask("POST", path, body, token=token)).code == "invalid_code"
    await home.clock.advance(30)
    code = home.code(safe.app)
    assert (await home.ask("POST", "/auth/2fa/recovery-codes", {"code": code}, token=token)).status == 200
    assert (await home.sign_in(BEN, code=code)).code == "invalid_code"


async def test_administrators_are_asked_for_a_second_factor_by_default(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for login, role, is_asked in (
            (MARA, "super_admin", True),
            ("ada@example.org", "admin", True),
            (BEN, "agent", False),
        ):
            await home.person(login, role)
            due = (await home.sign_in(login)).body["user"]["two_factor_due_at"]
            assert (due is not None) is is_asked, login
