"""One POST with a thousand items of every kind, for several accounts at once: each lands where it belongs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.outside import API
from tests.faults.process import SECRET, GatewayProcess, running

PAGES = ("101000000000001", "101000000000002", "101000000000003")
BY_OWN_ID, BY_PAGE = "17841400000000001", "17841400000000002"
PAGE_OF_IT = "101000000000009"  # so the webhooks call BY_PAGE
STRANGER = "109999999999999"  # a page that nobody connected
EVENTS = 1_000
KINDS = 9
PER_ENTRY = 25
NOON = 1_795_176_000_000
PEOPLE = {"page": EVENTS // KINDS // len(PAGES), "instagram": EVENTS // KINDS // 2}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Expected:
    """What the inbox has to show, by account."""

    messages: dict[str, str] = field(default_factory=dict)  # external id: text
    outbound: set[str] = field(default_factory=set)
    reacted: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)


Batch = tuple[bytes, dict[str, Expected]]


def event(account: str, person: str, at: int, *, ours: bool = False, **kind: Any) -> dict[str, Any]:
    sides = (account, person) if ours else (person, account)
    return {"sender": {"id": sides[0]}, "recipient": {"id": sides[1]}, "timestamp": NOON + at, **kind}


def spoken(account: str, person: str, name: str, at: int, expected: Expected) -> Iterator[tuple[str, dict[str, Any]]]:
    """What both kinds of account have: six events of one person."""
    text, files, tap, echo = (f"{name}.{kind}" for kind in ("text", "files", "tap", "echo"))
    files_of = [{"type": kind, "payload": {"url": "https://127.0.0.1:9/1"}} for kind in ("image", "file")]
    yield "messaging", event(account, person, at, message={"mid": text, "text": f"Hello {name}"})
    yield "messaging", event(account, person, at + 1, message={"mid": files, "attachments": files_of})
    yield "messaging", event(account, person, at + 2, postback={"mid": tap, "title": "Start", "payload": "go"})
    given = {"mid": text, "action": "react", "reaction": "love", "emoji": "❤️"}
    yield "messaging", event(account, person, at + 3, reaction=given)
    said = {"mid": echo, "is_echo": True, "text": f"Answer to {name}"}
    yield "messaging", event(account, person, at + 4, ours=True, message=said)
    edit = {"mid": text, "text": f"Hello again {name}", "num_edit": 1}
    yield "messaging", event(account, person, at + 5, message_edit=edit)
    expected.messages[text] = f"Hello again {name}"
    expected.messages[files] = expected.messages[f"{files}#1"] = ""
    expected.messages[tap] = "Start"
    expected.messages[echo] = f"Answer to {name}"
    expected.outbound.add(echo)
    expected.reacted.add(text)
    expected.people.add(person)


def entries(id: str, parts: list[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The events of one account, some at a time."""
    for first in range(0, len(parts), PER_ENTRY):
        entry: dict[str, Any] = {"id": id, "time": NOON}
        for name, part in parts[first : first + PER_ENTRY]:
            entry.setdefault(name, []).append(part)
        yield entry


