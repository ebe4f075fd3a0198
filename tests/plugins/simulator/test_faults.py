"""Each fault, as a client feels it and as the ledger tells it."""

from __future__ import annotations

import asyncio
import errno
import re
from random import Random
from typing import TYPE_CHECKING

import aiohttp
import pytest

from patchbay_simulator import Customer, Fault, GraphSimulator, RateLimit, SimulatorConfig
from patchbay_simulator.faults import FaultBook
from patchbay_simulator.ledger import Entry

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver


def last(meta: GraphSimulator) -> Entry:
    return list(meta.ledger)[-1]


@pytest.fixture(autouse=True)
def open_window(mara: Customer) -> None:
    mara.say("hi")


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_the_reply_is_lost_after_the_message_left(
    meta: GraphSimulator, mara: Customer, graph: Client, how: str
) -> None:
    meta.faults.add(Fault(kind="drop_reply", how=how, count=1))  # type: ignore[arg-type]
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await graph.raw_send()
    entry = last(meta)
    assert (entry.executed, entry.replied, entry.fault) == (True, False, "drop_reply")
    assert (await mara.expect()).wamid == entry.wamid
    assert (await graph.raw_send())[0] == 200
    assert len(meta.ledger.sends()) == 2


@pytest.mark.parametrize(("kind", "executed"), [("drop_reply", True), ("hang", False)])
async def test_no_answer_ever_comes(meta: GraphSimulator, graph: Client, kind: str, executed: bool) -> None:
    meta.faults.add(Fault(kind=kind, how="hang", count=1))  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await graph.raw_send()
    assert (last(meta).executed, last(meta).replied) == (executed, False)
    assert len(meta.ledger.sends()) == int(executed)


async def test_the_reply_comes_late(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="late_reply", delay_s=30, count=1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await graph.raw_send())[0] == 200
    assert loop.time() - began >= 0.29
    assert (last(meta).executed, last(meta).replied) == (True, True)


async def test_the_connection_is_reset_before_the_body_is_read(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="reset", count=1))
    with pytest.raises(aiohttp.ClientOSError) as raised:
        await graph.raw_send()
    assert raised.value.errno == errno.ECONNRESET
    assert (last(meta).executed, last(meta).body, last(meta).fault) == (False, b"", "reset")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1, 500),
        (2, 503),
        (4, 400),
        (100, 400),
        (368, 403),
        (613, 400),
        (80007, 400),
        (130429, 429),
        (131000, 500),
        (131016, 500),
        (131026, 400),
        (131031, 403),
        (131053, 400),
        (131056, 429),
    ],
)
async def test_an_error_of_graph_has_its_code_and_status_and_nothing_happens(
    meta: GraphSimulator, graph: Client, code: int, status: int
) -> None:
    meta.faults.add(Fault(kind="error", code=code, count=1, details="as told"))
    given, body = await graph.send()
    assert (given, body["error"]["code"]) == (status, code)
    assert body["error"]["error_data"]["details"] == "as told"
    assert "fbtrace_id" in body["error"]
    assert (last(meta).executed, last(meta).code) == (False, code)
    assert (await graph.send())[0] == 200


async def test_a_throttle_says_when_to_come_back(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="error", code=130429, http_status=400, retry_after_s=7, count=1))
    url = f"{graph.base}/v26.0/401000000000001/messages"
    async with graph.session.post(url, headers=graph.headers(), json={}) as response:
        assert (response.status, response.headers["Retry-After"]) == (400, "7")


async def test_an_error_can_follow_the_effect(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    meta.faults.add(Fault(kind="error", code=131000, executes=True, count=1))
    status, body = await graph.send()
    assert (status, body["error"]["code"]) == (500, 131000)
    assert last(meta).executed
    assert (await mara.expect()).wamid == last(meta).wamid


async def test_an_error_hides_in_a_200(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="error_in_200", code=131031, count=1))
    status, body = await graph.send()
    assert (status, body["error"]["code"], last(meta).executed) == (200, 131031, False)


async def test_a_gateway_answers_in_html(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="html", count=1))
    status, body = await graph.raw_send()
    assert status == 502
    assert body.startswith(b"<!DOCTYPE html>")
    assert not last(meta).executed


