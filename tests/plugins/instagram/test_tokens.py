"""Renewing the token of Instagram login, and asking about that of a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from patchbay.channel import TokenState
from patchbay.errors import AccountBroken, Unavailable
from patchbay.model.account import ChannelAccount, Health
from patchbay.testing.play import answer, play
from patchbay_instagram import InstagramChannel, InstagramSettings

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CHANNEL = InstagramChannel(InstagramSettings())
OWN = ChannelAccount(id="acc_1", created_at=NOW, updated_at=NOW, channel="instagram", name="Shop", external_id="1784")
LINKED = replace(OWN, parent_external_id="page-1")
FRESH = answer(access_token="IGA-new", token_type="bearer", expires_in=5_184_000)


def ending(days: float) -> ChannelAccount:
    return replace(OWN, health=Health(token_expires_at=NOW + timedelta(days=days)))


@pytest.mark.parametrize("account", [OWN, ending(52.9), ending(1)])
def test_it_is_renewed_at_its_own_host_every_week(account: ChannelAccount) -> None:
    played = play(CHANNEL.look_after_token(account, NOW), FRESH)
    assert played.request.path == (
        "https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token&access_token={token}"
    )
    assert played.result is not None
    assert played.result.credentials == {"access_token": "IGA-new"}
    assert played.result.expires_at == NOW + timedelta(days=60)


def test_one_that_was_renewed_lately_is_left_alone() -> None:
    kept = play(CHANNEL.look_after_token(ending(53.1), NOW)).result
    assert kept == TokenState(expires_at=NOW + timedelta(days=53.1))


@pytest.mark.parametrize(
    "body", [{}, {"access_token": ""}, {"access_token": "x"}, {"access_token": "x", "expires_in": 0}]
)
def test_an_answer_without_a_token_changes_nothing(body: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        play(CHANNEL.look_after_token(OWN, NOW), answer(**body))


def test_one_that_has_ended_needs_its_owner() -> None:
    for ended in ({"code": 190, "error_subcode": 463}, {"code": 190, "message": "Session has expired."}):
        with pytest.raises(AccountBroken):
            play(CHANNEL.look_after_token(OWN, NOW), answer(400, error=ended))
    with pytest.raises(Unavailable):  # it may be too young to be renewed
        play(CHANNEL.look_after_token(OWN, NOW), answer(400, error={"code": 10, "message": "Not yet"}))


def test_that_of_a_page_is_asked_about() -> None:
    played = play(CHANNEL.look_after_token(LINKED, NOW), answer(data={"is_valid": True, "expires_at": 0}))
    assert played.request.path.startswith("/debug_token?")
    assert played.result == TokenState()
