"""Who is told who looks at which conversation, with a clock that the test owns."""

from __future__ import annotations

from typing import Any

from patchbay.hub.connection import Connection
from patchbay.hub.ephemeral import MAX_TOLD
from patchbay.hub.topics import parse_topics
from patchbay.hub.viewing import LOOK_S, MAX_SHOWN
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.testing.watching import HeldWire
from tests.core.hub.test_hub import MARA, TOM, Stage, run, told

ILSE = Principal(type="user", id="usr_ilse", name="Ilse")
ROOM = Audience(conversation_id="cnv_1", department_id="dep_1")


def seen(wire: HeldWire) -> list[tuple[str, str, bool]]:
    """Conversation, person, and whether they look at it."""
    shown = [message["data"] for message in told(wire, "ephemeral") if message["type"] == "viewing"]
    return [(data["conversation_id"], data["user"]["id"], data["viewing"]) for data in shown]


class Departments(Stage):
    """Each person sees one department."""

    members: dict[str, str]

    def sees(self, principal: Principal, event: Event) -> bool:
        audience = event.audience
        return self.members[principal.id] in (audience.department_id, *audience.department_ids)


def departments(**members: str) -> Departments:
    stage = Departments()
    stage.members = {f"usr_{name}": department for name, department in members.items()}
    return stage


async def test_others_are_told_within_a_second_and_again_when_it_ends() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, own = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        hub.viewing.look(mara, "cnv_1", ROOM)
        assert seen(wire) == []
        await stage.pass_time(1)
        assert told(wire, "ephemeral") == [
            {
                "op": "ephemeral",
                "type": "viewing",
                "data": {"conversation_id": "cnv_1", "user": {"id": "usr_mara", "name": "Mara"}, "viewing": True},
            }
        ]
        hub.viewing.left(mara)
        await stage.pass_time(1)
        assert seen(wire) == [("cnv_1", MARA.id, True), ("cnv_1", MARA.id, False)]
        assert seen(own) == []
        assert (hub.sizes()["looking"], hub.sizes()["looked_at"]) == (0, 0)


async def test_looking_at_another_conversation_ends_looking_at_the_first() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(1)
        hub.viewing.look(mara, "cnv_2", Audience(conversation_id="cnv_2"))
        await stage.pass_time(1)
        assert set(seen(wire)[1:]) == {("cnv_1", MARA.id, False), ("cnv_2", MARA.id, True)}
        assert hub.sizes()["looked_at"] == 1


async def test_going_back_and_forth_within_a_second_tells_what_is_so_in_the_end() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        for n in range(50):
            hub.viewing.look(mara, f"cnv_{n}", Audience(conversation_id=f"cnv_{n}"))
        assert hub.sizes()["looking"] == 1
        await stage.pass_time(1)
        assert seen(wire) == [("cnv_49", MARA.id, True)]
        hub.viewing.left(mara)
        hub.viewing.look(mara, "cnv_49", Audience(conversation_id="cnv_49"))
        await stage.pass_time(1)
        assert len(seen(wire)) == 1
        assert hub.sizes()["looked_at"] == 1


async def test_who_does_not_say_so_again_looks_no_more_and_who_does_is_told_of_once() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(LOOK_S - 10)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(LOOK_S - 10)
        assert seen(wire) == [("cnv_1", MARA.id, True)]
        await stage.pass_time(11)
        assert seen(wire)[1:] == [("cnv_1", MARA.id, False)]


async def test_a_person_looks_until_the_last_of_their_connections_ended() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        phone, _ = await stage.connect(MARA)
        desk, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        for connection in (phone, desk):
            hub.viewing.look(connection, "cnv_1", ROOM)
        await stage.pass_time(1)
        hub.leave(phone)
        await stage.pass_time(1)
        assert seen(wire) == [("cnv_1", MARA.id, True)]
        hub.leave(desk)
        await stage.pass_time(1)
        assert seen(wire)[1:] == [("cnv_1", MARA.id, False)]


async def test_a_newcomer_who_looks_or_subscribes_is_told_who_else_is_there() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(1)
        tom, looks = await stage.connect(TOM, parse_topics(["me"]))
        assert seen(looks) == []
        hub.viewing.look(tom, "cnv_1", ROOM)
        assert seen(looks) == [("cnv_1", MARA.id, True)]
        ilse, subscribes = await stage.connect(ILSE, parse_topics([]))
        hub.listen(ilse, parse_topics(["conversation:cnv_1", "conversation:cnv_9"]))
        hub.listen(ilse, parse_topics(["conversation:cnv_1", "me"]))
        assert seen(subscribes) == [("cnv_1", MARA.id, True)]
        await stage.pass_time(1)
        assert seen(subscribes)[1:] == [("cnv_1", TOM.id, True)]
        _, says_hello = await stage.connect(ILSE, parse_topics(["conversation:cnv_1"]))
        assert len(seen(says_hello)) == 2
        hub.leave(mara)
        await stage.pass_time(1)
        assert seen(looks)[-1] == ("cnv_1", MARA.id, False)  # whatever he listens to: he looks at it too


