"""Where one is signed in, and signing out there."""

from __future__ import annotations

from tests.plugins.rbac.auth.house import BEN, MARA, House


async def test_a_person_sees_where_they_are_signed_in(home: House) -> None:
    await home.person(BEN, "agent")
    phone = await home.ask(
        "POST",
        "/auth/login",
        {"email": BEN, "password": "tulip quarry sandal 71", "session": "token"},
        headers={"User-Agent": "phone", "X-Forwarded-For": "203.0.113.9"},
    )
    await home.clock.advance(1)
    browser = await home.sign_in(BEN, session="cookie")
    heard = await home.ask("GET", "/auth/sessions", cookie=browser.cookie)
    assert heard.status == 200
    here, there = heard.body["data"]
    assert (here["id"], here["current"], here["kinds"]) == (browser.body["session_id"], True, ["cookie"])
    assert there == {
        "id": phone.body["session_id"],
        "current": False,
        "kinds": ["tokens"],
        "two_factor": False,
        "address": "203.0.113.9",
        "user_agent": "phone",
        "created_at": "2026-01-01T12:00:00.000Z",
        "last_seen_at": "2026-01-01T12:00:00.000Z",
    }


async def test_ending_another_session_of_ones_own_ends_its_token_at_once(home: House) -> None:
    await home.person(BEN, "agent")
    lost, kept = await home.sign_in(BEN), await home.bearer(BEN)
    id = lost.body["session_id"]
    assert (await home.ask("DELETE", f"/auth/sessions/{id}", token=kept)).status == 204
    assert (await home.ask("GET", "/auth/me", token=lost.body["access_token"])).status == 401
    assert (await home.ask("GET", "/auth/me", cookie=lost.cookie)).status == 401
    refreshed = await home.ask("POST", "/auth/refresh", {"refresh_token": lost.body["refresh_token"]})
    assert refreshed.status == 401
    assert (await home.ask("DELETE", f"/auth/sessions/{id}", token=kept)).status == 404
    assert (await home.ask("GET", "/auth/me", token=kept)).status == 200


async def test_a_session_of_somebody_else_is_not_there(home: House) -> None:
    await home.person(BEN, "agent")
    await home.person(MARA, "super_admin")
    theirs = await home.sign_in(MARA)
    token = await home.bearer(BEN)
    foreign = await home.ask("DELETE", f"/auth/sessions/{theirs.body['session_id']}", token=token)
    absent = await home.ask("DELETE", "/auth/sessions/ses_nothing", token=token)
    assert foreign.status == absent.status == 404
    assert foreign.body["detail"].replace(theirs.body["session_id"], "") == absent.body["detail"].replace(
        "ses_nothing", ""
    )
    assert (await home.ask("GET", "/auth/me", token=theirs.body["access_token"])).status == 200


async def test_ending_the_present_session_takes_the_cookie_away(home: House) -> None:
    await home.person(BEN, "agent")
    here = await home.sign_in(BEN, session="cookie")
    heard = await home.ask("DELETE", f"/auth/sessions/{here.body['session_id']}", cookie=here.cookie)
    assert (heard.status, heard.cookie) == (204, "")
    assert (await home.ask("GET", "/auth/me", cookie=here.cookie)).status == 401


async def test_signing_out_everywhere_else_keeps_the_present_session(home: House) -> None:
    await home.person(BEN, "agent")
    others = [await home.bearer(BEN) for _ in range(3)]
    mine = await home.bearer(BEN)
    assert (await home.ask("DELETE", "/auth/sessions", token=mine)).status == 204
    assert [(await home.ask("GET", "/auth/me", token=token)).status for token in (*others, mine)] == [401] * 3 + [200]


async def test_an_administrator_sees_and_ends_the_sessions_of_others(home: House) -> None:
    ben = await home.person(BEN, "agent")
    await home.person(MARA, "super_admin")
    token, admin = await home.bearer(BEN), await home.bearer(MARA)
    listed = await home.ask("GET", f"/users/{ben.id}/sessions", token=admin)
    assert [each["current"] for each in listed.body["data"]] == [False]
    assert (await home.ask("DELETE", f"/users/{ben.id}/sessions", token=admin)).status == 204
    assert (await home.ask("GET", "/auth/me", token=token)).status == 401
    assert (await home.ask("GET", f"/users/{ben.id}/sessions", token=admin)).body["data"] == []


async def test_nobody_touches_the_sessions_of_somebody_who_may_more(home: House) -> None:
    mara = await home.person(MARA, "super_admin")
    await home.person(BEN, "agent")
    await home.person("ada@example.org", "admin")
    for login in (BEN, "ada@example.org"):
        token = await home.bearer(login)
        assert (await home.ask("GET", f"/users/{mara.id}/sessions", token=token)).status == 403
        assert (await home.ask("DELETE", f"/users/{mara.id}/sessions", token=token)).status == 403
    absent = await home.ask("DELETE", "/users/usr_nobody/sessions", token=await home.bearer(MARA))
    assert absent.status == 404


async def test_the_list_holds_what_can_still_be_used(home: House) -> None:
    await home.person(BEN, "agent")
    await home.sign_in(BEN, session="cookie")
    await home.clock.advance(161 * 60)
    token = await home.bearer(BEN)
    listed = await home.ask("GET", "/auth/sessions", token=token)
    assert [each["kinds"] for each in listed.body["data"]] == [["tokens"]]
