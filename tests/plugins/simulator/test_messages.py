"""``POST /{phone_number_id}/messages``: what is accepted, what is refused, what becomes of it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from patchbay_simulator import Customer, GraphSimulator, NumberSpec, SimulationError

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

BUTTONS = {
    "type": "button",
    "body": {"text": "Which one?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": f"b{i}", "title": f"Button {i}"}} for i in range(3)]},
}
LIST = {
    "type": "list",
    "body": {"text": "When?"},
    "action": {
        "button": "Times",
        "sections": [{"title": "Tuesday", "rows": [{"id": f"r{i}", "title": f"0{i}:30"} for i in range(10)]}],
    },
}


def with_buttons(*buttons: tuple[str, str]) -> dict[str, Any]:
    made = [{"type": "reply", "reply": {"id": id_, "title": title}} for id_, title in buttons]
    return {**BUTTONS, "action": {"buttons": made}}


def with_rows(count: int, **row: str) -> dict[str, Any]:
    rows = [{"id": f"r{i}", "title": f"Row {i}", **row} for i in range(count)]
    half = {"title": "One", "rows": rows[: count // 2]}, {"title": "Two", "rows": rows[count // 2 :]}
    return {**LIST, "action": {"button": "Times", "sections": list(half)}}


async def test_a_send_is_accepted_with_a_wamid_and_both_ids_of_the_person(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    mara.say("hi")
    status, body = await graph.send()
    assert status == 200
    assert body["messaging_product"] == "whatsapp"
    assert body["contacts"] == [{"input": "+15550001111", "wa_id": "15550001111", "user_id": "US.20260001112223334445"}]
    wamid = body["messages"][0]["id"]
    assert wamid.startswith("wamid.")
    assert len(wamid) <= 128
    received = await mara.expect(text="hello", type="text")
    assert received.wamid == wamid


@pytest.mark.parametrize("version", ["v17.0", "v26.0", "v30"])
async def test_any_version_is_answered(mara: Customer, graph: Client, version: str) -> None:
    body = {"messaging_product": "whatsapp", "to": "15550001111", "type": "text", "text": {"body": "x"}}
    assert (await graph.call("POST", f"{graph.base}/{version}/401000000000001/messages", json=body))[0] == 200


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


async def test_a_person_known_by_bsuid_is_reached_by_it_and_keeps_the_phone_to_herself(
    meta: GraphSimulator, graph: Client, receiver: Receiver
) -> None:
    ines = meta.add_customer(phone="15550003333", name="Ines", username="ines.prado", shares_phone=False)
    ines.say("hi")
    body = {"messaging_product": "whatsapp", "recipient": ines.person.bsuid, "type": "text", "text": {"body": "x"}}
    status, answer = await graph.call("POST", "401000000000001/messages", json=body)
    assert status == 200
    assert answer["contacts"] == [{"input": ines.person.bsuid, "user_id": ines.person.bsuid}]
    await meta.idle()
    everything = b"".join(body for _, body in receiver.posts)
    wamids = [item["id"] for part in ("messages", "statuses") for item in receiver.items(part)]
    opened = b"".join(base64.b64decode(wamid.removeprefix("wamid.")) for wamid in wamids)
    assert b"15550003333" not in everything + opened
    assert all(status["recipient_user_id"] == ines.person.bsuid for status in receiver.items("statuses"))
    assert all("recipient_id" not in status for status in receiver.items("statuses"))


async def test_to_wins_over_recipient(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    other = meta.add_customer(phone="15550002222")
    mara.say("hi")
    status, answer = await graph.send(recipient=other.person.bsuid)
    assert status == 200
    assert answer["contacts"][0]["wa_id"] == "15550001111"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", {"body": "x" * 4096, "preview_url": True}),
        ("image", {"link": "https://example.com/i.jpg", "caption": "c" * 1024}),
        ("document", {"link": "https://example.com/i.pdf", "filename": "i.pdf"}),
        ("sticker", {"link": "https://example.com/i.webp"}),
        ("location", {"latitude": 38.7, "longitude": "-9.1", "name": "Here"}),
        ("contacts", [{"name": {"formatted_name": "Bo L", "first_name": "Bo"}, "phones": [{"phone": "+1555"}]}]),
        ("reaction", {"message_id": "wamid.x", "emoji": ""}),
        ("interactive", BUTTONS),
        ("interactive", LIST),
        (
            "interactive",
            {
                "type": "cta_url",
                "body": {"text": "See"},
                "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.com"}},
            },
        ),
        (
            "interactive",
            {"type": "location_request_message", "body": {"text": "Where?"}, "action": {"name": "send_location"}},
        ),
        (
            "interactive",
            {"type": "request_contact_info", "body": {"text": "Who?"}, "action": {"name": "request_contact_info"}},
        ),
        ("template", {"name": "hello_world", "language": {"code": "en_US"}}),
    ],
)
async def test_every_kind_of_message_is_taken(mara: Customer, graph: Client, kind: str, content: Any) -> None:
    mara.say("hi")
    status, body = await graph.send(kind, content)
    assert status == 200, body
    assert (await mara.expect(type=kind)).content == content


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("text", {"body": "x" * 4097}, 100),
        ("text", {"body": ""}, 131008),
        ("text", {"body": "x", "preview_url": "yes"}, 131009),
        ("poll", {}, 100),
        ("image", {}, 131008),
        ("image", {"id": "1", "link": "https://example.com"}, 131008),
        ("image", {"id": "999"}, 100),
        ("image", {"link": "ftp://example.com/x"}, 131009),
        ("image", {"link": "https://example.com", "caption": "c" * 1025}, 100),
        ("audio", {"link": "https://example.com", "caption": "no"}, 100),
        ("location", {"latitude": 91, "longitude": 0}, 131009),
        ("location", {"latitude": 1}, 131008),
        ("contacts", [], 131008),
        ("contacts", [{"name": {"formatted_name": "Bo"}}], 131009),
        ("reaction", {"message_id": "wamid.x"}, 131008),
        ("interactive", with_buttons(*[(f"b{i}", f"B{i}") for i in range(4)]), 131009),
        ("interactive", with_buttons(("a", "x" * 21)), 131009),
        ("interactive", with_buttons(("a", "Same"), ("b", "Same")), 131009),
        ("interactive", with_buttons((" a", "A")), 131009),
        ("interactive", with_buttons(("x" * 257, "A")), 131009),
        ("interactive", with_rows(11), 131009),
        ("interactive", with_rows(4, description="d" * 73), 131009),
        ("interactive", {**BUTTONS, "body": {"text": "x" * 1025}}, 131009),
        ("interactive", {**BUTTONS, "header": {"type": "text", "text": "h" * 61}}, 131009),
        ("interactive", {**LIST, "header": {"type": "image", "image": {"id": "1"}}}, 131009),
        ("interactive", {**BUTTONS, "footer": {"text": "f" * 61}}, 131009),
        ("template", {"name": "nobody_made_this", "language": {"code": "en_US"}}, 132001),
        ("template", {"name": "hello_world", "language": {"code": "pt_BR"}}, 132001),
    ],
)
async def test_what_meta_refuses_is_refused_in_graphs_shape(
    meta: GraphSimulator, mara: Customer, graph: Client, kind: str, content: Any, code: int
) -> None:
    mara.say("hi")
    status, body = await graph.send(kind, content)
    assert status in (400, 404)
    assert body["error"]["code"] == code
    assert body["error"]["type"] == "OAuthException"
    assert body["error"]["message"].startswith(f"(#{code})")
    assert len(body["error"]["fbtrace_id"]) > 10
    assert not meta.ledger.sends()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"to": ""}, 100),
        ({"to": "mara"}, 131009),
        ({"recipient_type": "crowd"}, 131009),
        ({"biz_opaque_callback_data": "x" * 513}, 131009),
        ({"context": "wamid.x"}, 100),
        ({"to": "15550009999"}, 131021),
    ],
)
async def test_the_frame_of_a_send_is_judged_too(
    mara: Customer, graph: Client, change: dict[str, Any], code: int
) -> None:
    _, body = await graph.send(**change)
    assert body["error"]["code"] == code


async def test_a_body_that_is_no_json_is_refused(graph: Client) -> None:
    status, body = await graph.call("POST", "401000000000001/messages", data=b'{"to": ')
    assert (status, body["error"]["code"]) == (400, 100)


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


async def test_a_template_wants_its_parameters_and_its_buttons_can_be_tapped(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    meta.add_template(
        "order_update", "en_US", "Hi {{1}}, order {{2}} left.", category="UTILITY", buttons=["Track", "Stop"]
    )
    template = {"name": "order_update", "language": {"code": "en_US"}}
    assert (await graph.send("template", template))[1]["error"]["code"] == 132000
    parameters = [{"type": "text", "text": "Mara"}, {"type": "text", "text": "48213"}]
    button = {"type": "button", "sub_type": "quick_reply", "index": "0"}
    components = [
        {"type": "body", "parameters": parameters},
        {**button, "parameters": [{"type": "payload", "payload": "track:48213"}]},
    ]
    status, body = await graph.send("template", {**template, "components": components})
    assert (status, body["messages"][0]["message_status"]) == (200, "accepted")
    assert (await mara.expect(type="template")).text == "order_update Mara 48213 "
    mara.tap("Track")
    await meta.idle()
    tapped = receiver.items("messages")[-1]
    assert tapped["button"] == {"payload": "track:48213", "text": "Track"}
    assert tapped["context"]["id"] == body["messages"][0]["id"]
    assert {status["pricing"]["category"] for status in receiver.items("statuses") if "pricing" in status} == {
        "utility"
    }


async def test_a_paused_template_is_refused_and_marketing_stops_when_asked_to(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    made = meta.add_template("sale", "en_US", "Sale!")
    message = {"name": "sale", "language": {"code": "en_US"}}
    mara.prefer("stop")
    await graph.send("template", message)
    await meta.idle()
    assert [status["errors"][0]["code"] for status in receiver.items("statuses")] == [131050]
    meta.graph.management.set_template_status("301000000000001", made["id"], "PAUSED")
    assert (await graph.send("template", message))[1]["error"]["code"] == 132015


async def test_read_receipts_and_typing_need_a_message_that_came(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    wamid = mara.say("hi")
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    path = "401000000000001/messages"
    assert await graph.call("POST", path, json=read) == (200, {"success": True})
    assert wamid in meta.graph.messaging.read_by_business
    assert "mara" not in meta.graph.messaging.typing
    assert (await graph.call("POST", path, json={**read, "typing_indicator": {"type": "text"}}))[0] == 200
    assert "mara" in meta.graph.messaging.typing
    assert (await graph.call("POST", path, json={**read, "message_id": "wamid.nobody"}))[1]["error"]["code"] == 100


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
