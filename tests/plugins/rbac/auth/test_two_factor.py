"""Setting a second factor up, signing in with it, and doing without it again."""

from __future__ import annotations

from typing import Any

from pyotp import TOTP

from patchbay_rbac.documents import TwoFactor
from tests.plugins.rbac.auth.house import BEN, MARA, OTHER_PASSWORD, PASSWORD, House

WEEK_S = 7 * 24 * 3600


async def test_a_factor_is_asked_for_once_it_is_verified_and_not_before(home: House) -> None:
    ben = await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    begun = await home.ask("POST", "/auth/2fa/setup", {"password": PASSWORD}, token=token)
    app = TOTP(begun.body["secret"])
    assert begun.body["otpauth_uri"] == app.provisioning_uri(name=BEN, issuer_name="Patchbay")
    stored = (await home.user(ben)).two_factor
    assert stored is not None
    assert begun.body["secret"] not in stored.seed
    assert stored.confirmed_at is None
    assert (await home.sign_in(BEN)).status == 200
    code = home.code(app)
    verified = await home.ask("POST", "/auth/2fa/verify", {"code": code}, token=token)
    assert verified.status == 200
    assert len(set(verified.body["recovery_codes"])) == 10
    assert (await home.sign_in(BEN)).code == "two_factor_required"
    assert (await home.sign_in(BEN, code=code)).code == "invalid_code"  # it was used to verify
    await home.clock.advance(30)
    signed_in = await home.sign_in(BEN, code=home.code(app))
    assert signed_in.status == 200
    assert signed_in.body["user"]["two_factor"] is True


async def test_verifying_marks_this_session_and_ends_all_others(home: House) -> None:
    await home.person(BEN, "agent")
    other, token = await home.bearer(BEN), await home.bearer(BEN)
    await home.two_factor(token)
    listed = await home.ask("GET", "/auth/sessions", token=token)
    assert [(each["current"], each["two_factor"]) for each in listed.body["data"]] == [(True, True)]
    assert (await home.ask("GET", "/auth/me", token=other)).status == 401