async def test_the_body_drips(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="drip", delay_s=0.2, count=1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    status, body = await graph.raw_send()
    assert (status, loop.time() - began >= 0.002 * len(body)) == (200, True)
    assert b"wamid." in body


async def test_the_json_is_cut_short(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="truncate", how="json", count=1))
    status, body = await graph.raw_send()
    assert status == 200
    assert body.startswith(b"{")
    assert not body.endswith(b"}")
    assert last(meta).executed


async def test_the_connection_is_cut_within_the_body(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="truncate", how="close", count=1))
    with pytest.raises(aiohttp.ClientPayloadError):
        await graph.raw_send()
    assert (last(meta).executed, last(meta).replied) == (True, False)


async def test_a_download_never_ends(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    mara.attach("image")
    (media_id,) = meta.world.media
    meta.faults.add(Fault(kind="endless", path="/attachments/"))
    _, found = await graph.call("GET", media_id)
    async with graph.session.get(found["url"], headers=graph.headers()) as response:
        assert response.headers["Content-Type"] == "image/jpeg"
        assert len(await response.content.readexactly(8 * 2**20)) == 8 * 2**20
    assert not last(meta).replied


@pytest.mark.parametrize("leaks", [True, False])
async def test_a_redirect_leads_to_a_trap_that_notices_the_token(
    meta: GraphSimulator, graph: Client, leaks: bool
) -> None:
    meta.faults.add(Fault(kind="redirect", count=1))
    url = f"{graph.base}/v26.0/401000000000001/messages"
    async with graph.session.post(url, headers=graph.headers(), json={}, allow_redirects=False) as response:
        assert response.status == 307
        location = response.headers["Location"]
    assert not location.startswith(meta.url)
    async with graph.session.post(location, headers=graph.headers() if leaks else {}) as response:
        assert response.status == 200
    assert meta.wire.trapped == 1
    assert len(meta.wire.leaks) == int(leaks)


async def test_a_token_that_is_revoked_stays_revoked(meta: GraphSimulator, graph: Client) -> None:
    meta.faults.add(Fault(kind="revoke_token", nth=2))
    assert [(await graph.send())[0] for _ in range(4)] == [200, 401, 401, 401]
    assert (await graph.call("GET", "401000000000001"))[1]["error"]["code"] == 190
    meta.set_tokens(graph.token or "")
    assert (await graph.send())[0] == 200


async def test_a_message_fails_after_it_was_accepted(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    meta.faults.add(Fault(kind="failed_status", code=131049, recipient="15550001111", count=1))
    status, body = await graph.send(biz_opaque_callback_data="msg_7")
    assert status == 200
    await meta.idle()
    (failed,) = receiver.items("statuses")
    assert (failed["id"], failed["status"]) == (body["messages"][0]["id"], "failed")
    assert failed["biz_opaque_callback_data"] == "msg_7"
    assert failed["errors"][0]["code"] == 131049
    assert not mara.inbox


def hits(fault: Fault, requests: int = 12, seed: int = 1, recipient: str | None = None) -> list[int]:
    book = FaultBook(Random(seed))
    book.add(fault)
    return [i for i in range(1, requests + 1) if book.pick("POST", "/v26.0/1/messages", recipient)]


def test_a_fault_strikes_those_it_is_meant_for() -> None:
    assert hits(Fault(kind="hang")) == list(range(1, 13))
    assert hits(Fault(kind="hang", nth=3)) == [3]
    assert hits(Fault(kind="hang", skip=2, every=4)) == [3, 7, 11]
    assert hits(Fault(kind="hang", count=2)) == [1, 2]
    assert hits(Fault(kind="hang", path="/media$")) == []
    assert hits(Fault(kind="hang", method="GET")) == []
    assert hits(Fault(kind="hang", recipient="1555"), recipient="1555") == list(range(1, 13))
    assert hits(Fault(kind="hang", recipient="1555"), recipient="1666") == []


def test_chance_is_seeded() -> None:
    fault = Fault(kind="hang", probability=0.2)
    struck = hits(fault, 5_000, seed=7)
    assert struck == hits(fault, 5_000, seed=7)
    assert struck != hits(fault, 5_000, seed=8)
    assert 850 < len(struck) < 1_150


def test_faults_are_listed_with_what_they_did_and_can_be_removed() -> None:
    book = FaultBook(Random(1))
    first, second = book.add(Fault(kind="hang", nth=2)), book.add(Fault(kind="reset"))
    assert book.pick("POST", "/x", None) is None
    assert book.pick_early("POST", "/x") is not None
    assert [(line["id"], line["matched"], line["hit"]) for line in book.report()] == [(first, 1, 0), (second, 1, 1)]
    assert book.remove(first)
    assert not book.remove(first)
    book.clear()
    assert book.report() == []
    with pytest.raises(re.error):
        book.add(Fault(kind="hang", path="("))


@pytest.mark.parametrize(
    ("scope", "code", "status"), [("number", 130429, 429), ("pair", 131056, 429), ("waba", 80007, 400), ("app", 4, 400)]
)
async def test_rate_limits_count_per_interval(
    meta: GraphSimulator, graph: Client, scope: str, code: int, status: int
) -> None:
    meta.configure(rate_limits=[{"scope": scope, "count": 3, "interval_s": 60, "retry_after_s": 5}])
    answers = [await graph.send() for _ in range(5)]
    assert [given for given, _ in answers] == [200, 200, 200, status, status]
    assert answers[-1][1]["error"]["code"] == code
    meta.clock.advance(61)
    assert (await graph.send())[0] == 200
    assert len(meta.ledger.sends()) == 4


async def test_a_pair_limit_leaves_other_people_alone(meta: GraphSimulator, graph: Client) -> None:
    meta.configure(window="off", unknown_recipients="accept")
    meta.configure(rate_limits=[{"scope": "pair", "count": 1, "interval_s": 60}])
    answers = [(await graph.send(to=f"+1555000{i % 3:04d}"))[0] for i in range(6)]
    assert answers == [200, 200, 200, 429, 429, 429]


async def test_requests_that_hang_do_not_keep_the_simulator_from_stopping() -> None:
    async with GraphSimulator(SimulatorConfig(rate_limits=(RateLimit(scope="app", count=1, interval_s=1),))) as meta:
        meta.faults.add(Fault(kind="hang"))
        async with aiohttp.ClientSession() as session:
            hanging = asyncio.ensure_future(session.get(f"{meta.url}/v26.0/1"))
            while not len(meta.ledger):
                await asyncio.sleep(0.01)
            await asyncio.wait_for(meta.stop(), 5)
            with pytest.raises(aiohttp.ClientError):
                await hanging


async def test_the_ledger_tells_what_came_and_never_the_token(meta: GraphSimulator, graph: Client) -> None:
    await graph.send(biz_opaque_callback_data="msg_1")
    await graph.call("GET", "401000000000001", params={"access_token": graph.token or "", "fields": "id"})
    send, read = meta.ledger
    assert (send.method, send.path) == ("POST", "/v26.0/401000000000001/messages")
    assert (send.to, send.reference, send.token, send.status) == ("15550001111", "msg_1", "valid", 200)
    assert send.json()["text"] == {"body": "Hello"}
    assert dict(send.headers)["Content-Type"] == "application/json"
    assert read.query == {"fields": "id"}
    assert str(graph.token) not in str(send.as_dict()) + str(read.as_dict())
    assert meta.ledger.find(reference="msg_1") == [send]
    assert meta.ledger.find(path="/messages$", method="POST", executed=True, to="15550001111") == [send]
    assert meta.ledger.find(after=send.seq) == [read]
    assert meta.ledger.find(executed=False) == []


async def test_the_ledger_is_bounded() -> None:
    async with GraphSimulator(SimulatorConfig(ledger_max=5)) as meta, aiohttp.ClientSession() as session:
        for _ in range(8):
            async with session.get(f"{meta.url}/v26.0/1") as response:
                assert response.status == 401
        assert (len(meta.ledger), meta.ledger.forgotten) == (5, 3)
        assert [entry.seq for entry in meta.ledger] == [4, 5, 6, 7, 8]
