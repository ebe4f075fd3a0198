"""What customers do, as webhooks tell it, compared with the payloads that this project keeps of the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patchbay_simulator import Customer, CustomerSpec, GraphSimulator, NumberSpec, SimulationError
from patchbay_simulator.inbox import act

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

PAYLOADS = Path(__file__).parents[2] / "payloads/whatsapp"
BUTTONS = {
    "type": "button",
    "body": {"text": "Which one?"},
    "action": {
        "buttons": [
            {"type": "reply", "reply": {"id": "order:yes", "title": "Yes, please"}},
            {"type": "reply", "reply": {"id": "order:no", "title": "No"}},
        ]
    },
}
ROWS = [{"id": "slot_0930", "title": "09:30", "description": "Tuesday morning"}, {"id": "slot_1400", "title": "14:00"}]
LIST = {"type": "list", "body": {"text": "When?"}, "action": {"button": "Times", "sections": [{"rows": ROWS}]}}


def shape(value: Any) -> Any:
    """Keys and types of a payload, without its values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def kept(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def number(meta: GraphSimulator) -> NumberSpec:
    """The number is a coexistence one."""
    spec = NumberSpec(coexistence=True)
    meta.add_number(spec)
    return spec


def text(mara: Customer) -> None:
    mara.say("Hi")


def image(mara: Customer) -> None:
    mara.attach("image", caption="This crack, is it normal?")


def edit(mara: Customer) -> None:
    mara.edit("new text")


def revoke(mara: Customer) -> None:
    mara.revoke()


@pytest.mark.parametrize(
    ("payload", "does"),
    [
        ("text", text),
        ("image", image),
        ("audio_voice", lambda mara: mara.attach("voice")),
        ("document", lambda mara: mara.attach("document", caption="See")),
        ("sticker", lambda mara: mara.attach("sticker")),
        ("location", lambda mara: mara.share_location()),
        ("text_forwarded", lambda mara: mara.say("x", forwarded=1)),
        ("text_frequently_forwarded", lambda mara: mara.say("x", forwarded=6)),
        ("unsupported_poll", lambda mara: mara.send_unsupported()),
        ("edit_text", edit),
        ("revoke", revoke),
        ("system_user_changed_number", lambda mara: mara.change_number("15550004444")),
        ("smb_echo_text", lambda mara: mara.echo("We arrive on Thursday")),
        ("user_preferences_stop", lambda mara: mara.prefer("stop")),
    ],
)
async def test_a_webhook_has_the_shape_of_the_real_one(
    meta: GraphSimulator,
    number: NumberSpec,
    mara: Customer,
    receiver: Receiver,
    payload: str,
    does: Callable[[Customer], object],
) -> None:
    if does in (edit, revoke):
        mara.say("first")
        await meta.idle()
        receiver.posts.clear()
    does(mara)
    await meta.idle()
    ((_, body),) = receiver.posts
    assert shape(json.loads(body)) == shape(kept(payload))


async def test_a_username_adopter_is_known_by_bsuid_alone(
    meta: GraphSimulator, number: NumberSpec, receiver: Receiver
) -> None:
    ines = meta.add_customer(phone="15550003333", name="Ines", username="@ines.prado", shares_phone=False)
    ines.say("Do you ship to Lisbon?")
    ines.change_number("15550005555")
    await meta.idle()
    first, second = (json.loads(body) for _, body in receiver.posts)
    assert shape(first) == shape(kept("bsuid_only_text"))
    assert first["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["username"] == "@ines.prado"
    system = second["entry"][0]["changes"][0]["value"]["messages"][0]
    assert system["system"]["type"] == "user_changed_user_id"
    assert "from" not in system
    assert "wa_id" not in system["system"]
    assert system["system"]["user_id"] == ines.person.bsuid != system["system"]["previous_user_id"]


@pytest.mark.parametrize(
    ("spec", "payload"),
    [
        (CustomerSpec(phone="15550001111", name="M", bsuid=""), "text_legacy_no_bsuid"),
        (
            CustomerSpec(phone="15550001111", name="M", username="m", shares_phone=False, withheld="empty"),
            "bsuid_only_text_empty_strings",
        ),
        (CustomerSpec(phone="15550001111", name="M", username="m"), "bsuid_with_phone_username_text"),
        (
            CustomerSpec(
                phone="15550001111",
                name="M",
                username="m",
                shares_phone=False,
                parent_bsuid="US.ENT.70011122233344455566",
            ),
            "bsuid_parent_text",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_identities_come_in_all_their_forms(
    meta: GraphSimulator, receiver: Receiver, spec: CustomerSpec, payload: str
) -> None:
    meta.add_customer(spec).say("hi")
    await meta.idle()
    ((_, body),) = receiver.posts
    assert shape(json.loads(body)) == shape(kept(payload))


async def test_the_bsuid_may_stand_in_for_the_phone(meta: GraphSimulator, receiver: Receiver) -> None:
    bo = meta.add_customer(phone="15550002222", shares_phone=False, withheld="repeated")
    bo.say("hi")
    await meta.idle()
    (message,) = receiver.items("messages")
    assert message["from"] == message["from_user_id"] == bo.person.bsuid


async def test_buttons_and_rows_are_tapped_by_id_title_or_the_first(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    _, asked = await graph.send("interactive", BUTTONS)
    await mara.expect(type="interactive")
    mara.tap("No")
    mara.tap("order:yes")
    mara.tap()
    await graph.send("interactive", LIST)
    await mara.expect(type="interactive", text="when")
    mara.tap("09:30")
    await meta.idle()
    replies = [message for message in receiver.items("messages") if message["type"] == "interactive"]
    assert [r["interactive"].get("button_reply", {}).get("id") for r in replies] == [
        "order:no",
        "order:yes",
        "order:yes",
        None,
    ]
    assert replies[0]["context"] == {"from": "15550009999", "id": asked["messages"][0]["id"]}
    assert replies[3]["interactive"] == {"type": "list_reply", "list_reply": ROWS[0]}
    kept_reply = kept("interactive_button_reply")["entry"][0]["changes"][0]["value"]["messages"][0]
    assert shape(replies[0]) == shape(kept_reply)
    with pytest.raises(SimulationError, match="sees no 'Maybe'"):
        mara.tap("Maybe")


async def test_replies_quote_and_reactions_point(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    own = mara.say("hi")
    _, body = await graph.send()
    theirs = body["messages"][0]["id"]
    await mara.expect()
    mara.reply("to yours")
    mara.say("to mine", to=own)
    mara.react("👍")
    mara.unreact()
    await meta.idle()
    messages = receiver.items("messages")[1:]
    assert messages[0]["context"] == {"from": "15550009999", "id": theirs}
    assert messages[1]["context"] == {"from": "15550001111", "id": own}
    assert messages[2]["reaction"] == {"message_id": theirs, "emoji": "👍"}
    assert messages[3]["reaction"] == {"message_id": theirs}


async def test_edits_are_told_to_coexistence_numbers_only(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    mara.say("hi")
    mara.edit("hello")
    await meta.idle()
    told = receiver.items("messages")[-1]
    assert (told["type"], told["unsupported"], told["errors"][0]["code"]) == ("unsupported", {"type": "edit"}, 131051)
    only: list[tuple[str, dict[str, Any]]] = [("revoke", {}), ("echo", {"text": "x"}), ("history", {"lines": ["x"]})]
    for action, arguments in only:
        with pytest.raises(SimulationError, match=r"[cC]oexistence"):
            act(mara, action, arguments)


async def test_an_edit_and_a_revoke_name_the_message(
    meta: GraphSimulator, number: NumberSpec, mara: Customer, receiver: Receiver
) -> None:
    first, second = mara.say("one"), mara.say("two")
    mara.edit("ONE", of=first)
    mara.revoke()
    await meta.idle()
    edited, revoked = receiver.items("messages")[2:]
    assert edited["edit"]["original_message_id"] == first
    assert edited["edit"]["message"]["text"] == {"body": "ONE"}
    assert revoked["revoke"] == {"original_message_id": second}


async def test_an_old_chat_is_handed_over(
    meta: GraphSimulator, number: NumberSpec, mara: Customer, receiver: Receiver
) -> None:
    mara.history(["Is it open?", "> Until six", "Thanks!"], phase=1, chunk=2, progress=55)
    await meta.idle()
    (change,) = receiver.changes()
    (part,) = change["value"]["history"]
    assert change["field"] == "history"
    assert part["metadata"] == {"phase": 1, "chunk_order": 2, "progress": 55}
    (thread,) = part["threads"]
    assert thread["id"] == thread["context"]["wa_id"] == "15550001111"
    assert [message["from"] for message in thread["messages"]] == ["15550001111", "15550009999", "15550001111"]
    times = [int(message["timestamp"]) for message in thread["messages"]]
    assert times == sorted(times)
    assert times[-1] < meta.clock.now()


async def test_a_call_rings_and_ends(meta: GraphSimulator, mara: Customer, receiver: Receiver) -> None:
    call_id = mara.call(duration_s=12)
    await meta.idle()
    assert {change["field"] for change in receiver.changes()} == {"calls"}
    connect, terminate = receiver.items("calls")
    assert connect["id"] == terminate["id"] == call_id
    assert (connect["event"], terminate["event"], terminate["duration"]) == ("connect", "terminate", 12)
    assert shape(connect) == shape(kept("call_connect_user_initiated")["entry"][0]["changes"][0]["value"]["calls"][0])


async def test_after_a_change_of_number_the_new_one_is_reached_and_the_old_one_is_not(
    meta: GraphSimulator, mara: Customer, graph: Client, receiver: Receiver
) -> None:
    mara.say("hi")
    mara.change_number("15550004444")
    await graph.send()
    await graph.send(to="+15550004444")
    await mara.expect()
    await meta.idle()
    assert [s["errors"][0]["code"] for s in receiver.items("statuses") if s["status"] == "failed"] == [131026]
    other = meta.add_customer(phone="15550001111")
    with pytest.raises(SimulationError, match="belongs to"):
        other.change_number("15550004444")


async def test_an_advertisement_is_told_with_the_first_message(
    meta: GraphSimulator, mara: Customer, receiver: Receiver
) -> None:
    mara.say("I saw your ad", referral={"source_type": "ad", "source_id": "77", "ctwa_clid": "clid"})
    await meta.idle()
    assert receiver.items("messages")[0]["referral"]["ctwa_clid"] == "clid"


async def test_an_expectation_that_is_missed_says_what_came_instead(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    mara.say("hi")
    await graph.send()
    await meta.idle()
    with pytest.raises(SimulationError, match=r"mara expected text like 'order'.*text 'Hello'"):
        await mara.expect(type="text", text="order", within_s=0.02)
    with pytest.raises(SimulationError, match="nothing came"):
        await mara.expect(within_s=0.02)


async def test_listeners_hear_each_message(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    heard: list[str] = []
    mara.listeners.append(lambda received: heard.append(received.text))
    mara.say("hi")
    await graph.send()
    await mara.expect()
    assert heard == ["Hello"]


def test_actions_have_names_that_customers_have() -> None:
    assert all(callable(getattr(Customer, action)) for action in Customer.actions)


async def test_what_nobody_can_do_is_an_error(meta: GraphSimulator, mara: Customer) -> None:
    for action, arguments in [
        ("dance", {}),
        ("say", {}),
        ("say", {"text": "x", "loudly": True}),
        ("tap", {}),
        ("react", {}),
    ]:
        with pytest.raises(SimulationError):
            act(mara, action, arguments)
    with pytest.raises(SimulationError, match="belongs to mara"):
        meta.add_customer(phone="+1 555 000 1111")
    with pytest.raises(SimulationError, match="neither"):
        meta.add_customer(phone="15550007777", bsuid="", shares_phone=False)
    with pytest.raises(SimulationError):
        meta.customer("nobody")
    with pytest.raises(SimulationError, match="no number"):
        mara.say("hi", number="999")


async def test_one_seed_makes_the_same_choices() -> None:
    def run() -> list[float]:
        simulator = GraphSimulator()
        return [simulator.platform.rng.random(), simulator.platform.faults.rng.random()]

    assert run() == run()
