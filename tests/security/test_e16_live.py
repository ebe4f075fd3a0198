"""E16: what is told as it happens, by socket and by stream, is told to those whose rows it is about and to nobody else.

Live, when resumed from the beginning, and with topics that name what is the other side's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.plugins.rbac.world import Client
from tests.security.crawling import WORD
from tests.security.twins import SHARED, Side, Twins, twins

LAST = "This is the last one"


class Ear:
    """A socket of somebody's, and every word that it was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.words: set[str] = set()
        self.ops: list[str] = []
        self.welcome: dict[str, Any] = {}

    async def say(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def until(self, text: str) -> dict[str, Any]:
        """The next frame that holds this."""
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, message
                frame: dict[str, Any] = message.json()
                self.words |= set(WORD.findall(message.data))
                self.ops.append(frame.get("type") or frame["op"])
                if text in message.data:
                    return frame

    async def all_said(self) -> None:
        """Return once everything from before was told."""
        await self.say(op="ping")
        await self.until('"pong"')


@asynccontextmanager
async def listening(client: Client, *topics: str, resume: dict[str, Any] | None = None) -> AsyncIterator[Ear]:
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.world.session.ws_connect(f"{client.world.url}/api/v1/ws", headers=headers) as socket:
        ear = Ear(socket)
        await ear.say(op="hello", topics=["inbox", "me", *topics], **({"resume": resume} if resume else {}))
        ear.welcome = await ear.until('"welcome"')
        yield ear


async def happens(both: Twins, side: Side) -> None:
    """New people, more from known ones, work on it, and somebody who types and looks."""
    phone = f"1555{side.number[-3:]}9999"
    await both.told(side, phone)
    await both.told(side, SHARED, "And the other one")
    open_ones = [each for each in await side.conversations() if each["status"] != "closed"]
    for conversation in open_ones[:2]:
        at = f"/conversations/{conversation['id']}"
        await side.agent.done("POST", f"{at}/notes", {"text": "they wrote again", "mentions": [side.colleague.id]})
        await side.agent.ask("POST", f"{at}/messages", {"text_content": "We are at it"})
        await side.colleague.done("POST", f"{at}/assign", {"assignee_id": side.agent.id})
        await side.agent.done("POST", f"{at}/read", {})
        async with listening(side.agent) as heard, listening(side.colleague) as ear:
            await ear.say(op="viewing", conversation_id=conversation["id"])
            await heard.until('"viewing"')
            await ear.say(op="typing", conversation_id=conversation["id"])
            await heard.until('"typing"')


async def test_neither_live_nor_when_resumed_nor_by_stream_is_the_other_side_heard(tmp_path: Path) -> None:
    async with twins(tmp_path, each=2) as both:
        one, other = both.sides
        guessed = [f"conversation:{min(other.ids['conversations'])}", f"department:{other.department.id}"]
        async with listening(one.agent, *guessed) as ear, listening(both.town.root) as everything:
            stream = asyncio.create_task(streamed(one.agent, after=0))
            for side in (other, one):
                await happens(both, side)
            await both.told(one, SHARED, LAST)
            await ear.until(LAST)
            await ear.all_said()
            await everything.until(LAST)
            await everything.all_said()
            streamed_words = await stream
        async with listening(one.agent, resume={"epoch": ear.welcome["epoch"], "position": 0}) as again:
            await again.until(LAST)
        await both.know()
        foreign = other.all_ids - one.all_ids
        people, rest = other.ids["people"], foreign - other.ids["people"]
        assert {"message.received", "note.created", "conversation.updated", "typing", "viewing"} <= set(ear.ops)
        for words in (ear.words, again.words, streamed_words):
            assert words & rest == set()
            assert len(words & one.all_ids) > 10
        assert again.words & people == streamed_words & people == set()  # who is there is told live, and kept nowhere
        assert len(everything.words & rest) > 10, "there was nothing to hear"


async def streamed(client: Client, after: int) -> set[str]:
    """The words of the stream from a position on, until the last message."""
    headers, heard = {"Authorization": f"Bearer {client.token}"}, ""
    url = f"{client.world.url}/api/v1/events/stream"
    async with (
        asyncio.timeout(30),
        client.world.session.get(url, headers=headers, params={"after": str(after)}) as response,
    ):
        assert response.status == 200
        async for line in response.content:
            heard += line.decode()
            if LAST in heard:
                return set(WORD.findall(heard))
    raise AssertionError("the stream ended")
