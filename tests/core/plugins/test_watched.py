"""The watch over routes, listeners and checks: what is whose failure, and what is never called twice at once.

``tests/faults/test_r17_plugins.py`` has the rest, against a gateway that runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from patchbay.errors import PatchbayError, PluginError, StoreUnavailable, Unauthenticated
from patchbay.hookspecs import Route
from patchbay.metrics import Metrics
from patchbay.plugins import PluginReport
from patchbay.plugins.conduct import Conduct
from patchbay.plugins.contain import Hung
from patchbay.plugins.offers import routes
from patchbay.plugins.watched import WatchedAuthenticator, WatchedCheck, WatchedListener, watched
from patchbay.plugins.watched_plugin import Plugin
from patchbay.plugins.watched_routes import watched_route
from patchbay.ports import Credentials
from patchbay.registry import Registry
from patchbay.testing import FakeClock

SOON_S = 0.05


@pytest.fixture
def conduct() -> Conduct:
    return Conduct(FakeClock(), Metrics())


@pytest.fixture
def plugin(conduct: Conduct) -> Plugin:
    return Plugin("owl", conduct)


def told(conduct: Conduct) -> list[str]:
    (report,) = conduct.judged([PluginReport("owl", "loaded")])
    return [failure.error for failure in report.failures]


async def served(aiohttp_client: Any, route: Route) -> Any:
    app = web.Application()
    app.router.add_route(route.method, route.path, route.handler)
    return await aiohttp_client(app)


async def test_a_client_that_is_slow_to_send_is_told_so_and_is_not_the_plugins_failure(
    aiohttp_client: Any, plugin: Plugin, conduct: Conduct
) -> None:
    over = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"the beginning"
        await over.wait()

    async def take(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    route = watched_route(Route("POST", "/hoot", take, None, "Public.", deadline_s=SOON_S), plugin)
    client = await served(aiohttp_client, route)
    answer = await client.post("/hoot", data=body())
    assert answer.status == 408
    assert told(conduct) == []
    over.set()


async def test_a_route_has_the_deadline_that_it_asks_for(aiohttp_client: Any, plugin: Plugin, conduct: Conduct) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    client = await served(
        aiohttp_client, watched_route(Route("GET", "/hoot", hang, None, "Public.", deadline_s=SOON_S), plugin)
    )
    assert (await client.get("/hoot")).status == 500  # the gateway's middleware makes it 503
    assert told(conduct) == [f"The route GET /hoot did not return within {SOON_S:g} s."]


@pytest.mark.parametrize("deadline_s", [0, -1, 601, None, "2"])
def test_a_deadline_that_is_none_disables_the_plugin(deadline_s: Any) -> None:
    route = Route("GET", "/hoot", lambda request: None, None, "Public.", deadline_s=deadline_s)
    with pytest.raises(PluginError, match=r"deadline_s of GET /hoot is .* not seconds up to 600"):
        routes("owl", [route])


@pytest.mark.parametrize("error", [Unauthenticated("mine, and wrong"), StoreUnavailable("down")])
async def test_what_an_authenticator_may_say_is_no_failure(
    plugin: Plugin, conduct: Conduct, error: PatchbayError
) -> None:
    async def authenticate(credentials: Credentials) -> None:
        raise error

    watch = WatchedAuthenticator(SimpleNamespace(name="owl", authenticate=authenticate), plugin)
    with pytest.raises(type(error)):
        await watch.authenticate(Credentials())
    assert told(conduct) == []


async def test_a_listener_that_does_not_end_is_waited_for_before_it_is_told_more(
    plugin: Plugin, conduct: Conduct
) -> None:
    over = asyncio.Event()
    calls: list[Sequence[Any]] = []

    async def stubborn(events: Sequence[Any]) -> None:
        calls.append(events)
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    listener = WatchedListener(SimpleNamespace(name="owl", on_events=stubborn), plugin)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON_S):
            await listener.on_events(())
    with pytest.raises(Hung):
        await listener.on_events(())
    assert len(calls) == 1
    over.set()
    assert await conduct.close()
    await listener.on_events(())
    assert len(calls) == 2
    assert told(conduct) == ["on_events of the listener owl did not return within 2 s."]


async def test_checks_that_are_asked_at_the_same_time_are_each_answered(plugin: Plugin, conduct: Conduct) -> None:
    asked = asyncio.Event()

    async def check() -> dict[str, Any]:
        await asked.wait()
        return {"feathers": 12}

    watch = WatchedCheck(SimpleNamespace(name="owl", check=check), plugin)
    both = asyncio.gather(watch.check(), watch.check())
    await asyncio.sleep(0)
    asked.set()
    assert list(await both) == [{"feathers": 12}] * 2
    assert told(conduct) == []


async def test_what_a_check_raises_is_its_finding_and_details_that_are_no_json_are_its_failure(
    plugin: Plugin, conduct: Conduct
) -> None:
    async def ill() -> dict[str, Any]:
        raise PatchbayError("It moults.")

    async def odd() -> dict[str, Any]:
        return {"feathers": object()}

    with pytest.raises(PatchbayError, match="It moults"):
        await WatchedCheck(SimpleNamespace(name="ill", check=ill), plugin).check()
    with pytest.raises(PatchbayError, match="It gave details that are no JSON"):
        await WatchedCheck(SimpleNamespace(name="odd", check=odd), plugin).check()
    assert told(conduct) == ["check of the health check odd gave details that are no JSON."]


def test_the_cores_own_things_go_without(conduct: Conduct) -> None:
    own, others = SimpleNamespace(name="bootstrap"), SimpleNamespace(name="owl", authenticate=None)
    registry = Registry(
        authenticators=(own, others),
        origins={("authenticator", "bootstrap"): "core", ("authenticator", "owl"): "owl"},
    )
    first, second = watched(registry, conduct).authenticators
    assert first is own
    assert isinstance(second, WatchedAuthenticator)
