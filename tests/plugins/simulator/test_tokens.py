"""What the simulated Graph says of access tokens."""

from __future__ import annotations

from typing import Any

import aiohttp

from patchbay_simulator import GraphSimulator, SimulatorConfig


async def asked(base: str, path: str, **query: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{base}/{path}", params=query) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_token_is_good_until_it_is_revoked() -> None:
    simulator = GraphSimulator(SimulatorConfig(access_tokens=("one", "two")))
    base = await simulator.start("127.0.0.1", 0)
    try:
        status, told = await asked(base, "v26.0/debug_token", input_token="one", access_token="one")
        assert (status, told["data"]["is_valid"], told["data"]["expires_at"]) == (200, True, 0)
        simulator.revoke_token("one")
        _, told = await asked(base, "v26.0/debug_token", input_token="one", access_token="two")
        assert (told["data"]["is_valid"], told["data"]["error"]["code"]) == (False, 190)
        assert (await asked(base, "debug_token", access_token="two"))[0] == 400
    finally:
        await simulator.stop()


async def test_a_good_token_gets_another_sixty_days() -> None:
    simulator = GraphSimulator(SimulatorConfig(access_tokens=("one",)))
    base = await simulator.start("127.0.0.1", 0)
    try:
        query = {"grant_type": "ig_refresh_token", "access_token": "one"}
        status, told = await asked(base, "refresh_access_token", **query)
        assert (status, told["access_token"], told["expires_in"]) == (200, "one", 60 * 86_400)
        assert (await asked(base, "refresh_access_token", access_token="one"))[0] == 400
        simulator.revoke_token("one")
        assert (await asked(base, "refresh_access_token", **query))[0] == 401
    finally:
        await simulator.stop()
