"""``POST /{phone_number_id}/messages``: what is accepted, and what is refused at once."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from patchbay_simulator import Customer, GraphSimulator
from tests.plugins.simulator.forms import BUTTONS, LIST, with_buttons, with_rows

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver


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
