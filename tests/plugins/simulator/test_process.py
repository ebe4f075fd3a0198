"""A simulator as a process of its own, driven by its control API."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Receiver

NUMBER = "401000000000001"
BEARER = {"Authorization": "Bearer simulated-access-token"}


class Remote:
    """The control API of a simulator that runs elsewhere."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        async with self.session.request(method, f"/_sim/{path}", json=body) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def send(self, text: str, **more: Any) -> tuple[int, Any]:
        body = {"messaging_product": "whatsapp", "to": "+15550001111", "type": "text", "text": {"body": text}, **more}
        async with self.session.post(f"/v26.0/{NUMBER}/messages", json=body, headers=BEARER) as response:
            return response.status, await response.json()


@pytest.fixture(scope="module")
def process() -> Iterator[str]:
    """The URL that the process prints."""
    command = [sys.executable, "-m", "patchbay_simulator", "serve", "--port", "0", "--speed", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        found = re.fullmatch(r"Simulator is ready on (http://127\.0\.0\.1:\d+)\n", running.stdout.readline())
        assert found
        yield found[1]
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


@pytest.fixture
async def remote(process: str, receiver: Receiver) -> AsyncIterator[Remote]:
    async with aiohttp.ClientSession(base_url=process) as session:
        found = Remote(session)
        await found("POST", "reset")
        await found("PATCH", "config", {"callback_url": receiver.url})
        await found("POST", "customers", {"id": "mara", "phone": "15550001111", "name": "Mara Voss"})
        yield found


async def test_a_conversation_from_another_process(remote: Remote, receiver: Receiver) -> None:
    assert await remote("POST", "handshake") == {"verified": True}
    wamid = (await remote("POST", "customers/mara/say", {"text": "hi"}))["wamid"]
    status, sent = await remote.send("Hello", biz_opaque_callback_data="msg_1")
    assert status == 200
    got = await remote("POST", "customers/mara/expect", {"text": "hello", "within": 5})
    assert got["wamid"] == sent["messages"][0]["id"]
    assert await remote("POST", "idle", {"timeout": 5}) == {}
    assert [message["id"] for message in receiver.items("messages")] == [wamid]
    assert [status["status"] for status in receiver.items("statuses")] == ["sent", "delivered", "read"]
    assert [m["text"] for m in (await remote("GET", "customers/mara/inbox"))["messages"]] == ["Hello"]
    (entry,) = (await remote("GET", "ledger?executed=true&reference=msg_1"))["entries"]
    assert (entry["wamid"], entry["body"]["text"], entry["token"]) == (got["wamid"], {"body": "Hello"}, "valid")
    posts = (await remote("GET", "webhooks?acknowledged=true&limit=2"))["webhooks"]
    assert [post["attempts"][0]["status"] for post in posts] == [200, 200]
    assert posts[0]["signature"].startswith("sha256=")
    state = await remote("GET", "state")
    assert (state["sends_executed"], state["webhooks"]["acknowledged"], state["customers"]) == (1, 4, 1)


async def test_faults_come_and_go(remote: Remote) -> None:
    await remote("POST", "customers/mara/say", {"text": "hi"})
    made = await remote("POST", "faults", {"kind": "error", "code": 131016, "path": "/messages$"})
    assert (await remote.send("x"))[0] == 500
    assert (await remote("GET", "faults"))["faults"][0]["hit"] == 1
    assert await remote("DELETE", f"faults/{made['id']}") == {"removed": True}
    assert (await remote.send("x"))[0] == 200
    await remote("POST", "faults", {"kind": "drop_reply", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await remote.send("lost", biz_opaque_callback_data="lost")
    (entry,) = (await remote("GET", "ledger?reference=lost"))["entries"]
    assert (entry["executed"], entry["replied"]) == (True, False)
    assert await remote("DELETE", "faults") == {}
    await remote("POST", "tokens/revoke", {})
    assert (await remote.send("x"))[0] == 401
    await remote("PATCH", "config", {"access_tokens": ["simulated-access-token"]})
    assert (await remote.send("x"))[0] == 200
    assert await remote("GET", "leaks") == {"leaks": [], "trapped": 0}


async def test_the_world_can_be_furnished(remote: Remote, receiver: Receiver) -> None:
    number = {"phone_number_id": "402", "display_phone_number": "15550008888", "coexistence": True}
    assert (await remote("POST", "numbers", number))["coexistence"]
    group = await remote("POST", "groups", {"subject": "Kettles", "members": ["mara"]})
    await remote("POST", "customers/mara/say", {"text": "hi", "group": group["id"]})
    await remote("POST", "customers/mara/echo", {"text": "from the app", "number": "402"})
    template = await remote("POST", "templates", {"name": "sale", "language": "en_US", "body": "Sale {{1}}"})
    await remote("POST", f"templates/{template['id']}/status", {"status": "PAUSED"})
    await remote("POST", "idle", {})
    assert sorted(change["field"] for change in receiver.changes()) == [
        "message_template_status_update",
        "messages",
        "smb_message_echoes",
    ]
    now = (await remote("POST", "clock/advance", {"seconds": 86_400}))["now"]
    assert (await remote("POST", "clock/advance", {"seconds": 0}))["now"] >= now


async def test_payloads_of_ones_own_are_posted(remote: Remote, receiver: Receiver) -> None:
    await remote("POST", "webhooks", {"payload": {"object": "whatsapp_business_account", "entry": []}})
    await remote("POST", "webhooks", {"text": "{", "signature": "sha256=00"})
    await remote("POST", "idle", {})
    assert [body for _, body in receiver.posts] == [b'{"object":"whatsapp_business_account","entry":[]}', b"{"]
    assert receiver.posts[1][0]["X-Hub-Signature-256"] == "sha256=00"


async def test_a_scenario_is_played_remotely(remote: Remote, receiver: Receiver) -> None:
    steps = [{"who": "mara", "does": "say", "with": {"text": "hi"}, "idle": 5}]
    report = await remote("POST", "scenarios", {"name": "Short", "steps": steps})
    assert report["passed"]
    assert len(receiver.posts) == 1


async def test_what_is_still_on_its_way_is_a_timeout(remote: Remote, receiver: Receiver) -> None:
    receiver.answers = [500]
    await remote("PATCH", "config", {"webhooks": {"retry_delays_s": [3600]}})
    await remote("POST", "customers/mara/say", {"text": "hi"})
    assert await remote("POST", "idle", {"timeout": 0.2}, status=408) == {"error": "1 webhooks are outstanding."}
    assert "expected" in (await remote("POST", "customers/mara/expect", {"within": 0.1}, status=408))["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "customers", {"phone": "15550001111"}, 400),
        ("POST", "customers", {"telephone": "1"}, 400),
        ("POST", "customers/nobody/say", {"text": "hi"}, 400),
        ("POST", "customers/mara/dance", {}, 400),
        ("POST", "faults", {"kind": "flood"}, 400),
        ("POST", "faults", {"kind": "hang", "path": "("}, 400),
        ("PATCH", "config", {"speed": "fast"}, 400),
        ("PATCH", "config", {"webhooks": {"colour": "red"}}, 400),
        ("POST", "groups", {"subject": "x"}, 400),
        ("POST", "templates/1/status", {"status": "PAUSED"}, 400),
        ("GET", "ledger?after=x", None, 400),
        ("POST", "webhooks", {}, 400),
        ("GET", "nothing", None, 404),
        ("DELETE", "config", None, 404),
    ],
)
async def test_mistakes_are_told(remote: Remote, method: str, path: str, body: Any, status: int) -> None:
    assert (await remote(method, path, body, status=status))["error"]
