"""Rights that are withdrawn while somebody is connected, with a clock that the test owns."""

from __future__ import annotations

import asyncio

from patchbay.hub.connection import State
from patchbay.model.principal import Principal
from tests.core.hub.test_hub import MARA, TOM, Stage, run, told


class Answers(Stage):
    """Each question about a principal waits until the test answers it, with what was so when it was asked."""

    def begin(self) -> None:
        self.gate = asyncio.Event()
        self.questions = 0

    async def still_valid(self, principal: Principal) -> bool:
        self.questions += 1
        valid = self.valid
        await self.gate.wait()
        return valid


async def test_who_is_asked_about_again_is_closed_at_once() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, wire = await stage.connect(MARA)
        key, _ = await stage.connect(Principal(type="api_key", id=MARA.id))
        tom, _ = await stage.connect(TOM)
        stage.valid = False
        hub.ask_again(MARA.id)
        await run()
        assert (mara.state, key.state, tom.state) == (State.CLOSING, State.CLOSING, State.LIVE)
        assert wire.close_code == 4003
        assert stage.clock.monotonic() == 0


async def test_who_is_asked_about_by_nobody_is_closed_within_five_seconds() -> None:
    stage = Stage()
    async with stage.playing():
        for offset in (0.0, 1.7, 3.9):
            mara, wire = await stage.connect(MARA)
            await stage.pass_time(offset)
            stage.valid = False
            began = stage.clock.monotonic()
            while mara.is_open:
                await stage.pass_time(0.25)
            assert stage.clock.monotonic() - began <= 5
            assert wire.close_code == 4003
            stage.valid = True


async def test_an_answer_that_was_on_its_way_before_is_not_the_last() -> None:
    stage = Answers()
    stage.begin()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        hub.ask_again(MARA.id)
        await run()
        assert stage.questions == 1
        stage.valid = False
        hub.ask_again(MARA.id)
        stage.gate.set()
        await run()
        assert stage.questions == 2
        assert mara.state is State.CLOSING


async def test_from_the_moment_that_events_are_denied_none_arrives() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        _, wire = await stage.connect(MARA)
        mara, _ = await stage.connect(TOM)
        stage.log.append()
        await stage.pass_time(1)
        stage.hidden_from = MARA.id
        for _ in range(3):
            stage.log.append()
            hub.ephemera.presence(mara, "online")
            await stage.pass_time(1)
        assert [event["position"] for event in told(wire, "event")] == [1]
        assert told(wire, "ephemeral") == []


async def test_who_waits_for_events_looks_up_when_somebody_is_asked_about() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        waiting = asyncio.ensure_future(hub.tail.wait(0, 30))
        await run()
        assert not waiting.done()
        hub.ask_again(MARA.id)
        await run()
        assert waiting.done()
