"""Who may do what, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import ConfigError
from patchbay.hookspecs import Permission, Route
from patchbay.web import build_app, channels, keys
from patchbay.web.addresses import client_address, limiting_key, networks
from patchbay.web.ratelimit import RateLimiter, WindowStorage

TOKEN = "an-admin-token-for-tests-9f3b"


@pytest.fixture
async def anonymous(gateway: Any, aiohttp_client: Any) -> Any:
    return await aiohttp_client(build_app(gateway, [channels]))


async def test_without_a_token_nothing_is_shown(anonymous: Any) -> None:
    answer = await anonymous.get("/api/v1/channels")
    assert (answer.status, (await answer.json())["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="patchbay"'


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic YTpi", "Bearer", TOKEN])
async def test_a_wrong_token_is_refused(anonymous: Any, header: str) -> None:
    answer = await anonymous.get("/api/v1/channels", headers={"Authorization": header})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_a_token_is_taken_as_a_bearer_or_as_an_api_key_and_never_from_the_url(anonymous: Any) -> None:
    assert (await anonymous.get("/api/v1/channels", headers={"Authorization": f"bearer {TOKEN}"})).status == 200
    assert (await anonymous.get("/api/v1/channels", headers={"X-API-Key": TOKEN})).status == 200
    assert (await anonymous.get(f"/api/v1/channels?access_token={TOKEN}")).status == 401


async def test_silence_of_the_judges_denies(anonymous: Any) -> None:
    reader = {"Authorization": "Bearer reader"}
    assert (await anonymous.get("/api/v1/channels", headers=reader)).status == 200
    denied = await anonymous.post("/api/v1/channels", json={}, headers=reader)
    problem = await denied.json()
    assert (denied.status, problem["code"], problem["permission"]) == (403, "forbidden", "channels.write")
    assert (await anonymous.get("/api/v1/channels", headers={"Authorization": "Bearer nobody"})).status == 403


async def test_one_deny_denies_and_a_judge_that_fails_denies(gateway: Any, aiohttp_client: Any) -> None:
    class Denier:
        name = "denier"

        def decide(self, principal: Any, permission: str) -> Any:
            if permission == "channels.read":
                return "deny"
            raise RuntimeError("the judge is ill")

        def sees(self, principal: Any, event: Any) -> Any:
            return "abstain"

    gateway.registry = replace(gateway.registry, authorizers=(*gateway.registry.authorizers, Denier()))
    client = await aiohttp_client(build_app(gateway, [channels]))
    admin = {"Authorization": f"Bearer {TOKEN}"}
    assert (await client.get("/api/v1/channels", headers=admin)).status == 403
    assert (await client.post("/api/v1/channels", json={}, headers=admin)).status == 500


async def test_a_cookie_alone_changes_nothing_from_elsewhere(anonymous: Any, new_channel: Any) -> None:
    anonymous.session.cookie_jar.update_cookies({"session": "alive"}, anonymous.make_url("/"))
    ours = f"http://{anonymous.host}:{anonymous.port}"
    assert (await anonymous.get("/api/v1/channels")).status == 200

    async def post(**headers: str) -> int:
        answer = await anonymous.post("/api/v1/channels", json=new_channel, headers=headers)
        return int(answer.status)

    asked_by_script = {"X-Requested-With": "patchbay"}
    assert await post() == 403
    assert await post(Origin=ours) == 403
    assert await post(**asked_by_script) == 403
    for origin in ("http://evil.example", "null", ours + ".evil.example", ours.replace("http", "https"), ""):
        assert await post(Origin=origin, **asked_by_script) == 403, origin
    assert await post(Origin=ours, **asked_by_script) == 201


async def test_a_principal_has_so_many_requests_a_minute(gateway: Any, aiohttp_client: Any) -> None:
    settings = gateway.settings
    http = settings.http.model_copy(update={"rate_limit_per_minute": 3})
    gateway.settings = settings.model_copy(update={"http": http})
    client = await aiohttp_client(build_app(gateway, [channels]))
    admin, reader = {"X-API-Key": TOKEN}, {"Authorization": "Bearer reader"}
    left = []
    for _ in range(3):
        answer = await client.get("/api/v1/channels", headers=admin)
        left.append((answer.status, answer.headers["RateLimit-Remaining"]))
    assert left == [(200, "2"), (200, "1"), (200, "0")]
    refused = await client.get("/api/v1/channels", headers=admin)
    assert (refused.status, (await refused.json())["code"]) == (429, "rate_limited")
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["RateLimit-Limit"] == "3"
    assert (await client.get("/api/v1/channels", headers=reader)).status == 200
    gateway.clock.advance(seconds=61)
    assert (await client.get("/api/v1/channels", headers=admin)).status == 200


async def test_an_address_that_guesses_is_not_listened_to(gateway: Any, aiohttp_client: Any) -> None:
    settings = gateway.settings
    http = settings.http.model_copy(update={"rate_limit_per_minute": 30})
    gateway.settings = settings.model_copy(update={"http": http})
    client = await aiohttp_client(build_app(gateway, [channels]))
    statuses = []
    for number in range(6):
        headers = {"Authorization": f"Bearer guess-{number}", "X-Forwarded-For": f"203.0.113.{number}"}
        statuses.append((await client.get("/api/v1/channels", headers=headers)).status)
    assert statuses == [401, 401, 401, 429, 429, 429]


async def test_windows_are_bounded(gateway: Any) -> None:
    storage = WindowStorage(clock=gateway.clock, max_keys=10)
    limiter = RateLimiter(storage, gateway.clock, 100)
    for number in range(1000):
        await limiter.take(f"user-{number}")
    assert len(storage) == 10


async def test_a_plugins_route_is_behind_the_same_guard(gateway: Any, aiohttp_client: Any) -> None:
    async def who(request: web.Request) -> web.Response:
        return web.json_response({"id": request[keys.PRINCIPAL].id})

    route = Route("GET", "/who", who, "who.read", "Say who asks")
    gateway.registry = replace(gateway.registry, routes=(route,), permissions=(Permission("who.read", "Ask who"),))
    client = await aiohttp_client(build_app(gateway, []))
    assert (await client.get("/api/v1/who")).status == 401
    assert await (await client.get("/api/v1/who", headers={"X-API-Key": TOKEN})).json() == {"id": "admin"}
    gateway.registry = replace(gateway.registry, permissions=())
    app = build_app(gateway, [])
    assert "who.read" in app[keys.REFUSED_ROUTES][0][1]
    assert [each.path for each in app[keys.PLUGIN_ROUTES]] == []


PROXIES = networks(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.5", ["1.2.3.4"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4, 10.0.0.7"], "1.2.3.4"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("10.0.0.1", ["1.2.3.4, junk"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("2001:db8::1", ["2001:470::9"], "2001:470::9"),
        (None, ["1.2.3.4"], "unknown"),
    ],
)
def test_forwarded_addresses_count_only_from_trusted_proxies(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


@given(st.lists(st.text(max_size=30), max_size=4))
def test_an_untrusted_peer_cannot_choose_its_address(forwarded: list[str]) -> None:
    assert client_address("203.0.113.5", forwarded, PROXIES) == "203.0.113.5"
    assert client_address("203.0.113.5", forwarded, ()) == "203.0.113.5"


def test_an_ipv6_network_counts_as_one_client() -> None:
    assert limiting_key("2001:db8:1:2:aaaa::1") == limiting_key("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert limiting_key("::ffff:1.2.3.4") == limiting_key("1.2.3.4") == "1.2.3.4"
    with pytest.raises(ConfigError, match="TRUSTED_PROXIES"):
        networks(["somewhere"])
