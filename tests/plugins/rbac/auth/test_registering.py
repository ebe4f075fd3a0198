"""Becoming a person: by invitation, by a proven address, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from patchbay_rbac.documents import User
from tests.plugins.rbac.auth.house import ADMIN_TOKEN, BEN, MARA, PASSWORD, PUBLIC_URL, House, house

EVE = "eve@example.org"
REGISTER, LETTER = "/auth/register", "/auth/register/letter"


@pytest_asyncio.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, PATCHBAY_RBAC__REGISTRATION="open") as opened:
        yield opened


async def invited(home: House, login: str = BEN, *roles: str) -> User:
    return await home.person(login, *(roles or ("agent",)), status="invited", password_hash=None)


def acceptance(token: str, name: str = "Ben Weber", password: str = PASSWORD) -> dict[str, str]:
    return {"token": token, "name": name, "password": password}


async def test_an_invitation_makes_an_active_person(home: House) -> None:
    ben = await invited(home)
    sent = await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
    assert sent.status == 200
    assert sent.body == {
        "user_id": ben.id,
        "delivery": "sent",
        "token": None,
        "link": None,
        "expires_at": "2026-01-08T12:00:00.000Z",
    }
    (letter,) = await home.posted()
    assert f"{PUBLIC_URL}/invitation#token={letter.token}" in letter.text
    assert (await home.sign_in(BEN)).code == "invalid_credentials"
    made = await home.ask("POST", REGISTER, acceptance(letter.token))
    assert made.status == 201
    assert (made.body["id"], made.body["email"], made.body["name"]) == (ben.id, BEN, "Ben Weber")
    signed_in = await home.sign_in(BEN)
    assert signed_in.status == 200
    assert signed_in.body["user"]["roles"] == ["agent"]


async def test_of_two_invitations_the_later_one_counts(home: House) -> None:
    ben = await invited(home)
    for _ in range(2):
        await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
    first, second = await home.posted()
    assert (await home.ask("POST", REGISTER, acceptance(first.token))).code == "invalid_code"
    assert (await home.ask("POST", REGISTER, acceptance(second.token))).status == 201


async def test_what_no_notifier_takes_is_handed_over_by_whoever_invites(home: House) -> None:
    ben = await invited(home)
    home.postbox.shut = True
    heard = await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
    assert heard.body["delivery"] == "by_hand"
    assert heard.body["link"] == f"{PUBLIC_URL}/invitation#token={heard.body['token']}"
    assert (await home.ask("POST", REGISTER, acceptance(heard.body["token"]))).status == 201


async def test_without_a_public_address_there_is_the_token_alone(tmp_path: Path) -> None:
    async with house(tmp_path, PATCHBAY_HTTP__PUBLIC_URL="") as home:
        ben = await invited(home)
        await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
        (letter,) = await home.posted()
        assert "://" not in letter.text
        assert (await home.ask("POST", REGISTER, acceptance(letter.token))).status == 201


async def test_only_who_waits_for_an_invitation_is_sent_one(home: House) -> None:
    ben = await home.person(BEN, "agent")
    assert (await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)).code == "conflict"
    assert (await home.ask("POST", "/users/usr_nobody/invite", token=ADMIN_TOKEN)).status == 404


async def test_nobody_gets_hold_of_the_invitation_of_somebody_who_may_more(home: House) -> None:
    boss = await invited(home, "boss@example.org", "super_admin")
    await home.person(MARA, "admin")
    home.postbox.shut = True
    refused = await home.ask("POST", f"/users/{boss.id}/invite", token=await home.bearer(MARA))
    assert refused.status == 403
    assert "token" not in refused.body


@pytest.mark.parametrize(
    ("change", "code"),
    [({"password": "short"}, "password_too_short"), ({"password": f"{BEN} meadow 7"}, "password_about_you")],
)
async def test_an_invited_person_chooses_a_good_password(home: House, change: dict[str, str], code: str) -> None:
    ben = await invited(home)
    await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
    (letter,) = await home.posted()
    weak = await home.ask("POST", REGISTER, {**acceptance(letter.token), **change})
    assert [(each["pointer"], each["code"]) for each in weak.body["errors"]] == [("/password", code)]
    assert (await home.ask("POST", REGISTER, acceptance(letter.token))).status == 201


async def test_by_default_nobody_registers_uninvited(home: House) -> None:
    bodies = {LETTER: {"email": EVE}, REGISTER: {"email": EVE, "name": "Eve", "password": PASSWORD}}
    for path, body in bodies.items():
        refused = await home.ask("POST", path, body)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "invitation" in refused.body["detail"]
    assert await home.posted() == []


async def test_where_it_is_closed_not_even_an_invitation_helps(tmp_path: Path) -> None:
    async with house(tmp_path, PATCHBAY_RBAC__REGISTRATION="closed") as home:
        ben = await invited(home)
        await home.ask("POST", f"/users/{ben.id}/invite", token=ADMIN_TOKEN)
        (letter,) = await home.posted()
        for path, body in ((REGISTER, acceptance(letter.token)), (LETTER, {"email": EVE})):
            refused = await home.ask("POST", path, body)
            assert refused.status == 403
            assert "closed" in refused.body["detail"]


async def test_where_it_is_open_a_proven_address_makes_a_person(open_house: House) -> None:
    begun = await open_house.ask("POST", LETTER, {"email": "Eve@example.org"})
    assert begun.status == 202
    (letter,) = await open_house.posted()
    assert letter.recipient == EVE
    made = await open_house.ask("POST", REGISTER, {**acceptance(letter.token, "Eve"), "email": "EVE@example.org"})
    assert made.status == 201
    me = await open_house.sign_in(EVE)
    assert me.body["user"]["roles"] == ["read_only"]
    assert (await open_house.ask("POST", REGISTER, acceptance(letter.token, "Eve"))).code == "invalid_code"


async def test_where_it_is_open_the_address_is_proven_first(open_house: House) -> None:
    refused = await open_house.ask("POST", REGISTER, {"email": EVE, "name": "Eve", "password": PASSWORD})
    assert refused.status == 422
    assert [each["pointer"] for each in refused.body["errors"]] == ["/token"]
    assert LETTER in refused.body["detail"]


async def test_the_letter_of_one_address_registers_no_other(open_house: House) -> None:
    await open_house.ask("POST", LETTER, {"email": EVE})
    (letter,) = await open_house.posted()
    refused = await open_house.ask("POST", REGISTER, {**acceptance(letter.token), "email": MARA})
    assert (refused.status, refused.code) == (401, "invalid_code")


async def test_an_address_that_is_registered_is_told_so_by_letter_alone(open_house: House) -> None:
    await open_house.person(BEN, "agent")
    known, unknown = [await open_house.ask("POST", LETTER, {"email": email}) for email in (BEN, EVE)]
    assert (known.status, known.body) == (unknown.status, unknown.body)
    letters = {letter.recipient: letter.text for letter in await open_house.posted()}
    assert "registered already" in letters[BEN]
    assert "#token=" not in letters[BEN]


async def test_two_letters_to_one_address_make_one_person(open_house: House) -> None:
    for _ in range(2):
        await open_house.ask("POST", LETTER, {"email": EVE})
    letters = await open_house.posted()
    answers = await asyncio.gather(
        *(open_house.ask("POST", REGISTER, acceptance(letter.token, "Eve")) for letter in letters)
    )
    assert sorted(each.status for each in answers) == [201, 409]


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        (LETTER, {}, {"/email"}),
        (LETTER, {"email": "no address"}, {"/email"}),
        (LETTER, {"email": EVE, "password": PASSWORD}, {"/password"}),
        (REGISTER, {}, {"/name", "/password"}),
        (REGISTER, {"token": "x", "password": PASSWORD}, {"/name"}),
        (REGISTER, {"token": "x", "name": "B", "password": PASSWORD, "role_ids": ["admin"]}, {"/role_ids"}),
    ],
)
async def test_each_step_takes_its_own_fields(
    open_house: House, path: str, body: dict[str, object], pointers: set[str]
) -> None:
    refused = await open_house.ask("POST", path, body)
    assert refused.status == 422
    assert {each["pointer"] for each in refused.body["errors"]} == pointers
