"""E5: what a header says of the client's address counts only when a configured proxy says it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from patchbay.web.addresses import client_address, limiting_key, networks
from tests.security.edge_world import edge

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48")
PROXY, OTHER, OUTSIDE = "10.1.2.3", "192.0.2.7", "198.51.100.9"
SIX = "2001:db8:1::5"
MATRIX: tuple[tuple[tuple[str, ...], str | None, Sequence[str], str], ...] = (
    # proxies, peer, the header's values, whose address it is
    ((), OUTSIDE, (), OUTSIDE),
    ((), OUTSIDE, ("203.0.113.1",), OUTSIDE),
    ((), PROXY, ("203.0.113.1",), PROXY),
    ((), "127.0.0.1", ("203.0.113.1",), "127.0.0.1"),
    ((), None, ("203.0.113.1",), "unknown"),
    (PROXIES, OUTSIDE, (), OUTSIDE),
    (PROXIES, OUTSIDE, ("203.0.113.1",), OUTSIDE),
    (PROXIES, OUTSIDE, ("203.0.113.1, 10.1.2.3",), OUTSIDE),
    (PROXIES, OUTSIDE, ("10.1.2.3",), OUTSIDE),
    (PROXIES, "127.0.0.1", ("203.0.113.1",), "127.0.0.1"),
    (PROXIES, None, ("203.0.113.1",), "unknown"),
    (PROXIES, "192.0.2.8", ("203.0.113.1",), "192.0.2.8"),
    (PROXIES, "2001:db8:1::1", ("203.0.113.1",), "2001:db8:1::1"),
    (PROXIES, "::1", ("203.0.113.1",), "::1"),
    (PROXIES, PROXY, (), PROXY),
    (PROXIES, PROXY, ("",), PROXY),
    (PROXIES, PROXY, ("203.0.113.1",), "203.0.113.1"),
    (PROXIES, PROXY, (" 203.0.113.1 ",), "203.0.113.1"),
    (PROXIES, PROXY, ("198.51.100.1, 203.0.113.1",), "203.0.113.1"),
    (PROXIES, PROXY, ("198.51.100.1", "203.0.113.1"), "203.0.113.1"),
    (PROXIES, PROXY, ("203.0.113.1, 10.9.9.9",), "203.0.113.1"),
    (PROXIES, PROXY, ("203.0.113.1", "10.9.9.9"), "203.0.113.1"),
    (PROXIES, PROXY, ("198.51.100.1, 203.0.113.1, 192.0.2.7, 10.9.9.9",), "203.0.113.1"),
    (PROXIES, PROXY, ("10.9.9.9",), "10.9.9.9"),
    (PROXIES, PROXY, ("10.9.9.9, 10.8.8.8",), "10.9.9.9"),
    (PROXIES, PROXY, ("203.0.113.1, unknown",), PROXY),
    (PROXIES, PROXY, ("unknown, 203.0.113.1",), "203.0.113.1"),
    (PROXIES, PROXY, ("203.0.113.1, ",), PROXY),
    (PROXIES, PROXY, ("<script>",), PROXY),
    (PROXIES, PROXY, ("203.0.113.1; 198.51.100.1",), PROXY),
    (PROXIES, PROXY, ("203.0.113.999",), PROXY),
    (PROXIES, PROXY, ("0313.0.0161.1",), PROXY),
    (PROXIES, PROXY, ("203.0.113.1:50123",), "203.0.113.1"),
    (PROXIES, PROXY, (f"[{SIX}]:443",), SIX),
    (PROXIES, PROXY, (f"[{SIX}]",), SIX),
    (PROXIES, PROXY, (SIX.upper(),), SIX),
    (PROXIES, OTHER, ("203.0.113.1",), "203.0.113.1"),
    (PROXIES, "::ffff:10.1.2.3", ("203.0.113.1",), "203.0.113.1"),
    (PROXIES, "::ffff:198.51.100.9", ("203.0.113.1",), "::ffff:198.51.100.9"),
    (PROXIES, "2001:db8:ffff::9", (SIX,), SIX),
    (PROXIES, "2001:db8:ffff::9", (f"{SIX}, 2001:db8:ffff::2",), SIX),
    (PROXIES, "fe80::1%eth0", ("203.0.113.1",), "fe80::1%eth0"),
)


@pytest.mark.parametrize(("proxies", "peer", "said", "whose"), MATRIX)
def test_whose_address_it_is(proxies: tuple[str, ...], peer: str | None, said: Sequence[str], whose: str) -> None:
    assert client_address(peer, said, networks(proxies)) == whose


def test_the_matrix_has_forty_cases_and_no_two_alike() -> None:
    assert len(set(MATRIX)) == len(MATRIX) >= 40


def names(rng: random.Random) -> dict[str, str]:
    """An address that nobody has, in every header that some proxy somewhere sets."""
    address = (
        str(IPv4Address(rng.randrange(2**24, 2**32)))
        if rng.random() < 0.5
        else str(IPv6Address(rng.randrange(2**125, 2**126)))
    )
    return {
        "X-Forwarded-For": address,
        "Forwarded": f'for="{address}";proto=https;host=evil.example',
        "X-Real-IP": address,
        "X-Client-IP": address,
        "True-Client-IP": address,
        "CF-Connecting-IP": address,
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Original-URL": "/health",
    }


@pytest.mark.parametrize(
    "tries", [pytest.param(300, id="some"), pytest.param(10_000, id="all", marks=pytest.mark.long)]
)
async def test_an_invented_address_buys_no_further_try(tmp_path: Path, tries: int) -> None:
    rng = random.Random(5)
    async with edge(tmp_path, PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE="200") as world:
        answers = [
            (await world.ask("GET", "/api/v1/tags", token="guess", headers=names(rng))).status for _ in range(tries)
        ]
        assert answers[0] == 401
        assert answers.count(401) <= 2 * 20  # a tenth of the limit, and again when the minute turns
        assert set(answers) == {401, 429}


async def test_a_configured_proxy_tells_clients_apart_and_a_client_behind_it_cannot_lie(tmp_path: Path) -> None:
    rng = random.Random(6)
    async with edge(
        tmp_path, PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE="200", PATCHBAY_HTTP__TRUSTED_PROXIES="127.0.0.1,::1"
    ) as world:

        async def fails(forwarded: str) -> int:
            return (await world.ask("GET", "/api/v1/tags", token="x", headers={"X-Forwarded-For": forwarded})).status

        apart = {await fails(str(IPv4Address(0x0B000000 + number))) for number in range(60)}
        assert apart == {401}
        lying = [await fails(f"{IPv4Address(rng.randrange(2**32))}, 203.0.113.77") for _ in range(60)]
        assert lying.count(401) <= 40
        assert lying[-1] == 429 or lying.count(429) >= 20


async def test_a_forwarded_host_or_scheme_is_in_no_answer(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__TRUSTED_PROXIES="127.0.0.1,::1") as world:
        for operation in world.operations:
            if operation.path.endswith(("/stream", "/openapi.json")):
                continue
            heard = await world.ask(
                operation.method, operation.path.replace("{", "").replace("}", ""), headers=names(random.Random(7))
            )
            assert b"evil.example" not in heard.body
            assert "evil.example" not in str(dict(heard.headers))


def test_the_limiter_counts_networks_of_one_home_as_one() -> None:
    assert limiting_key("2001:db8:1:2::1") == limiting_key("2001:db8:1:2:ffff::9") != limiting_key("2001:db8:1:3::1")
    assert limiting_key("::ffff:203.0.113.1") == limiting_key("203.0.113.1")