async def test_only_who_may_see_the_conversation_is_told() -> None:
    stage = departments(mara="dep_1", ilse="dep_1", tom="dep_2")
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, ilse = await stage.connect(ILSE)
        tom, other = await stage.connect(TOM)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(1)
        hub.listen(tom, parse_topics(["conversation:cnv_1"]))
        hub.ephemera.typing(MARA, "cnv_1", ROOM)
        await stage.pass_time(1)
        assert [message["type"] for message in told(ilse, "ephemeral")] == ["viewing", "typing"]
        assert told(other, "ephemeral") == []


async def test_when_the_conversation_goes_elsewhere_those_who_lost_it_count_no_more_and_are_told_no_more() -> None:
    stage = departments(mara="dep_1", ilse="dep_1", tom="dep_2")
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, ilse = await stage.connect(ILSE)
        tom, other = await stage.connect(TOM)
        hub.viewing.look(mara, "cnv_1", ROOM)
        await stage.pass_time(1)
        moved = Audience(conversation_id="cnv_1", department_id="dep_2", department_ids=("dep_1",))
        stage.log.append("conversation.transferred", audience=moved, subject=("conversation", "cnv_1"))
        await stage.pass_time(2)
        assert hub.sizes()["looking"] == 0
        hub.viewing.look(tom, "cnv_1", Audience(conversation_id="cnv_1", department_id="dep_2"))
        await stage.pass_time(1)
        assert seen(ilse) == [("cnv_1", MARA.id, True)]
        assert (TOM.id in str(seen(ilse)), seen(other)) == (False, [("cnv_1", MARA.id, False)])


async def test_who_leaves_the_department_looks_no_more() -> None:
    stage = departments(mara="dep_1", ilse="dep_1", tom="dep_1")
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        tom, _ = await stage.connect(TOM)
        _, ilse = await stage.connect(ILSE)
        for connection in (mara, tom):
            hub.viewing.look(connection, "cnv_1", ROOM)
        await stage.pass_time(1)
        stage.members[MARA.id] = "dep_2"
        hub.ask_again(MARA.id)
        await stage.pass_time(1)
        assert seen(ilse)[2:] == [("cnv_1", MARA.id, False)]
        assert mara.is_open


async def test_whoever_has_not_been_confirmed_is_told_nothing() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        tom, wire = await stage.connect(TOM, parse_topics([]))
        stage.judge = OSError("the directory does not answer")
        await stage.pass_time(10)
        mara, _ = await stage.connect(MARA)
        hub.viewing.look(mara, "cnv_1", ROOM)
        hub.ephemera.presence(mara, "online")
        await stage.pass_time(1)
        hub.listen(tom, parse_topics(["conversation:cnv_1", "inbox"]))
        assert told(wire, "ephemeral") == []


async def test_a_newcomer_is_told_of_so_many_and_who_listens_to_the_inbox_later_of_presence() -> None:
    stage = Stage()
    async with stage.playing(max_connections=500) as hub:
        for n in range(MAX_SHOWN + 20):
            connection = await crowd(stage, n)
            hub.viewing.look(connection, "cnv_1", ROOM)
            hub.ephemera.presence(connection, "online")
        await stage.pass_time(1)
        assert hub.sizes()["present"] == MAX_TOLD
        await stage.pass_time(10)
        tom, wire = await stage.connect(TOM, parse_topics([]))
        hub.listen(tom, parse_topics(["conversation:cnv_1"]))
        assert len(seen(wire)) == MAX_SHOWN
        assert hub.sizes()["looking"] == MAX_SHOWN + 20
        hub.listen(tom, parse_topics(["inbox"]))
        hub.listen(tom, parse_topics(["inbox"]))
        shown: list[Any] = [each for each in told(wire, "ephemeral") if each["type"] == "presence"]
        assert len(shown) == MAX_SHOWN


async def test_many_who_come_at_once_are_told_of_a_few_at_a_time_and_each_once() -> None:
    stage = Stage()
    async with stage.playing(max_connections=500) as hub:
        _, wire = await stage.connect(TOM)
        connections = [await crowd(stage, n) for n in range(MAX_TOLD * 2 + 10)]
        for n, connection in enumerate(connections):
            hub.viewing.look(connection, f"cnv_{n % 7}", Audience(conversation_id=f"cnv_{n % 7}"))
        counts = []
        for _ in range(4):
            await stage.pass_time(1)
            counts.append(len(seen(wire)))
        assert counts == [MAX_TOLD, MAX_TOLD * 2, MAX_TOLD * 2 + 10, MAX_TOLD * 2 + 10]
        assert len(set(seen(wire))) == len(seen(wire))
        for connection in connections:
            hub.leave(connection)
        await stage.pass_time(4)
        assert len(seen(wire)) == 2 * counts[-1]
        assert (hub.sizes()["looking"], hub.sizes()["looked_at"]) == (0, 0)


async def crowd(stage: Stage, n: int) -> Connection:
    connection, _ = await stage.connect(Principal(type="user", id=f"usr_{n}", name="N"), parse_topics([]))
    await run()
    return connection
