"""Channel accounts over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from patchbay.collections import ACCOUNTS
from tests.core.web.conftest import PigeonChannel


async def test_a_connected_account_is_shown_without_its_credentials(
    client: Any, gateway: Any, new_channel: Any
) -> None:
    made = await client.post("/api/v1/channels", json=new_channel)
    document = await made.json()
    assert made.status == 201, document
    assert document["channel"] == "pigeon"
    assert document["callback_path"] == "/webhooks/pigeon"
    assert "credentials" not in document
    assert "ring-secret-value" not in await made.text()
    assert made.headers["Location"] == f"/api/v1/channels/{document['id']}"
    assert made.headers["ETag"] == '"1"'
    stored = await gateway.store.get(ACCOUNTS, document["id"])
    assert stored.credentials["ring"] != "ring-secret-value"
    assert gateway.vault.open(stored.credentials, stored.id) == {"ring": "ring-secret-value"}


async def test_the_account_can_be_read_listed_changed_and_deleted(client: Any, new_channel: Any) -> None:
    id = (await (await client.post("/api/v1/channels", json=new_channel)).json())["id"]
    listed = await (await client.get("/api/v1/channels?channel=pigeon")).json()
    assert [each["id"] for each in listed["data"]] == [id]
    assert listed["page"] == {"next": None, "has_more": False}
    changed = await client.patch(f"/api/v1/channels/{id}", json={"name": "Sales"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert (await changed.json())["name"] == "Sales"
    gone = await client.delete(f"/api/v1/channels/{id}", headers={"If-Match": '"2"'})
    assert (gone.status, await gone.read()) == (204, b"")
    assert (await client.get(f"/api/v1/channels/{id}")).status == 404


async def test_the_same_account_twice_is_a_conflict(client: Any, new_channel: Any) -> None:
    await client.post("/api/v1/channels", json=new_channel)
    again = await client.post("/api/v1/channels", json=new_channel)
    problem = await again.json()
    assert (again.status, problem["code"]) == (409, "already_exists")
    assert problem["existing_id"].startswith("acc_")


async def test_missing_and_unknown_credentials_are_named(client: Any, new_channel: Any) -> None:
    answer = await client.post("/api/v1/channels", json={**new_channel, "credentials": {"beak": "x"}})
    problem = await answer.json()
    assert answer.status == 422
    assert problem["errors"][0] == {
        "pointer": "/credentials/ring",
        "code": "required",
        "message": "This channel needs it.",
    }
    answer = await client.post("/api/v1/channels", json={**new_channel, "credentials": {"ring": "r", "beak": "x"}})
    assert [each["pointer"] for each in (await answer.json())["errors"]] == ["/credentials/beak"]


async def test_settings_are_judged_by_the_channels_model(client: Any, new_channel: Any) -> None:
    answer = await client.post("/api/v1/channels", json={**new_channel, "settings": {"retries": "many", "wings": 2}})
    pointers = {each["pointer"]: each["code"] for each in (await answer.json())["errors"]}
    assert pointers == {"/settings/retries": "invalid", "/settings/wings": "unknown_field"}


async def test_a_channel_that_nobody_brought_is_invalid(client: Any, new_channel: Any) -> None:
    answer = await client.post("/api/v1/channels", json={**new_channel, "channel": "smoke"})
    assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "/channel")


async def test_an_account_is_disabled_enabled_and_reauthorised(client: Any, gateway: Any, new_channel: Any) -> None:
    id = (await (await client.post("/api/v1/channels", json=new_channel)).json())["id"]
    disabled = await (await client.post(f"/api/v1/channels/{id}/disable")).json()
    assert (disabled["status"], disabled["version"]) == ("disabled", 2)
    again = await (await client.post(f"/api/v1/channels/{id}/disable")).json()
    assert again["version"] == 2
    enabled = await (await client.post(f"/api/v1/channels/{id}/enable")).json()
    assert enabled["status"] == "active"
    new = {"credentials": {"ring": "a-second-ring"}}
    reauthorised = await client.post(f"/api/v1/channels/{id}/reauthorize", json=new)
    assert reauthorised.status == 200
    stored = await gateway.store.get(ACCOUNTS, id)
    assert gateway.vault.open(stored.credentials, id) == {"ring": "a-second-ring"}
    events = await gateway.store.read(0, 100)
    assert [event.type for event in events] == [
        "channel.connected",
        "channel.disabled",
        "channel.recovered",
        "channel.updated",
    ]
    assert all(b"ring-secret" not in bytes(event.data) for event in events)


async def test_what_came_for_an_unknown_account_is_replayed_once_it_exists(
    client: Any, gateway: Any, new_channel: Any, monkeypatch: Any
) -> None:
    async def unroutable(channel: str) -> list[str]:
        return [f"raw-of-{channel}"]

    monkeypatch.setattr(gateway.store, "unroutable", unroutable)
    await client.post("/api/v1/channels", json=new_channel)
    assert gateway.ingest.replayed == ["raw-of-pigeon"]


async def test_capabilities_types_and_health_are_shown(client: Any, new_channel: Any) -> None:
    id = (await (await client.post("/api/v1/channels", json=new_channel)).json())["id"]
    capabilities = await (await client.get(f"/api/v1/channels/{id}/capabilities")).json()
    assert capabilities["contents"] == ["image", "text"]
    assert capabilities["media"]["image"] == {"mime_types": ["image/jpeg", "image/png"], "max_bytes": 1000}
    health = await (await client.get(f"/api/v1/channels/{id}/health")).json()
    assert health["status"] == "active"
    types = await (await client.get("/api/v1/channel-types")).json()
    assert types["data"][0]["credentials"] == [
        {"name": "ring", "required": True},
        {"name": "loft_key", "required": False},
    ]
    assert "retries" in types["data"][0]["settings_schema"]["properties"]


async def test_lists_are_paged_by_an_opaque_cursor(client: Any, new_channel: Any) -> None:
    for number in range(5):
        await client.post("/api/v1/channels", json={**new_channel, "external_id": f"loft-{number}"})
    seen: list[str] = []
    path = "/api/v1/channels?limit=2"
    while path:
        answer = await client.get(path)
        page = await answer.json()
        seen += [each["external_id"] for each in page["data"]]
        assert page["page"]["has_more"] == ("Link" in answer.headers)
        path = answer.links["next"]["url"].path_qs if "Link" in answer.headers else ""
    assert sorted(seen) == [f"loft-{number}" for number in range(5)]


async def test_templates_are_synced_by_the_gateway(client: Any, gateway: Any, new_channel: Any) -> None:
    id = (await (await client.post("/api/v1/channels", json=new_channel)).json())["id"]
    synced = await client.post(f"/api/v1/channels/{id}/templates/sync")
    assert (synced.status, await synced.json()) == (200, {"counts": {"added": 2, "changed": 1}})
    assert gateway.templates.calls == [id]
    assert (await client.post("/api/v1/channels/nope/templates/sync")).status == 404


@dataclass
class LoftPath(PigeonChannel):
    """Its webhooks do not say whom they are for."""

    capabilities = replace(PigeonChannel.capabilities, account_in_path=True)


async def test_the_callback_path_names_the_account_where_webhooks_do_not(
    client: Any, registry: Any, new_channel: Any
) -> None:
    registry.channels["pigeon"] = LoftPath()
    made = await (await client.post("/api/v1/channels", json={**new_channel, "external_id": "loft/1"})).json()
    assert made["callback_path"] == "/webhooks/pigeon/loft%2F1"
    listed = await (await client.get("/api/v1/channels")).json()
    shown = await (await client.get(f"/api/v1/channels/{made['id']}")).json()
    assert [made["callback_path"]] * 2 == [listed["data"][0]["callback_path"], shown["callback_path"]]
    types = await (await client.get("/api/v1/channel-types")).json()
    assert types["data"][0]["callback_path"] == "/webhooks/pigeon/{external_id}"


async def test_an_account_without_its_plugin_has_no_callback_path(client: Any, registry: Any, new_channel: Any) -> None:
    made = await (await client.post("/api/v1/channels", json=new_channel)).json()
    registry.channels.pop("pigeon")
    shown = await client.get(f"/api/v1/channels/{made['id']}")
    assert (shown.status, (await shown.json())["callback_path"]) == (200, None)
