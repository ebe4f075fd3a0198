"""Every Messenger and Instagram payload that we know, posted to a gateway: accepted, listed, shown where it belongs.

What each becomes is stated in the tables of the channels' own tests; here it is looked for from outside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.fake_graph import ACCESS_TOKEN, FakeGraph
from tests.e2e.outside import API
from tests.faults.process import SECRET, GatewayProcess, running
from tests.plugins.instagram.table import OOPS
from tests.plugins.webhooks import INSTAGRAM, MESSENGER, Webhooks

ACCOUNTS = {
    MESSENGER: ("104857600112233", "204857600445566"),
    INSTAGRAM: ("17841400099887766", "17841400011223344"),
}
# What the payloads speak of and none of them brings: (the mid, and the payload that is posted with it first).
EARLIER = {
    MESSENGER: (
        ("m_Qf9998earlierInbound-xYz", "message_text"),
        ("m_Qf9999earlierOutbound-xYz", "echo_text_page_inbox"),
        ("m_Qf9997earlierOutbound-xYz", "echo_text_page_inbox"),
    ),
    INSTAGRAM: (("aWdfZAG1fZARLIERINBOUND0001ZD", "message_text"),),
}
# Items that change nothing, by payload, in their order; all others are applied.
SETTLED_OTHERWISE: Mapping[tuple[Webhooks, str], list[str]] = {
    (MESSENGER, "batch_duplicate_message"): ["applied", "duplicate"],
    (MESSENGER, "dashboard_test_message"): ["unroutable"],
    (MESSENGER, "entry_without_events"): ["ignored"],
    (MESSENGER, "feed_comment_own_page"): ["ignored"],
    (MESSENGER, "feed_reaction_add"): ["ignored"],
    (MESSENGER, "message_wrong_recipient"): ["ignored"],
    (MESSENGER, "unknown_event"): ["ignored"],
    (INSTAGRAM, "batch_duplicate_message"): ["applied", "duplicate"],
    (INSTAGRAM, "batch_out_of_order"): ["parked", "applied"],
    (INSTAGRAM, "comment_own"): ["ignored"],
    (INSTAGRAM, "dashboard_test_message"): ["unroutable"],
    (INSTAGRAM, "echo_deleted"): ["parked"],  # until what it takes back comes
    (INSTAGRAM, "entry_without_events"): ["ignored"],
    (INSTAGRAM, "message_edit_zero_bare"): ["parked"],  # nobody is named until Instagram has been asked for it
    (INSTAGRAM, "message_self"): ["ignored"],
    (INSTAGRAM, "unknown_event"): ["ignored"],
}
# Said in one payload and taken back in another: by whom.
TAKEN_BACK = {
    "comment:5550001112223_770011": "contact",
    "aWdfZAG1fZARLIEROUTBOUND0001ZD": "native_app",
    OOPS: "contact",
}
UNSUPPORTED = {
    MESSENGER: ["message_attachment_fallback_empty", "message_no_content"],
    INSTAGRAM: [
        "message_attachment_ephemeral",
        "message_attachment_unsupported_type",
        "message_edit_zero_with_ids",
        "message_unsupported",
    ],
}
SAID = ("message", "echo", "notice", "withheld")  # the items that are something in a timeline, where a person is named
CHANNELS = (MESSENGER, INSTAGRAM)
EACH = pytest.mark.parametrize("webhooks", CHANNELS, ids=str)
EACH_PAYLOAD = pytest.mark.parametrize(
    ("webhooks", "name"), [pytest.param(one, name, id=f"{one}-{name}") for one in CHANNELS for name in one.files]
)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Seen:
    """What a client finds once everything was posted: webhooks by channel and sha256, messages by external id."""

    gateway: GatewayProcess
    graph: FakeGraph
    answered: Mapping[tuple[Webhooks, str], int]
    listed: Mapping[tuple[str, str], Any]
    shown: Mapping[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    """A gateway with two pages and two Instagram accounts that was sent every payload, one after the other."""
    folder = tmp_path_factory.mktemp("fixtures") / "data"
    async with FakeGraph() as graph:
        settings = {
            f"PATCHBAY_{str(webhooks).upper()}__{name}": value
            for webhooks in CHANNELS
            for name, value in (("APP_SECRET", SECRET), ("GRAPH_URL", graph.url))
        }
        async with running(folder, PATCHBAY_PLUGINS="whatsapp,messenger,instagram", **settings) as gateway:
            for webhooks, ids in ACCOUNTS.items():
                for id in ids:
                    await connect(gateway, webhooks, id)
            answered = {}
            for webhooks in CHANNELS:
                for mid, like in EARLIER[webhooks]:
                    assert (await gateway.deliver(earlier(webhooks, mid, like), channel=str(webhooks))).status == 200
                for name in webhooks.files:
                    reply = await gateway.deliver(webhooks.wire(name), channel=str(webhooks))
                    answered[webhooks, name] = reply.status
            await gateway.applied()
            raws = await gateway.every(f"{API}/ingest/events")
            listed = {(raw["channel"], raw["sha256"]): raw for raw in raws}
            yield Seen(gateway, graph, answered, listed, await shown(gateway))


async def connect(gateway: GatewayProcess, webhooks: Webhooks, external_id: str) -> None:
    account = {"channel": str(webhooks), "name": external_id, "external_id": external_id}
    status, answer = await gateway.post(f"{API}/channels", {**account, "credentials": {"access_token": ACCESS_TOKEN}})
    assert status == 201, answer


def earlier(webhooks: Webhooks, mid: str, like: str) -> bytes:
    """A message as this payload's, under another mid and a minute before."""

    def before(body: Any) -> None:
        (event,) = body["entry"][0]["messaging"]
        event["timestamp"] -= 600_000
        event["message"] = {**event["message"], "mid": mid}

    return webhooks.edited(like, before)


