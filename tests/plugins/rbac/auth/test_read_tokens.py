"""An access token is verified once while it lives; that it lives, and who holds it, is looked at every time."""

from __future__ import annotations

import pytest

from patchbay.secrets import SecretKey
from patchbay_rbac.credentials.access_tokens import LEEWAY, LIFETIME, AccessTokens, Claims
from tests.plugins.rbac.auth.house import House


async def test_what_was_read_once_is_not_read_again_and_ends_in_time(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await bearer(home)
    read: list[str] = []
    original = AccessTokens.read

    def reading(tokens: AccessTokens, text: str, *args: object, **more: object) -> Claims:
        read.append(text)
        return original(tokens, text, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(AccessTokens, "read", reading)
    assert [await status(home, token) for _ in range(3)] == [200, 200, 200]
    assert read == [token]
    await home.clock.advance((LIFETIME + LEEWAY).total_seconds() - 2)
    assert await status(home, token) == 200
    await home.clock.advance(2)
    assert await status(home, token) == 401
    assert read == [token, token], "the second time to say that it has expired"


@pytest.mark.parametrize("at", [-1, 40, 200])
async def test_one_character_more_or_less_is_another_token(home: House, at: int) -> None:
    token = await bearer(home)
    assert await status(home, token) == 200
    other = "A" if token[at] != "A" else "E"
    assert await status(home, token[:at] + other + token[at:][1:]) == 401
    assert await status(home, token) == 200


async def test_what_a_retired_key_signed_means_nothing_though_it_was_read_before(home: House) -> None:
    token = await bearer(home)
    assert await status(home, token) == 200
    home.gateway.vault.renew([SecretKey("another key of the operator, long enough")])
    await home.rbac.reseal()
    assert await status(home, token) == 401


async def bearer(home: House) -> str:
    mara = await home.person("mara@example.org", "agent")
    session, _ = await home.browser(mara)
    token, _ = home.rbac.tokens.issue(mara.id, session.id, home.clock.now())
    return token


async def status(home: House, token: str) -> int:
    return (await home.ask("GET", "/auth/me", token=token)).status
