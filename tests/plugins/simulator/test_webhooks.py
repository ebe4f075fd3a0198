"""Webhooks out: signed, retried, duplicated, disordered, batched; the handshake."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from patchbay_simulator import Customer, GraphSimulator, SimulationError, sign

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

SECRET = b"simulated-app-secret"


async def test_the_signature_is_that_of_the_bytes_that_were_sent(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    mara.say("Olá! Ça va? 你好 🙂")
    await meta.idle()
    ((headers, body),) = receiver.posts
    expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert headers["Content-Type"] == "application/json"
    assert receiver.items("messages")[0]["text"]["body"] == "Olá! Ça va? 你好 🙂"


async def test_the_secret_can_be_changed(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    meta.configure(app_secret="rotated")
    mara.say("hi")
    await meta.idle()
    ((headers, body),) = receiver.posts
    assert headers["X-Hub-Signature-256"] == sign("rotated", body) != sign(SECRET.decode(), body)


async def test_what_is_not_acknowledged_comes_again_the_same(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    receiver.answers = [500, 503, 202, 301]
    mara.say("hi")
    await meta.idle()
    assert len(receiver.posts) == 5
    assert len({body for _, body in receiver.posts}) == 1
    (post,) = meta.webhooks.log
    assert [attempt.status for attempt in post.attempts] == [500, 503, 202, 301, 200]
    waits = [later.at - sooner.at for sooner, later in zip(post.attempts, post.attempts[1:], strict=False)]
    assert waits == sorted(waits)
    assert post.acknowledged
    assert meta.webhooks.failed_attempts == 4


async def test_a_receiver_that_is_away_gets_it_when_it_is_back(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    meta.configure(callback_url="http://127.0.0.1:9/closed", webhooks={"retry_delays_s": [1.0]})
    mara.say("hi")
    while not meta.webhooks.failed_attempts:
        await meta.clock.sleep(1)
    assert meta.webhooks.outstanding == 1
    with pytest.raises(TimeoutError):
        await meta.idle(0.05)
    (post,) = meta.webhooks.log
    assert post.attempts[0].error is not None
    post.url = receiver.url
    await meta.idle()
    assert len(receiver.posts) == 1


async def test_meta_gives_up_in_the_end(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    meta.configure(webhooks={"retry_delays_s": [1.0], "give_up_after_s": 0.05})
    receiver.answers = [500] * 1_000
    mara.say("hi")
    await meta.idle()
    (post,) = meta.webhooks.log
    assert (post.given_up, post.acknowledged) == (True, False)
    assert len(post.attempts) == len(receiver.posts) > 1


async def test_webhooks_of_one_conversation_arrive_in_order(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    for index in range(200):
        mara.say(str(index))
    await meta.idle()
    assert [message["text"]["body"] for message in receiver.items("messages")] == [str(i) for i in range(200)]


async def test_webhooks_can_be_duplicated(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    meta.configure(webhooks={"duplicates_max": 4})
    for index in range(50):
        mara.say(str(index))
    await meta.idle()
    bodies = [body for _, body in receiver.posts]
    copies = [bodies.count(body) for body in set(bodies)]
    assert len(copies) == 50
    assert set(copies) == {1, 2, 3, 4}
    assert all(hmac.new(SECRET, b, hashlib.sha256).hexdigest() in h["X-Hub-Signature-256"] for h, b in receiver.posts)
    assert len(meta.webhooks.log) == len(receiver.posts)


async def test_webhooks_can_be_out_of_order(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    meta.configure(webhooks={"reorder_probability": 0.5, "reorder_delay_s": 20.0})
    for _ in range(30):
        await graph.send()
    await meta.idle()
    steps: dict[str, list[str]] = {}
    for status in receiver.items("statuses"):
        steps.setdefault(status["id"], []).append(status["status"])
    assert len(steps) == 30
    assert all(sorted(found) == ["delivered", "read", "sent"] for found in steps.values())
    assert any(found != ["sent", "delivered", "read"] for found in steps.values())


async def test_one_post_can_hold_many_updates(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    meta.configure(webhooks={"batch_max": 40, "batch_wait_s": 2.0})
    for index in range(100):
        mara.say(str(index))
    await meta.idle()
    assert len(receiver.posts) == 3
    assert [message["text"]["body"] for message in receiver.items("messages")] == [str(i) for i in range(100)]
    assert all(len(change["value"]["contacts"]) == len(change["value"]["messages"]) for change in receiver.changes())


async def test_a_batch_keeps_fields_apart(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    meta.configure(webhooks={"batch_max": 10, "batch_wait_s": 2.0})
    mara.say("one")
    mara.call()
    mara.say("two")
    await meta.idle()
    assert len(receiver.posts) == 1
    assert [change["field"] for change in receiver.changes()] == ["messages", "calls", "calls"]
    assert len(receiver.items("messages")) == 2


async def test_more_updates_than_may_wait_are_dropped_and_counted(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    meta.configure(webhooks={"pending_max": 3})
    for index in range(10):
        mara.say(str(index))
    await meta.idle()
    assert (len(receiver.posts), meta.webhooks.dropped) == (3, 7)


async def test_a_body_of_ones_own_is_signed_and_posted(meta: GraphSimulator, receiver: Receiver) -> None:
    meta.webhooks.emit_raw(b"\xff not json")
    meta.webhooks.emit_raw(b"{}", signature="sha256=bad")
    await meta.idle()
    assert [(h["X-Hub-Signature-256"], b) for h, b in receiver.posts] == [
        (sign(SECRET.decode(), b"\xff not json"), b"\xff not json"),
        ("sha256=bad", b"{}"),
    ]


async def test_the_handshake_wants_the_bare_challenge(meta: GraphSimulator, receiver: Receiver) -> None:
    assert await meta.handshake()
    receiver.verify_token = "another"
    assert not await meta.handshake()
    assert receiver.handshakes == 2
    meta.configure(callback_url="http://127.0.0.1:9/closed")
    assert not await meta.handshake()
    meta.configure(callback_url=None)
    with pytest.raises(SimulationError):
        await meta.handshake()


async def test_a_reset_forgets_what_is_on_its_way(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    mara.say("hi")
    await meta.idle()
    meta.configure(webhooks={"retry_delays_s": [3_600.0]}, callback_url="http://127.0.0.1:9/closed")
    await graph.send()
    await meta.reset()
    await meta.idle(1)
    assert (meta.webhooks.outstanding, len(meta.ledger), len(meta.customers)) == (0, 0, 0)
    assert (await graph.call("GET", "401000000000001"))[0] == 200
