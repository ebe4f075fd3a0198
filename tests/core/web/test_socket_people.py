"""``GET /api/v1/ws``: who is there and looks at what, who is refused, and what each message asks for."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from patchbay.errors import Forbidden, Invalid, NotFound, StoreUnavailable, TooMany
from patchbay.hub.frames import AnyClientFrame
from patchbay.model.event import Audience
from patchbay.model.principal import Principal
from patchbay.settings import SocketSettings
from patchbay.testing.watched_server import WatchedServer
from patchbay.web.stream import PERMISSIONS
from tests.core.web.test_socket import closed, connected, serving, take, until, welcomed

TOM = {"op": "hello", "token": "tom"}


def viewing(who: str, conversation_id: str, looks: bool) -> dict[str, Any]:
    user = {"id": f"usr_{who}", "name": who.title()}
    data = {"conversation_id": conversation_id, "user": user, "viewing": looks}
    return {"op": "ephemeral", "type": "viewing", "data": data}


def test_every_message_asks_for_a_permission() -> None:
    assert set(PERMISSIONS) == set(get_args(AnyClientFrame))


async def test_looking_is_told_to_the_others_and_ends_with_the_line() -> None:
    async with serving() as server, welcomed(server, TOM) as tom:
        async with welcomed(server) as mara:
            await mara.send_json({"op": "viewing", "conversation_id": "cnv_1"})
            assert await take(tom) == viewing("mara", "cnv_1", True)
            await tom.send_json({"op": "viewing", "conversation_id": "cnv_1"})
            assert await take(tom) == viewing("mara", "cnv_1", True)  # who else is there
            assert await take(mara) == viewing("tom", "cnv_1", True)
            await tom.send_json({"op": "viewing", "conversation_id": None})
            assert await take(mara) == viewing("tom", "cnv_1", False)
            await mara.send_json({"op": "viewing", "conversation_id": "cnv_2"})
            told = [await take(tom), await take(tom)]
            assert sorted(told, key=str) == [viewing("mara", "cnv_1", False), viewing("mara", "cnv_2", True)]
            assert server.looks == [("usr_mara", "cnv_1"), ("usr_tom", "cnv_1"), ("usr_mara", "cnv_2")]
        assert await take(tom) == viewing("mara", "cnv_2", False)
        assert server.hub.sizes()["looking"] == server.hub.sizes()["looked_at"] == 0


async def test_who_subscribes_to_a_conversation_is_told_who_looks_at_it() -> None:
    async with serving() as server, welcomed(server) as mara, welcomed(server, {**TOM, "topics": []}) as tom:
        await mara.send_json({"op": "viewing", "conversation_id": "cnv_1"})
        await until(lambda: bool(server.hub.sizes()["looking"]))
        server.hub.viewing.tick()
        await tom.send_json({"op": "subscribe", "topics": ["conversation:cnv_1"]})
        assert await take(tom) == viewing("mara", "cnv_1", True)


async def test_who_may_not_look_any_more_is_told_so_and_looks_no_more() -> None:
    async with serving() as server, welcomed(server) as mara, welcomed(server, TOM) as tom:
        await mara.send_json({"op": "viewing", "conversation_id": "cnv_1"})
        assert await take(tom) == viewing("mara", "cnv_1", True)
        server.refusal = NotFound("There is no conversation 'cnv_1'.")
        await mara.send_json({"op": "viewing", "conversation_id": "cnv_1"})
        assert (await take(mara))["code"] == "not_found"
        assert await take(tom) == viewing("mara", "cnv_1", False)
        assert server.refused == [("usr_mara", "Viewing", "not_found")]


@pytest.mark.parametrize("kind", ["api_key", "bot"])
async def test_machines_are_not_there_and_look_at_nothing_but_may_type(kind: Any) -> None:
    async with serving() as server, welcomed(server, TOM) as tom:
        server.people["mara"] = Principal(type=kind, id="key_1", name="Sync")
        async with welcomed(server) as machine:
            for sent in ({"op": "viewing", "conversation_id": "cnv_1"}, {"op": "presence", "state": "online"}):
                await machine.send_json(sent)
                assert (await take(machine))["code"] == "forbidden"
            await machine.send_json({"op": "typing", "conversation_id": "cnv_1"})
            assert (await take(tom))["type"] == "typing"
            assert server.refused == [("key_1", "Viewing", "forbidden"), ("key_1", "Presence", "forbidden")]
            assert server.looks == []


async def test_typing_is_shown_to_those_who_may_see_the_conversation_and_to_no_other() -> None:
    def sees(who: Principal, event: Any) -> bool:
        return who.id != "usr_tom" or event.audience.department_id != "dep_1"

    async with (
        serving(sees=sees) as server,
        welcomed(server) as mara,
        welcomed(server, {**TOM, "topics": ["inbox", "conversation:cnv_1", "department:dep_1"]}) as tom,
        welcomed(server, {"op": "hello", "token": "ilse"}) as ilse,
    ):
        await until(lambda: server.hub.sizes()["live"] == 3)
        await mara.send_json({"op": "typing", "conversation_id": "cnv_1"})
        assert (await take(ilse))["type"] == "typing"
        server.commit(audience=Audience(conversation_id="cnv_2", department_id="dep_2"))
        assert (await take(tom))["op"] == "event"


async def test_refusals_are_written_down_before_anybody_is_told() -> None:
    async with serving() as server:
        async with connected(server) as line:
            await line.send_json({"op": "hello", "token": "nobody"})
            assert await closed(line) == 4003
        assert server.refused == [(None, "Hello", "unauthenticated")]
        async with ClientSession() as session:
            with pytest.raises(WSServerHandshakeError):
                await session.ws_connect(f"http://{server.host}/api/v1/ws", headers={"Origin": "https://evil.test"})
        assert server.refused[1:] == [(None, "open", "forbidden")]
        async with welcomed(server) as mara:
            for refusal in (Forbidden("No."), NotFound("None."), Invalid("Odd.")):
                server.refusal = refusal
                await mara.send_json({"op": "read", "conversation_id": "cnv_1", "seq": 1})
                assert (await take(mara))["code"] == refusal.problem_code
        assert server.refused[2:] == [("usr_mara", "Read", "forbidden"), ("usr_mara", "Read", "not_found")]


async def test_what_cannot_be_written_down_is_no_answer() -> None:
    class Forgetful(WatchedServer):
        async def on_refusal(self, *refusal: Any) -> None:
            raise StoreUnavailable("The store does not answer.")

    async with Forgetful().serving() as server:
        async with connected(server) as line:
            await line.send_json({"op": "hello", "token": "nobody"})
            assert await closed(line) == 1013
        async with welcomed(server) as mara:
            server.refusal = Forbidden("No.")
            await mara.send_json({"op": "read", "conversation_id": "cnv_1", "seq": 1})
            assert (await take(mara))["code"] == "store_unavailable"


async def test_too_many_wrong_credentials_and_too_many_connections_have_codes_of_their_own() -> None:
    class Wary(WatchedServer):
        async def authenticate(self, *given: Any) -> Principal:
            raise TooMany("At most 30 requests a minute; wait 12 s.")

    async with Wary().serving() as server, connected(server) as line:
        await line.send_json({"op": "hello", "token": "mara"})
        assert (await take(line))["code"] == "rate_limited"
        assert await closed(line) == 4029
    async with serving(socket=SocketSettings(per_principal=1)) as server, welcomed(server), connected(server) as second:
        await second.send_json({"op": "hello", "token": "mara"})
        assert await closed(second) == 4013
