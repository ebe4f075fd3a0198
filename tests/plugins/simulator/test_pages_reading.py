"""What can be read and set of pages, Instagram accounts, people and messages; scenarios and processes with channels."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from patchbay_simulator import GraphSimulator, InstagramSpec, PageSpec, SimulationError, SimulatorConfig, run_demo
from patchbay_simulator.config import sisters
from patchbay_simulator.scenario import parse_scenario, scenario_dict
from tests.plugins.simulator.pages import INSTAGRAM, PAGE

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Receiver
    from tests.plugins.simulator.pages import Desk


async def read(desk: Desk, path: str) -> tuple[int, Any]:
    return await desk.graph.call("GET", path)


async def test_an_account_tells_who_it_is(messenger: Desk, instagram: Desk) -> None:
    assert await read(messenger, f"{PAGE}?fields=name") == (200, {"name": "Blue Kettle Shop", "id": PAGE})
    fields = "id,user_id,username"
    assert (await read(instagram, f"{INSTAGRAM}?fields={fields}"))[1] == {
        "id": INSTAGRAM,
        "user_id": INSTAGRAM,
        "username": "bluekettle",
    }
    assert (await read(messenger, f"{PAGE}?fields=instagram_business_account"))[1] == {"id": PAGE}
    messenger.meta.add_account(InstagramSpec(id=INSTAGRAM, page_id=PAGE))
    linked = (await read(messenger, f"{PAGE}?fields=instagram_business_account"))[1]
    assert linked == {"instagram_business_account": {"id": INSTAGRAM}, "id": PAGE}
    assert (await read(messenger, f"{PAGE}?fields=shoe_size"))[0] == 400
    assert (await read(messenger, "404"))[1]["error"]["error_subcode"] == 33


async def test_a_profile_is_readable_once_the_person_wrote(messenger: Desk, instagram: Desk) -> None:
    messenger.visitor.comment("Price?")
    instagram.visitor.comment("price?")
    assert (await read(messenger, messenger.person))[1]["error"]["error_subcode"] == 33
    refused = (await read(instagram, instagram.person))[1]["error"]
    assert refused["code"] == 230
    assert "User consent is required" in refused["message"]
    messenger.visitor.say("hi")
    instagram.visitor.say("hi")
    _, bo = await read(messenger, f"{messenger.person}?fields=first_name,last_name,profile_pic,name")
    assert (bo["first_name"], bo["last_name"], bo["name"]) == ("Bo", "Lindqvist", "Bo Lindqvist")
    async with messenger.graph.session.get(bo["profile_pic"]) as response:
        assert (response.status, response.content_type) == (200, "image/png")
    _, ines = await read(instagram, f"{instagram.person}?fields=name,username,is_user_follow_business")
    assert ines == {
        "name": "Ines Prado",
        "username": "ines.prado",
        "is_user_follow_business": False,
        "id": instagram.person,
    }
    assert (await read(instagram, f"{instagram.person}?fields=profile_picture_url"))[0] == 400


async def test_a_message_can_be_read_by_its_mid(either: Desk) -> None:
    mid = either.visitor.attach("image")
    _, body = await read(either, f"{mid}?fields=from,to,message,attachments,created_time")
    assert (body["id"], body["from"]["id"], body["to"]["data"][0]["id"]) == (mid, either.person, either.account)
    assert body["attachments"]["data"][0]["image_data"]["url"].startswith("http")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", body["created_time"])
    sent = await either.send("Hello")
    _, body = await read(either, f"{sent}?fields=from,message")
    assert (body["from"]["id"], body["message"]) == (either.account, "Hello")


async def test_a_message_that_was_taken_back_cannot_be_read(instagram: Desk) -> None:
    mid = instagram.visitor.say("oops")
    instagram.visitor.unsend()
    assert (await read(instagram, mid))[1]["error"]["code"] == 9000001


async def test_a_page_gets_the_fields_that_it_subscribes_to(messenger: Desk) -> None:
    graph = messenger.graph
    path = f"{PAGE}/subscribed_apps"
    status, body = await graph.call("POST", f"{path}?subscribed_fields=messages,messaging_seen")
    assert (status, body["error"]["code"]) == (400, 100)
    assert "message_echoes" in body["error"]["message"]  # it lists the names that there are
    await graph.call("POST", path, json={"subscribed_fields": ["messages"]})
    assert (await graph.call("GET", path))[1]["data"][0]["subscribed_fields"] == ["messages"]
    messenger.visitor.say("hi")
    await messenger.send()
    messenger.visitor.comment("Price?")
    (event,) = await messenger.events()
    assert event["message"]["text"] == "hi"
    assert await messenger.entries("changes") == []
    await graph.call("DELETE", path)
    messenger.visitor.say("again")
    assert len(await messenger.events()) == 1
    assert messenger.meta.webhooks.undeliverable >= 3


async def test_instagram_takes_its_own_fields_and_gives_all(instagram: Desk) -> None:
    path = f"{INSTAGRAM}/subscribed_apps"
    assert (await instagram.graph.call("POST", f"{path}?subscribed_fields=feed"))[0] == 400
    assert (await instagram.graph.call("POST", f"{path}?subscribed_fields=messages"))[0] == 200
    instagram.visitor.comment("price?")
    assert len(await instagram.entries("changes")) == 1
    instagram.meta.add_account(InstagramSpec(id=INSTAGRAM, page_id="1048"))
    assert (await instagram.graph.call("POST", "1048/subscribed_apps?subscribed_fields=messaging_seen"))[0] == 400
    assert (await instagram.graph.call("POST", "1048/subscribed_apps?subscribed_fields=feed"))[0] == 200


async def test_a_thread_can_be_passed_and_taken(messenger: Desk) -> None:
    whom = {"recipient": {"id": messenger.person}}
    path = f"{PAGE}/pass_thread_control"
    status, _ = await messenger.graph.call("POST", path, json={**whom, "target_app_id": 263902037430900})
    assert status == 200
    messenger.visitor.say("anyone?")
    assert len(await messenger.entries("standby")) == 1
    assert (await messenger.graph.call("POST", f"{PAGE}/take_thread_control", json=whom))[0] == 200
    messenger.visitor.say("you again")
    assert [event["message"]["text"] for event in await messenger.events()] == ["you again"]


def test_customers_of_a_scenario_name_their_channel() -> None:
    raw = {
        "name": "Mixed",
        "accounts": [{"channel": "instagram", "id": INSTAGRAM}, {"phone_number_id": "402"}],
        "customers": [{"phone": "15550001111"}, {"channel": "instagram", "id": "mara-ig"}],
    }
    scenario = parse_scenario(raw)
    assert [type(spec).__name__ for spec in scenario.accounts] == ["InstagramSpec", "NumberSpec"]
    assert [type(spec).__name__ for spec in scenario.customers] == ["CustomerSpec", "InstagramVisitorSpec"]
    assert parse_scenario(scenario_dict(scenario)) == scenario
    for customer in ({"channel": "telegram", "id": "x"}, {"channel": "messenger", "id": "x", "phone": "1"}, "mara"):
        with pytest.raises(SimulationError, match="no scenario"):
            parse_scenario({"name": "Wrong", "customers": [customer]})


async def test_somebody_on_a_channel_without_an_account_cannot_write(meta: GraphSimulator) -> None:
    steps = [{"who": "ines", "does": "say", "with": {"text": "hi"}}]
    customers = [{"channel": "instagram", "id": "ines"}]
    report = await meta.play(parse_scenario({"name": "Nowhere", "customers": customers, "steps": steps}))
    assert not report.passed
    assert "no instagram account" in (report.steps[0].failed or "")


async def test_what_one_channel_cannot_do_is_an_error(messenger: Desk, instagram: Desk) -> None:
    with pytest.raises(SimulationError, match="Instagram"):
        instagram.visitor.send_sticker()
    with pytest.raises(SimulationError, match="Messenger"):
        messenger.visitor.send_heart()
    with pytest.raises(SimulationError, match="got nothing"):
        messenger.visitor.tap()
    with pytest.raises(SimulationError, match="no message"):
        messenger.visitor.edit("x", of="m_404")
    assert all(callable(getattr(messenger.visitor, action)) for action in messenger.visitor.actions)


async def test_another_process_makes_accounts_and_visitors(meta: GraphSimulator, messenger: Desk) -> None:
    session = messenger.graph.session

    async def control(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with session.post(f"{meta.url}/_sim/{path}", json=body) as response:
            return response.status, await response.json()

    assert (await control("accounts", {"channel": "instagram", "id": INSTAGRAM}))[0] == 200
    status, made = await control("visitors", {"channel": "instagram", "id": "jo", "username": "jo.k"})
    assert (status, list(made["scoped_ids"])) == (200, [INSTAGRAM])
    status, said = await control("customers/jo/say", {"text": "hi"})
    assert said["wamid"].startswith("aWdf")
    (event,) = await messenger.events()
    assert event["sender"]["id"] == made["scoped_ids"][INSTAGRAM]
    assert (await control("customers/jo/dance", {}))[0] == 400
    assert (await control("visitors", {"channel": "whatsapp", "id": "x"}))[0] == 400
    assert (await control("handshake?channel=instagram", {}))[1] == {"verified": True}


async def test_the_start_brings_accounts_back(receiver: Receiver) -> None:
    config = SimulatorConfig(callback_url=receiver.url)
    async with GraphSimulator(config, accounts=[PageSpec(id=PAGE)]) as meta:
        meta.add_account(InstagramSpec(id=INSTAGRAM))
        await meta.reset()
        assert meta.state()["accounts"] == [PAGE]


async def test_the_demos_crowd_writes_on_every_channel_that_there_is(messenger: Desk, instagram: Desk) -> None:
    meta = messenger.meta
    crowd = asyncio.create_task(run_demo(meta, customers=2, first_within_s=1.0))
    try:
        async with asyncio.timeout(10):
            while len({post.body.split(b'"')[3] for post in meta.webhooks.log if b'"object"' in post.body}) < 3:
                await meta.clock.sleep(1)
    finally:
        crowd.cancel()
        await asyncio.gather(crowd, return_exceptions=True)
    assert {"mara", "bo"} <= set(meta.customers)
    assert {"mara-on-instagram", "bo-on-messenger"} <= set(meta.visitors)


@pytest.mark.parametrize("name", ["whatsapp", "messenger", "instagram"])
def test_a_callback_has_sisters(name: str) -> None:
    base = "http://127.0.0.1:8080/webhooks"
    assert sisters(f"{base}/{name}") == {each: f"{base}/{each}" for each in ("whatsapp", "messenger", "instagram")}
    assert sisters("http://127.0.0.1:8080/hook") == {}
