"""Until when a page's token is good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from patchbay.errors import AccountBroken, Rejected, Unavailable
from patchbay.testing.play import answer, play
from patchbay_meta import tokens
from patchbay_meta.graph import GraphErrors

ERRORS = GraphErrors("Messenger")
MAY, JUNE = 1_777_593_600, 1_780_272_000  # 2026-05-01 and 2026-06-01


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        ({"is_valid": True, "expires_at": 0, "data_access_expires_at": 0}, None),
        ({"is_valid": True, "expires_at": 0, "data_access_expires_at": MAY}, MAY),
        ({"is_valid": True, "expires_at": JUNE, "data_access_expires_at": MAY}, MAY),
        ({"is_valid": True, "expires_at": JUNE}, JUNE),
        ({"is_valid": True, "expires_at": "soon"}, None),
        ({}, None),
    ],
)
def test_it_ends_by_date_or_by_consent_whichever_is_first(data: dict[str, Any], ends: int | None) -> None:
    played = play(tokens.ask(ERRORS), answer(data=data))
    assert played.request.path == "/debug_token?input_token={token}&access_token={token}"
    assert played.result is not None
    assert played.result.expires_at == (None if ends is None else datetime.fromtimestamp(ends, UTC))
    assert not played.result.credentials


def test_one_that_has_ended_is_told_of() -> None:
    data = {"is_valid": False, "error": {"code": 190, "message": "The session has been invalidated."}}
    with pytest.raises(AccountBroken, match="invalidated"):
        play(tokens.ask(ERRORS), answer(data=data))


@pytest.mark.parametrize("error", [{"error_subcode": 463}, {}, {"error_subcode": 99}, {"is_transient": True}])
@pytest.mark.parametrize("status", [400, 500])
def test_every_190_says_that_it_has_ended(error: dict[str, Any], status: int) -> None:
    with pytest.raises(AccountBroken):
        play(tokens.ask(ERRORS), answer(status, error={"code": 190, "message": "Invalid token.", **error}))


@pytest.mark.parametrize("code", [3, 10, 100, 200, 4])
def test_that_one_may_not_be_asked_about_says_nothing_against_it(code: int) -> None:
    with pytest.raises((Unavailable, Rejected)):
        play(tokens.ask(ERRORS), answer(400, error={"code": code, "message": "No"}))
