"""Numbers, profile, templates, subscriptions, tokens, unknown paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from patchbay_simulator import Customer, GraphSimulator, NumberSpec

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

NUMBER, WABA = "401000000000001", "301000000000001"
TEMPLATE = {
    "name": "order_update",
    "language": "en_US",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hi {{1}}"}],
}


async def test_a_number_answers_the_fields_that_are_asked_for(graph: Client) -> None:
    _, body = await graph.call("GET", NUMBER, params={"fields": "verified_name,quality_rating,is_on_biz_app"})
    assert body == {
        "verified_name": "Blue Kettle Shop",
        "quality_rating": "GREEN",
        "is_on_biz_app": False,
        "id": NUMBER,
    }
    assert set((await graph.call("GET", NUMBER))[1]) == {
        "verified_name",
        "display_phone_number",
        "quality_rating",
        "id",
    }
    assert (await graph.call("GET", NUMBER, params={"fields": "shoe_size"}))[1]["error"]["code"] == 100


async def test_lists_come_in_pages_by_cursor(meta: GraphSimulator, graph: Client) -> None:
    for index in range(6):
        meta.add_number(NumberSpec(phone_number_id=f"40{index}", display_phone_number=f"1555000880{index}"))
    found: list[str] = []
    params: dict[str, str] = {"limit": "3"}
    pages = 0
    while True:
        _, page = await graph.call("GET", f"{WABA}/phone_numbers", params=params)
        found += [number["id"] for number in page["data"]]
        pages += 1
        if "next" not in page["paging"]:
            break
        params["after"] = page["paging"]["cursors"]["after"]
    assert found == [NUMBER, *(f"40{index}" for index in range(6))]
    assert pages == 3
    assert (await graph.call("GET", f"{WABA}/phone_numbers", params={"limit": "0"}))[0] == 400
    assert (await graph.call("GET", f"{WABA}/phone_numbers", params={"after": "?"}))[0] == 400


async def test_a_created_template_is_pending_and_approved_by_webhook(
    meta: GraphSimulator, graph: Client, receiver: Receiver
) -> None:
    meta.configure(delays={"template_review_s": 0.5})
    status, made = await graph.call("POST", f"{WABA}/message_templates", json=TEMPLATE)
    assert (status, made["status"], made["category"]) == (200, "PENDING", "UTILITY")
    while not receiver.posts:
        await meta.clock.sleep(1)
    (change,) = receiver.changes()
    assert change["field"] == "message_template_status_update"
    assert change["value"]["event"] == "APPROVED"
    assert change["value"]["message_template_id"] == int(made["id"])
    _, listed = await graph.call("GET", f"{WABA}/message_templates", params={"name": "order_update"})
    assert [(t["status"], t["components"]) for t in listed["data"]] == [("APPROVED", TEMPLATE["components"])]
    assert (await graph.call("DELETE", f"{WABA}/message_templates", params={"name": "order_update"}))[0] == 200
    assert (await graph.call("DELETE", f"{WABA}/message_templates", params={"name": "order_update"}))[0] == 400


@pytest.mark.parametrize(("review", "event"), [("reject", "REJECTED"), ("approve", "APPROVED")])
async def test_a_review_can_be_decided(
    meta: GraphSimulator, graph: Client, receiver: Receiver, review: str, event: str
) -> None:
    meta.configure(template_review=review, delays={"template_review_s": 0.1})
    await graph.call("POST", f"{WABA}/message_templates", json=TEMPLATE)
    while not receiver.posts:
        await meta.clock.sleep(1)
    assert receiver.changes()[0]["value"]["event"] == event


@pytest.mark.parametrize(
    "change", [{"name": "Order Update"}, {"category": "SPAM"}, {"components": [{"type": "FOOTER"}]}, {"language": ""}]
)
async def test_a_template_that_meta_refuses_is_refused(graph: Client, change: dict[str, Any]) -> None:
    _, body = await graph.call("POST", f"{WABA}/message_templates", json={**TEMPLATE, **change})
    assert body["error"]["code"] == 100


async def test_the_profile_can_be_read_and_changed(graph: Client) -> None:
    path = f"{NUMBER}/whatsapp_business_profile"
    changed = {"messaging_product": "whatsapp", "about": "Kettles since 1987", "websites": ["https://example.com"]}
    assert (await graph.call("POST", path, json=changed))[0] == 200
    _, body = await graph.call("GET", path, params={"fields": "about,websites"})
    assert body == {"data": [{"about": "Kettles since 1987", "websites": ["https://example.com"]}]}
    assert (await graph.call("POST", path, json={**changed, "about": "x" * 140}))[0] == 400


async def test_an_override_is_verified_and_then_used(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    meta.configure(callback_url="http://127.0.0.1:9/nobody")
    override = {"override_callback_uri": receiver.url, "verify_token": "wrong"}
    _, body = await graph.call("POST", f"{WABA}/subscribed_apps", json=override)
    assert body["error"]["error_subcode"] == 2200
    override["verify_token"] = receiver.verify_token
    assert await graph.call("POST", f"{WABA}/subscribed_apps", json=override) == (200, {"success": True})
    mara.say("hi")
    await meta.idle()
    assert [message["text"]["body"] for message in receiver.items("messages")] == ["hi"]
    _, listed = await graph.call("GET", f"{WABA}/subscribed_apps")
    assert listed["data"][0]["override_callback_uri"] == receiver.url
    assert (await graph.call("POST", f"{WABA}/subscribed_apps"))[0] == 200
    _, listed = await graph.call("GET", f"{WABA}/subscribed_apps")
    assert "override_callback_uri" not in listed["data"][0]


async def test_a_number_has_a_webhook_of_its_own(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    meta.configure(callback_url=None)
    override = {"override_callback_uri": receiver.url, "verify_token": receiver.verify_token}
    assert (await graph.call("POST", NUMBER, json={"webhook_configuration": override}))[0] == 200
    mara.say("hi")
    await meta.idle()
    assert len(receiver.posts) == 1
    cleared = {"webhook_configuration": {"override_callback_uri": ""}}
    assert (await graph.call("POST", NUMBER, json=cleared))[0] == 200
    mara.say("is anybody there?")
    await meta.idle()
    assert len(receiver.posts) == 1
    assert meta.webhooks.undeliverable == 1


async def test_nobody_is_told_while_the_app_is_not_subscribed(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    assert (await graph.call("DELETE", f"{WABA}/subscribed_apps"))[0] == 200
    assert (await graph.call("GET", f"{WABA}/subscribed_apps"))[1] == {"data": []}
    mara.say("hi")
    await meta.idle()
    assert receiver.posts == []


@pytest.mark.parametrize(("token", "state"), [(None, "none"), ("stolen", "unknown")])
async def test_a_bad_token_is_190(
    meta: GraphSimulator, mara: Customer, graph: Client, token: str | None, state: str
) -> None:
    graph.token = token
    status, body = await graph.send()
    assert (status, body["error"]["code"]) == (401, 190)
    (entry,) = meta.ledger
    assert (entry.token, entry.executed) == (state, False)


async def test_a_revoked_token_is_190_until_a_new_one_is_set(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    mara.say("hi")
    meta.revoke_token()
    assert (await graph.send())[1]["error"]["code"] == 190
    meta.set_tokens("new-token")
    assert (await graph.send())[1]["error"]["code"] == 190
    graph.token = "new-token"
    assert (await graph.send())[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "999"), ("POST", "999/messages"), ("GET", f"{NUMBER}/unheard_of"), ("DELETE", NUMBER), ("GET", "")],
)
async def test_an_unknown_path_is_graphs_100_with_subcode_33(graph: Client, method: str, path: str) -> None:
    status, body = await graph.call(method, path)
    assert (status, body["error"]["code"], body["error"]["error_subcode"]) == (400, 100, 33)