async def test_setting_up_takes_the_password_again(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    wrong = await home.ask("POST", "/auth/2fa/setup", {"password": OTHER_PASSWORD}, token=token)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    assert (await home.ask("POST", "/auth/2fa/setup", {}, token=token)).status == 422
    assert (await home.ask("GET", "/auth/me", token=token)).status == 200


async def test_guessing_the_password_in_a_session_is_counted_like_signing_in(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    answers = [
        await home.ask("POST", "/auth/2fa/setup", {"password": f"{OTHER_PASSWORD} {turn}"}, token=token)
        for turn in range(6)
    ]
    assert [each.status for each in answers] == [401] * 5 + [429]


async def test_a_wrong_first_code_verifies_nothing(home: House) -> None:
    ben = await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    assert (await home.ask("POST", "/auth/2fa/verify", {"code": "000000"}, token=token)).code == "conflict"
    await home.ask("POST", "/auth/2fa/setup", {"password": PASSWORD}, token=token)
    answers = [await home.ask("POST", "/auth/2fa/verify", {"code": "00000x"}, token=token) for _ in range(6)]
    assert [each.code for each in answers] == ["invalid_code"] * 5 + ["rate_limited"]
    stored = (await home.user(ben)).two_factor
    assert stored is not None
    assert stored.confirmed_at is None


async def test_beginning_anew_forgets_the_seed_from_before_and_a_second_one_is_refused(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    first = await home.ask("POST", "/auth/2fa/setup", {"password": PASSWORD}, token=token)
    app, _ = await home.two_factor(token)
    assert app.secret != first.body["secret"]
    again = await home.ask("POST", "/auth/2fa/setup", {"password": PASSWORD}, token=token)
    assert (again.status, again.code) == (409, "conflict")
    assert (await home.ask("POST", "/auth/2fa/verify", {"code": home.code(app)}, token=token)).status == 409


async def test_a_recovery_code_signs_in_once(home: House) -> None:
    await home.person(BEN, "agent")
    _, papers = await home.two_factor(await home.bearer(BEN))
    spoken = papers[0].upper().replace("-", " ")
    assert (await home.sign_in(BEN, recovery_code=spoken)).status == 200
    again = await home.sign_in(BEN, recovery_code=papers[0])
    assert (again.status, again.code) == (401, "invalid_code")
    assert (await home.sign_in(BEN, recovery_code=papers[1])).status == 200


async def test_new_recovery_codes_end_the_old_ones(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    app, old = await home.two_factor(token)
    by_code = await home.ask("POST", "/auth/2fa/recovery-codes", {"code": home.code(app)}, token=token)
    by_password = await home.ask("POST", "/auth/2fa/recovery-codes", {"password": PASSWORD}, token=token)
    assert by_code.status == by_password.status == 200
    assert not set(old) & set(by_code.body["recovery_codes"]) & set(by_password.body["recovery_codes"])
    dead = [await home.sign_in(BEN, recovery_code=codes[0]) for codes in (old, by_code.body["recovery_codes"])]
    assert [each.code for each in dead] == ["invalid_code"] * 2
    assert (await home.sign_in(BEN, recovery_code=by_password.body["recovery_codes"][0])).status == 200


async def test_recovery_codes_take_a_proof_and_a_factor(home: House) -> None:
    await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    path = "/auth/2fa/recovery-codes"
    assert (await home.ask("POST", path, {"password": PASSWORD}, token=token)).status == 409
    app, _ = await home.two_factor(token)
    for body in ({}, {"password": PASSWORD, "code": "123456"}):
        assert (await home.ask("POST", path, body, token=token)).status == 422
    assert (await home.ask("POST", path, {"code": "12345x"}, token=token)).code == "invalid_code"
    code = home.code(app)
    assert (await home.ask("POST", path, {"code": code}, token=token)).status == 200
    assert (await home.ask("POST", path, {"code": code}, token=token)).code == "invalid_code"


async def test_disabling_takes_password_and_code_and_ends_other_sessions(home: House) -> None:
    ben = await home.person(BEN, "agent")
    token = await home.bearer(BEN)
    app, papers = await home.two_factor(token)
    other = await home.bearer(BEN, recovery_code=papers[0])
    path = "/auth/2fa/disable"
    bodies: list[dict[str, Any]] = [
        {"password": PASSWORD},
        {"password": OTHER_PASSWORD, "code": home.code(app)},
        {"password": PASSWORD, "code": "12345x"},
        {"password": PASSWORD, "recovery_code": papers[0]},
    ]
    assert [(await home.ask("POST", path, body, token=token)).status for body in bodies] == [422, 401, 401, 401]
    assert (await home.ask("POST", path, {"password": PASSWORD, "code": home.code(app)}, token=token)).status == 204
    assert (await home.user(ben)).two_factor is None
    assert (await home.ask("GET", "/auth/me", token=other)).status == 401
    assert (await home.sign_in(BEN)).status == 200


async def test_whoever_must_have_a_factor_cannot_disable_it(home: House) -> None:
    mara = await home.person(MARA, "super_admin")
    token = await home.bearer(MARA)
    app, _ = await home.two_factor(token)
    body = {"password": PASSWORD, "code": home.code(app)}
    refused = await home.ask("POST", "/auth/2fa/disable", body, token=token)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert isinstance((await home.user(mara)).two_factor, TwoFactor)


async def test_after_the_grace_period_a_session_is_for_setting_up_only(home: House) -> None:
    """E19: administrators need a second factor by default."""
    await home.person(MARA, "super_admin")
    first = await home.sign_in(MARA, session="token")
    due = first.body["user"]["two_factor_due_at"]
    assert due == "2026-01-08T12:00:00.000Z"
    assert (await home.ask("GET", "/conversations", token=first.body["access_token"])).status == 200
    await home.clock.advance(WEEK_S - 1)
    assert (await home.ask("GET", "/conversations", token=await home.bearer(MARA))).status == 200
    await home.clock.advance(1)
    late = await home.sign_in(MARA, session="token")
    assert late.body["user"]["two_factor_due_at"] == due
    token = late.body["access_token"]
    limited = [await home.ask("GET", path, token=token) for path in ("/conversations", "/api-keys", "/events")]
    assert [each.status for each in limited] == [403] * 3
    assert (await home.ask("POST", "/auth/ws-ticket", token=token)).status == 403
    assert (await home.ask("GET", "/auth/me", token=token)).status == 200
    app, _ = await home.two_factor(token)
    assert (await home.ask("GET", "/conversations", token=token)).status == 200
    assert (await home.sign_in(MARA, code=home.code(app))).body["user"]["two_factor_due_at"] is None


async def test_an_agent_is_not_asked_for_a_factor(home: House) -> None:
    await home.person(BEN, "agent")
    assert (await home.sign_in(BEN)).body["user"]["two_factor_due_at"] is None
    await home.clock.advance(2 * WEEK_S)
    assert (await home.ask("GET", "/conversations", token=await home.bearer(BEN))).status == 200
