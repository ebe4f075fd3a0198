"""What becomes of a message that was accepted: its statuses, and those that fail later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from patchbay_simulator import Customer, GraphSimulator, NumberSpec, SimulationError
from tests.plugins.simulator.forms import BUTTONS

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver


async def test_statuses_come_in_order_with_contacts_pricing_and_the_reference(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    _, body = await graph.send(biz_opaque_callback_data="msg_1;attempt=1")
    await meta.idle()
    statuses = receiver.items("statuses")
    assert [status["status"] for status in statuses] == ["sent", "delivered", "read"]
    for status in statuses:
        assert status["id"] == body["messages"][0]["id"]
        assert status["recipient_id"] == "15550001111"
        assert status["recipient_user_id"] == "US.20260001112223334445"
        assert status["biz_opaque_callback_data"] == "msg_1;attempt=1"
        assert status["timestamp"].isdigit()
        assert "conversation" not in status
    free = {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"}
    assert [status.get("pricing") for status in statuses] == [free, free, None]
    contacts = [change["value"]["contacts"] for change in receiver.changes()[1:]]
    assert all(found[0]["wa_id"] == "15550001111" for found in contacts)


async def test_service_messages_cost_something_after_a_thousand_in_a_month(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    meta.world.number().service_sent = {int(meta.clock.now() // (30 * 86_400)): 1_000}
    await graph.send()
    await meta.idle()
    pricing = receiver.items("statuses")[0]["pricing"]
    assert pricing == {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}


async def test_a_voice_message_is_played(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    await graph.send("audio", {"link": "https://example.com/a.ogg", "voice": True})
    await meta.idle()
    assert [status["status"] for status in receiver.items("statuses")] == ["sent", "delivered", "read", "played"]


async def test_a_reaction_of_the_business_is_only_sent(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    wamid = mara.say("hi")
    await graph.send("reaction", {"message_id": wamid, "emoji": "👍"})
    await meta.idle()
    assert [status["status"] for status in receiver.items("statuses")] == ["sent"]


async def test_somebody_who_turned_receipts_off_never_reads(
    meta: GraphSimulator, graph: Client, receiver: Receiver
) -> None:
    meta.add_customer(phone="15550001111", reads=False).say("hi")
    await graph.send()
    await meta.idle()
    assert [status["status"] for status in receiver.items("statuses")] == ["sent", "delivered"]


async def test_what_is_sent_to_somebody_offline_waits(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    mara.go_offline()
    await graph.send()
    await meta.idle()
    assert [status["status"] for status in receiver.items("statuses")] == ["sent"]
    assert not mara.inbox
    mara.come_online()
    await meta.idle()
    assert [status["status"] for status in receiver.items("statuses")] == ["sent", "delivered", "read"]
    assert [received.text for received in mara.inbox] == ["Hello"]


async def test_outside_the_window_a_send_is_accepted_and_fails_later(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    await meta.idle()
    meta.clock.advance(24 * 3600)
    assert (await graph.send())[0] == 200
    await meta.idle()
    failed = receiver.items("statuses")
    assert [(status["status"], status["errors"][0]["code"]) for status in failed] == [("failed", 131047)]
    assert "contacts" not in receiver.changes()[-1]["value"]
    assert not mara.inbox
    assert (await graph.send("template", {"name": "hello_world", "language": {"code": "en_US"}}))[0] == 200
    assert (await mara.expect(type="template")).text == "hello_world"


async def test_outside_the_window_a_send_can_be_refused_at_once(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    meta.configure(window="sync")
    status, body = await graph.send()
    assert (status, body["error"]["code"]) == (400, 131047)
    mara.say("hi")
    assert (await graph.send())[0] == 200
    meta.configure(window="off")
    meta.clock.advance(48 * 3600)
    assert (await graph.send())[0] == 200


async def test_a_call_opens_the_window(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    meta.configure(window="sync")
    mara.call()
    assert (await graph.send())[0] == 200


@pytest.mark.parametrize("installed", [True, False])
async def test_a_phone_without_whatsapp_fails_later(
    meta: GraphSimulator, graph: Client, receiver: Receiver, installed: bool
) -> None:
    if not installed:
        meta.add_customer(phone="15550001111", installed=False)
    status, body = await graph.send()
    assert (status, body["contacts"][0]["wa_id"]) == (200, "15550001111")
    await meta.idle()
    assert [status["errors"][0]["code"] for status in receiver.items("statuses")] == [131026]


async def test_unknown_phones_can_become_customers(meta: GraphSimulator, graph: Client) -> None:
    meta.configure(unknown_recipients="accept", window="off")
    await graph.send()
    assert (await meta.customer("15550001111").expect()).text == "Hello"


async def test_a_group_gets_a_message_and_each_member_a_status(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    bo = meta.add_customer(id="bo", phone="15550002222", name="Bo")
    group = meta.add_group("Kettles", ["mara", "bo"])
    mara.say("hello team", group=group.id)
    status, body = await graph.send(to=group.id, recipient_type="group")
    assert (status, body["messages"][0]["group_id"]) == (200, group.id)
    await mara.expect(text="hello")
    await bo.expect(text="hello")
    await meta.idle()
    assert receiver.items("messages")[0]["group_id"] == group.id
    told = [
        (status["status"], status.get("recipient_participant_id"))
        for status in receiver.items("statuses")
        if status["recipient_type"] == "group" and status["recipient_id"] == group.id
    ]
    assert sorted(told, key=str) == sorted(
        [("sent", None), *((s, p) for s in ("delivered", "read") for p in ("15550001111", "15550002222"))], key=str
    )
    assert (await graph.send("interactive", BUTTONS, to=group.id, recipient_type="group"))[1]["error"]["code"] == 131051
    assert (await graph.send(to="nowhere", recipient_type="group"))[1]["error"]["code"] == 131041
    with pytest.raises(SimulationError, match="in no group"):
        meta.add_customer(phone="15550004444").say("me too", group=group.id)


async def test_numbers_do_not_share_windows(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    meta.add_number(NumberSpec(phone_number_id="402", display_phone_number="15550008888"))
    meta.configure(window="sync")
    mara.say("hi", number="402")
    assert (await graph.send())[1]["error"]["code"] == 131047
    body = {"messaging_product": "whatsapp", "to": "15550001111", "type": "text", "text": {"body": "x"}}
    assert (await graph.call("POST", "402/messages", json=body))[0] == 200
    assert (await mara.expect()).number_id == "402"