def mixed(*accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of several accounts in turns."""
    longest = max(map(len, accounts))
    return [account[turn] for turn in range(longest) for account in accounts if turn < len(account)]


def page_batch() -> Batch:
    """Three pages whose people have the same ids, an event that cannot be read, and one for nobody."""
    expected = {page: Expected() for page in PAGES}
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = {page: [] for page in PAGES}
    for number, page in enumerate(PAGES):
        for person in (f"{7000 + one}" for one in range(PEOPLE["page"])):
            name, wanted = f"m_{number}.{person}", expected[page]
            parts[page] += spoken(page, person, name, 0, wanted)
            comment = {
                "item": "comment",
                "verb": "add",
                "comment_id": f"{name}.c",
                "post_id": "1_2",
                "from": {"id": person, "name": "M"},
                "message": f"Comment {name}",
                "created_time": NOON // 1000,
            }
            parts[page].append(("changes", {"field": "feed", "value": comment}))
            wanted.messages[f"comment:{name}.c"] = f"Comment {name}"
            until = {"watermark": NOON + 100}
            parts[page].append(("messaging", event(page, person, 100, delivery=until)))
            parts[page].append(("messaging", event(page, person, 101, read=until)))
    del parts[PAGES[-1]][-2]  # a delivery, so that they are a thousand
    parts[PAGES[0]].append(("messaging", event(PAGES[0], "7000", 9, message={"text": "What am I called?"})))
    stranger = list(entries(STRANGER, [("messaging", event(STRANGER, "7000", 9, message={"mid": "m_x", "text": "?"}))]))
    body = mixed(*(list(entries(page, parts[page])) for page in PAGES))
    return posted("page", [*body[:7], *stranger, *body[7:]]), expected


def instagram_batch() -> Batch:
    """Two accounts, one of which is called by its page's id."""
    expected = {BY_OWN_ID: Expected(), BY_PAGE: Expected()}
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = {BY_OWN_ID: [], BY_PAGE: []}
    for number, account in enumerate(parts):
        for person in (f"{9000 + one}" for one in range(PEOPLE["instagram"])):
            name, wanted = f"aWdf.{number}.{person}", expected[account]
            parts[account] += spoken(account, person, name, 0, wanted)
            comment = {"id": f"{name}.c", "from": {"id": person, "username": "m"}, "text": f"Comment {name}"}
            parts[account].append(("changes", {"field": "comments", "value": {**comment, "media": {"id": "55"}}}))
            wanted.messages[f"comment:{name}.c"] = f"Comment {name}"
            parts[account].append(("messaging", event(account, person, 7, read={"mid": f"{name}.echo"})))
            gone = {"mid": f"{name}.files", "is_deleted": True}
            parts[account].append(("messaging", event(account, person, 8, message=gone)))
            wanted.deleted |= {f"{name}.files", f"{name}.files#1"}
    for number in range(EVENTS - sum(map(len, parts.values()))):
        mid = f"aWdf.more.{number}"
        parts[BY_PAGE].append(("messaging", event(BY_PAGE, "9000", 10 + number, message={"mid": mid, "text": mid})))
        expected[BY_PAGE].messages[mid] = mid
    named = {BY_OWN_ID: BY_OWN_ID, BY_PAGE: PAGE_OF_IT}
    return posted("instagram", mixed(*(list(entries(named[one], parts[one])) for one in parts))), expected


def posted(object: str, entry: list[dict[str, Any]]) -> bytes:
    events = sum(len(one.get(name, ())) for one in entry for name in ("messaging", "changes"))
    assert events == EVENTS, events
    return json.dumps({"object": object, "entry": entry}).encode()


BATCHES: Mapping[str, Batch] = {"messenger": page_batch(), "instagram": instagram_batch()}
ACCOUNTS = pytest.mark.parametrize(
    ("channel", "external_id"), [(channel, one) for channel, (_, found) in BATCHES.items() for one in found]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    """A gateway with five accounts that was sent both batches."""
    folder = tmp_path_factory.mktemp("mixed") / "data"
    secrets = {f"PATCHBAY_{name}__APP_SECRET": SECRET for name in ("MESSENGER", "INSTAGRAM")}
    async with running(folder, PATCHBAY_PLUGINS="whatsapp,messenger,instagram", **secrets) as found:
        for page in PAGES:
            await connect(found, "messenger", page)
        await connect(found, "instagram", BY_OWN_ID)
        await connect(found, "instagram", BY_PAGE, parent_external_id=PAGE_OF_IT)
        for channel, (body, _) in BATCHES.items():
            assert (await found.deliver(body, channel=channel)).status == 200
        await found.applied()
        yield found


async def connect(gateway: GatewayProcess, channel: str, external_id: str, **more: str) -> None:
    credentials = {"access_token": "EAAtoken0123456789"}
    account = {"channel": channel, "name": external_id, "external_id": external_id, "credentials": credentials, **more}
    status, answer = await gateway.post(f"{API}/channels", account)
    assert status == 201, answer


async def account_of(gateway: GatewayProcess, channel: str, external_id: str) -> dict[str, Any]:
    named = (channel, external_id)
    accounts = await gateway.every(f"{API}/channels")
    (found,) = (one for one in accounts if (one["channel"], one["external_id"]) == named)
    return dict(found)


async def shown(gateway: GatewayProcess, account_id: str) -> tuple[list[Any], dict[str, Any]]:
    """The conversations of an account, and their messages by external id."""
    conversations = await gateway.every(f"{API}/conversations", account=account_id)
    messages: dict[str, Any] = {}
    for conversation in conversations:
        for message in await gateway.every(f"{API}/conversations/{conversation['id']}/messages"):
            (external_id,) = message["external_ids"]
            assert external_id not in messages, f"{external_id} is there twice"
            assert message["account_id"] == account_id
            messages[external_id] = message
    return conversations, messages


@ACCOUNTS
async def test_everything_is_on_its_own_accounts_conversations(
    gateway: GatewayProcess, channel: str, external_id: str
) -> None:
    expected = BATCHES[channel][1][external_id]
    conversations, messages = await shown(gateway, (await account_of(gateway, channel, external_id))["id"])
    assert len(conversations) == len(expected.people), "one conversation for each person"
    alive = {id: said for id, said in expected.messages.items() if id not in expected.deleted}
    assert messages.keys() == expected.messages.keys()
    assert {id: messages[id]["text_content"] for id in alive} == alive
    assert {id for id, one in messages.items() if one["direction"] == "outbound"} == expected.outbound
    assert {id for id, one in messages.items() if one["reactions"]} == expected.reacted
    assert {id for id, one in messages.items() if one["deleted"]} == expected.deleted


@ACCOUNTS
async def test_what_was_read_is_shown_as_read(gateway: GatewayProcess, channel: str, external_id: str) -> None:
    expected = BATCHES[channel][1][external_id]
    _, messages = await shown(gateway, (await account_of(gateway, channel, external_id))["id"])
    states = Counter(messages[id]["delivery"]["state"] for id in expected.outbound)
    assert states == {"read": len(expected.outbound)}


async def test_every_item_is_accounted_for(gateway: GatewayProcess) -> None:
    raws = {raw["channel"]: raw for raw in await gateway.every(f"{API}/ingest/events")}
    outcomes = {channel: Counter(item["outcome"] for item in raw["items"]) for channel, raw in raws.items()}
    files = {"messenger": len(PAGES) * PEOPLE["page"], "instagram": 2 * PEOPLE["instagram"]}  # two items of one event
    applied = {channel: EVENTS + more for channel, more in files.items()}
    assert outcomes["messenger"] == {"applied": applied["messenger"] - 2, "quarantined": 1, "unroutable": 1}
    assert outcomes["instagram"] == {"applied": applied["instagram"]}
    (malformed,) = (item for item in raws["messenger"]["items"] if item["outcome"] == "quarantined")
    assert malformed["error"] == "the message has no mid"
    (unrouted,) = (item for item in raws["messenger"]["items"] if item["outcome"] == "unroutable")
    assert unrouted["key"] == "message:m_x"


async def test_both_batches_again_change_nothing(gateway: GatewayProcess) -> None:
    before = len(await gateway.log())
    for channel, (body, _) in BATCHES.items():
        assert (await gateway.deliver(body, channel=channel)).status == 200
    await gateway.applied()
    told = (await gateway.log())[before:]
    assert told == []
