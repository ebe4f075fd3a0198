"""Every WhatsApp payload that we know, posted to a gateway; what a client then sees is what a person would expect."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.outside import API, Outside, outside
from tests.faults.process import PHONE_NUMBER_ID

PAYLOADS = Path("tests/payloads/whatsapp")
APP_SECRET = "fixture_app_secret"
VECTORS = {
    "text": "f9ed019e84184aa13721e3a4295934575b1021c0e0988630e5702ade4f4d296f",
    "text_unicode": "38711a1e31e4202267c95442cf08a8d394b758662bf4935e7679dfa7253009ab",
    "batch_two_entries_mixed": "ba619f8f48a499aaf00d5cd37a6362852b8ee04d73adbc2dcfcb5601749a05e4",
}
FIRST = ("text", "smb_echo_text", "image")  # what others edit, revoke, quote and repeat
BODIES = {
    name: (PAYLOADS / f"{name}.json").read_bytes()
    for name in [*FIRST, *sorted({path.stem for path in PAYLOADS.glob("*.json")} - set(FIRST))]
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


def payload(name: str) -> Any:
    return json.loads(BODIES[name])


def wamid(name: str) -> str:
    """The id of the only message of a payload."""
    value = payload(name)["entry"][0]["changes"][0]["value"]
    return str((value.get("messages") or value["message_echoes"])[0]["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    """A gateway that was sent every payload, one after the other."""
    folder = tmp_path_factory.mktemp("fixtures") / "data"
    async with outside(folder, PATCHBAY_WHATSAPP__APP_SECRET=APP_SECRET) as found:
        for name, body in BODIES.items():
            assert (await found.gateway.deliver(body, secret=APP_SECRET)).status == 200, name
        await found.gateway.applied()
        yield found


async def seen(client: Outside) -> dict[str, Any]:
    """Every message that is in some thread, by each of its external ids."""
    found: dict[str, Any] = {}
    for conversation in await client.gateway.every(f"{API}/conversations"):
        path = f"{API}/conversations/{conversation['id']}/timeline"
        for item in await client.gateway.every(path, scope="thread"):
            if item["type"] == "message":
                found.update(dict.fromkeys(item["message"]["external_ids"], item["message"]))
    return found


@pytest.mark.parametrize("name", VECTORS)
async def test_a_signature_is_checked_over_the_bytes_as_they_came(client: Outside, name: str) -> None:
    body = BODIES[name]
    for sent, status in ((f"sha256={VECTORS[name]}", 200), (f"sha256={VECTORS[name][::-1]}", 401)):
        headers = {"X-Hub-Signature-256": sent, "Content-Type": "application/json"}
        assert (await client.gateway.ask("POST", "/webhooks/whatsapp", data=body, headers=headers)).status == status


async def test_every_webhook_is_settled_and_no_item_is_lost(client: Outside) -> None:
    await client.gateway.applied()
    outcomes = await client.gateway.outcomes()
    assert outcomes.keys() <= {"applied", "ignored", "parked", "duplicate", "unroutable"}
    assert outcomes["applied"] > 120
    for raw in await client.gateway.every(f"{API}/ingest/events"):
        assert all(item["error"] for item in raw["items"] if item["outcome"] in {"ignored", "parked", "unroutable"})


async def test_one_person_has_one_conversation_however_they_are_named(client: Outside) -> None:
    found = await seen(client)
    bare, hidden, odd = found[wamid("text")], found[wamid("bsuid_only_text")], found[wamid("bsuid_in_from_text")]
    assert bare["conversation_id"] == hidden["conversation_id"] == odd["conversation_id"]
    conversation = await client.got(f"/conversations/{bare['conversation_id']}")
    assert conversation["contact"]["display_name"] == "Mara Voss"
    identities = (await client.got(f"/contacts/{conversation['contact']['id']}/identities"))["data"]
    current = {each["value"]: each["id"] for each in identities if each["status"] == "active"}
    former = {each["value"]: each["superseded_by"] for each in identities if each["status"] == "superseded"}
    assert current.keys() >= {"+15550004444", "US.20260009998887776665"}
    assert former["US.20260001112223334445"] == current["US.20260009998887776665"]


@pytest.mark.parametrize(
    ("name", "type", "text"),
    [
        ("text_legacy_no_bsuid", "text", None),
        ("text_unicode", "text", None),
        ("image", "image", None),
        ("document", "document", "Here is the invoice"),
        ("audio_voice", "audio", ""),
        ("sticker_animated", "sticker", ""),
        ("location", "location", ""),
        ("location_place", "location", "Praca Test"),
        ("contacts", "contacts", None),
        ("order", "order", "Please gift wrap"),
        ("interactive_button_reply", "interactive_reply", "Yes, please"),
        ("interactive_list_reply", "interactive_reply", "09:30"),
        ("button_quick_reply", "interactive_reply", "Confirm"),
        ("interactive_nfm_reply_bad_json", "interactive_reply", "Sent"),
        ("interactive_unknown_subtype", "unsupported", ""),
        ("unsupported_poll", "unsupported", ""),
        ("unknown_future_type", "unsupported", ""),
    ],
)
async def test_content_keeps_its_type_and_has_a_plain_text(
    client: Outside, name: str, type: str, text: str | None
) -> None:
    message = (await seen(client))[wamid(name)]
    assert message["content"]["type"] == type
    assert (message["direction"], message["origin"]) == ("inbound", "contact")
    assert isinstance(message["text_content"], str)
    if text is not None:
        assert message["text_content"] == text
    if name == "text_unicode":
        sent = payload(name)["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"]
        assert message["text_content"] == sent


async def test_a_quoted_message_is_linked_where_it_is_known(client: Outside) -> None:
    found = await seen(client)
    own, foreign = found[wamid("text_reply_to_own")]["reply_to"], found[wamid("text_reply")]["reply_to"]
    assert own == {"message_id": found[wamid("text")]["id"], "external_id": wamid("text")}
    assert foreign["message_id"] is None
    assert foreign["external_id"].startswith("wamid.")


async def test_a_revoked_message_leaves_a_tombstone_and_its_edits_are_kept(client: Outside) -> None:
    message = (await seen(client))[wamid("text")]
    assert message["deleted"]["by"] == "contact"
    assert message["text_content"] == ""
    assert message["edited"] is True
    revisions = (await client.got(f"/messages/{message['id']}/revisions"))["data"]
    texts = [each["content"].get("text") for each in revisions]
    assert "Hi, is the blue kettle still in stock?" in texts


async def test_what_was_typed_in_the_business_app_is_outbound_and_never_sent_again(client: Outside) -> None:
    message = (await seen(client))[wamid("smb_echo_image")]
    assert (message["direction"], message["origin"]) == ("outbound", "native_app")
    assert client.graph.sent == []


async def test_history_fills_the_thread_and_makes_no_conversation(client: Outside) -> None:
    synced = [message for message in (await seen(client)).values() if message["origin"] == "history_sync"]
    assert {message["text_content"] for message in synced} >= {"Your order left", "Thanks!", "Open today?"}
    assert all(message["conversation_id"] is None for message in synced)


async def test_a_group_is_a_thread_of_its_own_and_says_who_spoke(client: Outside) -> None:
    message = (await seen(client))[wamid("group_text")]
    assert message["author"]["name"] == "Mara Voss"
    conversation = await client.got(f"/conversations/{message['conversation_id']}")
    assert conversation["contact"]["id"] != message["author"]["id"]


async def test_a_late_or_repeated_preference_does_not_win_over_a_newer_one(client: Outside) -> None:
    conversation = (await seen(client))[wamid("text")]["conversation_id"]
    contact = (await client.got(f"/conversations/{conversation}"))["contact"]["id"]
    assert (await client.got(f"/contacts/{contact}"))["consent"] == {"marketing": "stop"}


async def test_the_account_shows_what_the_provider_said_about_it(client: Outside) -> None:
    (account,) = (await client.got("/channels"))["data"]
    assert account["external_id"] == PHONE_NUMBER_ID
    assert account["status"] == "degraded"
    assert "RESTRICT" in account["health"]["last_error"]
    (template,) = (await client.got("/templates"))["data"]
    assert (template["name"], template["language"], template["quality"]) == ("order_update", "en_US", "YELLOW")


async def test_items_of_an_unknown_number_wait_until_its_account_is_made(client: Outside) -> None:
    waiting = await client.gateway.every(f"{API}/ingest/events", outcome="unroutable")
    assert {item["key"] for raw in waiting for item in raw["items"]} >= {"message:ABGGFlA5Fpa"}
    await client.done(
        "POST",
        "/channels",
        {
            "channel": "whatsapp",
            "name": "Test number",
            "external_id": "123456123",
            "parent_external_id": "0",
            "credentials": {"access_token": "another-token"},
            "settings": {},
        },
    )
    raw = next(raw for raw in waiting if any("ABGGFlA5Fpa" in item["key"] for item in raw["items"]))
    await client.done("POST", f"/ingest/events/{raw['id']}/replay")
    await client.gateway.applied()
    assert (await seen(client))["ABGGFlA5Fpa"]["text_content"] == "this is a text message"
    still = await client.gateway.every(f"{API}/ingest/events", outcome="unroutable")
    assert raw["id"] not in {each["id"] for each in still}