async def shown(gateway: GatewayProcess) -> dict[str, Any]:
    """Every message of every thread, by each of its external ids."""
    found: dict[str, Any] = {}
    for conversation in await gateway.every(f"{API}/conversations"):
        path = f"{API}/conversations/{conversation['id']}/timeline"
        for item in await gateway.every(path, scope="thread"):
            if item["type"] == "message":
                found.update(dict.fromkeys(item["message"]["external_ids"], item["message"]))
    return found


def listing(seen: Seen, webhooks: Webhooks, name: str) -> Any:
    return seen.listed[str(webhooks), sha256(webhooks.wire(name)).hexdigest()]


def said(webhooks: Webhooks, name: str) -> list[tuple[str, dict[str, Any]]]:
    """What the table states of this payload that a timeline shows: the external id of each and its event."""
    found = []
    for row in webhooks.rows.get(name, ()):
        event = row["event"]
        if event["kind"] in SAID and event.get("person", event["kind"] not in ("notice", "withheld")):
            part = event.get("part", 0)
            found.append((f"{event['external_id']}#{part}" if part else event["external_id"], event))
    return found


def content_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The content that is shown; what is withheld has none, and its reason stands in its place."""
    if event["kind"] == "withheld":
        return {"type": "unsupported", "provider_type": event["provider_type"], "reason": event["reason"]}
    return dict(event["content"])


@EACH_PAYLOAD
async def test_every_payload_is_accepted_and_listed_with_what_it_became(
    seen: Seen, webhooks: Webhooks, name: str
) -> None:
    assert seen.answered[webhooks, name] == 200
    raw = listing(seen, webhooks, name)
    if name in webhooks.refused:
        assert (raw["state"], raw["items"]) == ("quarantined", [])
        assert webhooks.object in raw["error"]
        return
    rows = webhooks.rows[name]
    assert raw["state"] == "applied"
    assert [(item["key"], item["kind"]) for item in raw["items"]] == [
        (row["key"], row["event"]["kind"]) for row in rows
    ]
    outcomes = SETTLED_OTHERWISE.get((webhooks, name), ["applied"] * len(rows))
    assert [item["outcome"] for item in raw["items"]] == outcomes
    for item in raw["items"]:
        assert item["error"] or item["outcome"] in {"applied", "duplicate"}


@EACH_PAYLOAD
async def test_what_was_said_is_in_the_timeline_of_its_thread(seen: Seen, webhooks: Webhooks, name: str) -> None:
    for external_id, event in said(webhooks, name):
        message = seen.shown[external_id]
        assert message["direction"] == ("outbound" if event["kind"] == "echo" else "inbound")
        if external_id in TAKEN_BACK:
            assert (message["deleted"]["by"], message["text_content"]) == (TAKEN_BACK[external_id], "")
        elif event["kind"] == "notice":
            assert (message["content"]["type"], message["content"]["notice"]) == ("system_notice", event["notice"])
            assert message["text_content"] == event.get("text", "")
        else:
            kept = {member: value for member, value in content_of(event).items() if member != "media"}
            assert kept.items() <= message["content"].items()
            assert message["deleted"] is None


@EACH
async def test_what_is_not_supported_is_in_the_timeline_with_its_reason_and_as_it_came(
    seen: Seen, webhooks: Webhooks
) -> None:
    unsupported = {
        external_id: (name, content_of(event))
        for name in webhooks.names
        for external_id, event in said(webhooks, name)
        if event["kind"] != "notice" and content_of(event)["type"] == "unsupported"
    }
    assert sorted(name for name, _ in unsupported.values()) == UNSUPPORTED[webhooks]
    for external_id, (name, content) in unsupported.items():
        message = seen.shown[external_id]
        assert message["content"] == content
        assert content["reason"]
        conversation = await seen.gateway.get(f"{API}/conversations/{message['conversation_id']}")
        path = f"{API}/contacts/{conversation['contact']['id']}/timeline"
        of_contact = [item["message"]["id"] for item in await seen.gateway.every(path) if item["type"] == "message"]
        assert message["id"] in of_contact
        raw = await seen.gateway.get(f"{API}/messages/{message['id']}/raw")
        assert raw["body"] == webhooks.body(name)


@EACH
async def test_what_was_not_understood_is_listed_with_its_reason(seen: Seen, webhooks: Webhooks) -> None:
    raws = await seen.gateway.every(f"{API}/ingest/events", outcome="ignored")
    reasons = {item["key"]: item["error"] for raw in raws for item in raw["items"] if raw["channel"] == str(webhooks)}
    (unknown,) = webhooks.rows["unknown_event"]
    assert reasons[unknown["key"]] == "brand_new_thing: Events of this kind are not known here."
    ignored = [row for rows in webhooks.rows.values() for row in rows if row["event"]["kind"] == "ignored"]
    routed = {row["key"]: row["event"]["reason"] for row in ignored if row["account"]}
    assert routed.items() <= reasons.items()


async def test_what_came_later_changed_what_was_there(seen: Seen) -> None:
    """Edits, reactions and reports are of messages that the payloads only speak of."""
    asked, answer, other = (seen.shown[mid] for mid, _ in EARLIER[MESSENGER])
    assert asked["edited"] is True
    (edit,) = (row["event"] for row in MESSENGER.rows["message_edit"])
    assert asked["text_content"] == edit["content"]["text"]
    assert [one["delivery"]["state"] for one in (answer, other)] == ["read", "read"]
    assert answer["reactions"] == []  # given, changed and taken back
    ((mid, _),) = EARLIER[INSTAGRAM]
    assert seen.shown[mid]["deleted"]["by"] == "contact"
    assert seen.shown["aWdfZAG1fZARLIEROUTBOUND0001ZD"]["delivery"]["state"] == "read"


async def test_nothing_is_sent_for_it(seen: Seen) -> None:
    assert {call.method for call in seen.graph.calls} <= {"GET"}
