"""E2: the verification of a callback echoes only ``[A-Za-z0-9_-]{1,128}``, as text, and only to who knows our token."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.security.edge_world import VERIFY_TOKEN, Edge, edge

ECHOED = ("1158201444", "a", "A-b_9", "x" * 128)
REFLECTED = (
    "",
    " ",
    "x" * 129,
    "<script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "1<2",
    "a b",
    "a\nb",
    "a\r\nSet-Cookie: x=1",
    "a%0d%0aX: 1",
    "a.b",
    "a+b",
    "a/b",
    "a,b",
    '"a"',
    "'a'",
    "{{7*7}}",
    "${7*7}",
    "javascript:1",
    "é",
    "１２３",  # full-width digits
    "١٢٣",  # digits of another script
    "a\x00",
    "\ufeff1",
    "1\u2028",
    "1\n",
    "+ADw-script+AD4-",
)


def query(challenge: str | None, *, token: str | None = VERIFY_TOKEN, mode: str | None = "subscribe") -> str:
    said = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": challenge}
    return urlencode({name: value for name, value in said.items() if value is not None}, quote_via=quote)


async def verify(world: Edge, channel: str, asked: str) -> tuple[int, bytes, str]:
    heard = await world.ask("GET", f"/webhooks/{channel}?{asked}", token=None)
    assert heard.headers["X-Content-Type-Options"] == "nosniff"
    return heard.status, heard.body, heard.headers.get("Content-Type", "")


@pytest.mark.parametrize("channel", ["whatsapp", "messenger", "instagram"])
async def test_a_plain_challenge_comes_back_as_text_and_nothing_else_ever_does(tmp_path: Path, channel: str) -> None:
    async with edge(tmp_path) as world:
        for challenge in ECHOED:
            status, body, kind = await verify(world, channel, query(challenge))
            assert (status, body, kind.partition(";")[0]) == (200, challenge.encode(), "text/plain")
        for challenge in REFLECTED:
            assert (await verify(world, channel, query(challenge)))[:2] == (403, b""), challenge


async def test_who_does_not_know_the_token_hears_nothing(tmp_path: Path) -> None:
    asked = [
        *(query("1158201444", token=token) for token in (None, "", "x", VERIFY_TOKEN.upper(), VERIFY_TOKEN + " ", "é")),
        *(query("1158201444", mode=mode) for mode in (None, "", "unsubscribe", "SUBSCRIBE", "subscribe ")),
        query(None),
        "",
        "hub.mode=subscribe&hub.verify_token=wrong&" + query("1"),
        "hub%2Emode=subscribe",
        "hub.challenge=<b>",
    ]
    async with edge(tmp_path) as world:
        for each in asked:
            assert (await verify(world, "whatsapp", each))[:2] == (403, b""), each
        nobody = await world.ask("GET", f"/webhooks/nobody?{query('1')}", token=None)
        assert (nobody.status, b"1158201444" in nobody.body) == (404, False)


async def test_a_gateway_without_a_token_verifies_for_nobody(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_WHATSAPP__VERIFY_TOKEN="") as world:
        for token in (None, "", "None", VERIFY_TOKEN):
            assert (await verify(world, "whatsapp", query("1158201444", token=token)))[:2] == (403, b"")
