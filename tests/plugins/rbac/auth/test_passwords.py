"""Changing one's own password, and setting a new one by a letter."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.plugins.rbac.auth.house import BEN, OTHER_PASSWORD, PASSWORD, PUBLIC_URL, House


async def test_a_forgotten_password_is_set_anew_by_letter(home: House) -> None:
    await home.person("Ben@Example.org", "agent")
    before = await home.sign_in(BEN)
    asked = await home.ask("POST", "/auth/password/forgot", {"email": "BEN@example.org "})
    assert asked.status == 202
    (letter,) = await home.posted()
    assert letter.recipient == "Ben@Example.org"
    assert f"{PUBLIC_URL}/reset-password#token={letter.token}" in letter.text
    reset = {"token": letter.token, "password": OTHER_PASSWORD}
    assert (await home.ask("POST", "/auth/password/reset", reset)).status == 204
    assert (await home.ask("GET", "/auth/me", token=before.body["access_token"])).status == 401
    assert (await home.ask("GET", "/auth/me", cookie=before.cookie)).status == 401
    assert (await home.sign_in(BEN)).code == "invalid_credentials"
    assert (await home.sign_in(BEN, OTHER_PASSWORD)).status == 200


async def test_a_weak_new_password_leaves_the_letter_good(home: House) -> None:
    await home.person(BEN, "agent")
    await home.ask("POST", "/auth/password/forgot", {"email": BEN})
    (letter,) = await home.posted()
    weak = await home.ask("POST", "/auth/password/reset", {"token": letter.token, "password": "password1234"})
    assert weak.status == 422
    assert [(each["pointer"], each["code"]) for each in weak.body["errors"]] == [("/password", "password_common")]
    named = await home.ask("POST", "/auth/password/reset", {"token": letter.token, "password": f"my {BEN} lantern"})
    assert named.body["errors"][0]["code"] == "password_about_you"
    reset = {"token": letter.token, "password": OTHER_PASSWORD}
    assert (await home.ask("POST", "/auth/password/reset", reset)).status == 204


async def test_a_reset_leaves_the_second_factor(home: House) -> None:
    await home.person(BEN, "agent")
    app, _ = await home.two_factor(await home.bearer(BEN))
    await home.ask("POST", "/auth/password/forgot", {"email": BEN})
    (letter,) = await home.posted()
    await home.ask("POST", "/auth/password/reset", {"token": letter.token, "password": OTHER_PASSWORD})
    assert (await home.sign_in(BEN, OTHER_PASSWORD)).code == "two_factor_required"
    assert (await home.sign_in(BEN, OTHER_PASSWORD, code=home.code(app))).status == 200


async def test_a_letter_is_for_the_address_and_the_person_it_was_sent_to(home: House) -> None:
    ben = await home.person(BEN, "agent")
    await home.ask("POST", "/auth/password/forgot", {"email": BEN})
    (letter,) = await home.posted()
    reset = {"token": letter.token, "password": OTHER_PASSWORD}
    await home.change(ben, login="b.moved@example.org")
    assert (await home.ask("POST", "/auth/password/reset", reset)).code == "invalid_code"
    await home.change(ben, login=BEN, status="suspended")
    assert (await home.ask("POST", "/auth/password/reset", reset)).code == "invalid_code"
    await home.change(ben, status="active")
    assert (await home.ask("POST", "/auth/password/reset", reset)).status == 204


async def test_changing_the_password_makes_letters_from_before_worthless(home: House) -> None:
    await home.person(BEN, "agent")
    await home.ask("POST", "/auth/password/forgot", {"email": BEN})
    (letter,) = await home.posted()
    body = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    assert (await home.ask("POST", "/auth/password/change", body, token=await home.bearer(BEN))).status == 204
    reset = {"token": letter.token, "password": PASSWORD}
    assert (await home.ask("POST", "/auth/password/reset", reset)).status == 401


async def test_a_change_ends_other_sessions_and_renames_this_one(home: House) -> None:
    await home.person(BEN, "agent")
    other, here = await home.sign_in(BEN), await home.sign_in(BEN, session="cookie")
    body = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    changed = await home.ask("POST", "/auth/password/change", body, cookie=here.cookie)
    assert changed.status == 204
    assert changed.cookie
    assert changed.cookie != here.cookie
    assert (await home.ask("GET", "/auth/me", token=other.body["access_token"])).status == 401
    assert (await home.ask("GET", "/auth/me", cookie=here.cookie)).status == 401
    me = await home.ask("GET", "/auth/me", cookie=changed.cookie)
    assert me.body["session_id"] == here.body["session_id"]
    assert (await home.sign_in(BEN, OTHER_PASSWORD)).status == 200


async def test_a_change_takes_the_present_password_and_a_good_new_one(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    path = "/auth/password/change"
    wrong = await home.ask("POST", path, {"current_password": OTHER_PASSWORD, "password": OTHER_PASSWORD}, token=token)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    weak = await home.ask("POST", path, {"current_password": PASSWORD, "password": "tulip"}, token=token)
    assert [each["pointer"] for each in weak.body["errors"]] == ["/password"]
    assert (await home.ask("GET", "/auth/me", token=token)).status == 200


async def test_without_anybody_who_takes_letters_a_warning_is_logged_once(home: House) -> None:
    await home.person(BEN, "agent")
    home.postbox.shut = True
    with capture_logs() as told:
        for _ in range(2):
            assert (await home.ask("POST", "/auth/password/forgot", {"email": BEN})).status == 202
        await home.settled()
    assert [each["log_level"] for each in told if each["event"] == "rbac.letter_not_sent"] == ["warning"]
