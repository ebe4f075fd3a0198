"""What becomes of what pages and Instagram accounts send: echoes, windows, people who cannot be reached, faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from patchbay_simulator import Fault, InstagramSpec, PageSpec, SimulationError
from tests.plugins.simulator.pages import APP_ID, INSTAGRAM, PAGE, echoes

if TYPE_CHECKING:
    from tests.plugins.simulator.pages import Desk

DAY_S = 86_400


async def test_an_echo_on_messenger_returns_the_metadata(messenger: Desk) -> None:
    messenger.visitor.say("hi")
    _, body = await messenger.post(messaging_type="RESPONSE", message={"text": "Hello", "metadata": "msg_1"})
    got = await messenger.visitor.expect(text="Hello")
    assert got.wamid == body["message_id"]
    events = await messenger.events()
    (echo,) = echoes(events)
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (PAGE, messenger.person)
    assert echo["message"] == {
        "mid": body["message_id"],
        "text": "Hello",
        "is_echo": True,
        "app_id": APP_ID,
        "metadata": "msg_1",
    }
    (delivery,) = [event["delivery"] for event in events if "delivery" in event]
    (read,) = [event["read"] for event in events if "read" in event]
    assert delivery == {"mids": [body["message_id"]], "watermark": echo["timestamp"]}
    assert read == {"watermark": echo["timestamp"]}
    (entry,) = messenger.meta.ledger.sends()
    assert (entry.to, entry.reference, entry.wamid) == (messenger.person, "msg_1", body["message_id"])


async def test_an_echo_on_instagram_has_the_mid_alone(instagram: Desk) -> None:
    instagram.visitor.say("hi")
    _, body = await instagram.post(message={"text": "Hello", "metadata": "msg_1"})
    events = await instagram.events()
    (echo,) = echoes(events)
    assert echo["message"] == {"mid": body["message_id"], "text": "Hello", "is_echo": True}
    assert [event["read"] for event in events if "read" in event] == [{"mid": body["message_id"]}]
    assert not [event for event in events if "delivery" in event]


async def test_what_people_write_in_the_inbox_is_echoed_too(messenger: Desk, instagram: Desk) -> None:
    messenger.visitor.echo("Mira here")
    instagram.visitor.echo("Mira here")
    of_page, of_instagram = sorted(echoes(await messenger.events()), key=lambda e: "app_id" not in e["message"])
    assert of_page["message"]["app_id"] == 263902037430900
    assert "metadata" not in of_page["message"]
    assert of_instagram["message"]["text"] == "Mira here"
    assert await messenger.refused(message={"text": "no window from an echo"}) == (400, 10, 2018278)


async def test_the_window_is_a_day(messenger: Desk, instagram: Desk) -> None:
    for desk, subcode in ((messenger, 2018278), (instagram, 2534022)):
        assert await desk.refused(message={"text": "x"}) == (400, 10, subcode)
        desk.visitor.say("hi")
        await desk.send()
        desk.meta.clock.advance(DAY_S)
        assert await desk.refused(message={"text": "x"}) == (400, 10, subcode)
        tagged: dict[str, Any] = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
        await desk.send("A person answers", **tagged)
        desk.meta.clock.advance(6 * DAY_S)
        assert await desk.refused(message={"text": "x"}, **tagged) == (400, 10, subcode)
        desk.meta.configure(window="off")
        await desk.send()
        desk.meta.configure(window="async")


async def test_an_advertisement_opens_a_week_for_the_first_message(messenger: Desk) -> None:
    messenger.visitor.say("I saw your ad", referral={"source": "ADS", "type": "OPEN_THREAD", "ad_id": "1"})
    messenger.meta.clock.advance(6 * DAY_S)
    await messenger.send()
    messenger.visitor.say("again", referral={"source": "ADS", "type": "OPEN_THREAD", "ad_id": "1"})
    messenger.meta.clock.advance(DAY_S + 1)
    assert (await messenger.refused(message={"text": "x"}))[1:] == (10, 2018278)


async def test_a_reaction_opens_messengers_window(messenger: Desk) -> None:
    messenger.visitor.say("hi")
    await messenger.send()
    await messenger.visitor.expect()
    messenger.meta.clock.advance(2 * DAY_S)
    messenger.visitor.react()
    await messenger.send()


async def test_strangers_are_refused(messenger: Desk, instagram: Desk) -> None:
    assert await messenger.refused({"id": "1"}, message={"text": "x"}) == (400, 100, 2018001)
    assert await instagram.refused({"id": "1"}, message={"text": "x"}) == (400, 100, 2534014)
    instagram.visitor.say("hi")
    instagram.meta.add_account(InstagramSpec(id="17841400000000002"))
    foreign = await instagram.graph.call(
        "POST", "17841400000000002/messages", json={"recipient": {"id": instagram.person}, "message": {"text": "x"}}
    )
    assert foreign[1]["error"]["error_subcode"] == 2534014
    messenger.meta.configure(unknown_recipients="accept", window="off")
    status, body = await messenger.post({"id": "7999"}, message={"text": "x"})
    assert (status, body["recipient_id"]) == (200, "7999")


async def test_who_blocks_the_account_is_not_available(either: Desk) -> None:
    either.visitor.say("hi")
    either.visitor.block()
    assert await either.refused(message={"text": "x"}) == (400, 551, 1545041)
    either.visitor.block(unblock=True)
    await either.send()


async def test_sender_actions_and_reactions_answer_their_own_way(either: Desk) -> None:
    mid = either.visitor.say("hi")
    assert await either.post(sender_action="typing_on") == (200, {"recipient_id": either.person})
    assert either.person in either.meta.pages.typing
    assert await either.post(sender_action="mark_seen") == (200, {"recipient_id": either.person})
    payload = {"message_id": mid, "reaction": "❤️"}
    reacted = await either.post(sender_action="react", payload=payload)
    assert reacted == (200, {"recipient_id": either.person, "message_id": mid})
    assert (await either.visitor.expect(type="reaction")).text == "❤️"
    await either.post(sender_action="unreact", payload={"message_id": mid})
    assert (await either.visitor.expect(type="reaction")).text == ""
    assert not echoes(await either.events())  # reactions of the account are not echoed
    assert not either.meta.ledger.sends()


async def test_a_comment_is_answered_privately_once(messenger: Desk, instagram: Desk) -> None:
    for desk, again in ((messenger, (400, 10900, None)), (instagram, (400, 100, 2534025))):
        comment = {"comment_id": desk.visitor.comment("Price?")}
        status, body = await desk.post(comment, message={"text": "It is 14"})
        assert (status, body["recipient_id"]) == (200, desk.person)
        await desk.visitor.expect(text="14")
        assert await desk.refused(comment, message={"text": "And blue"}) == again
        assert (await desk.refused(message={"text": "x"}))[1] == 10  # it opened no window
        desk.visitor.reply("Thanks")
        await desk.send()
        late = {"comment_id": desk.visitor.comment("Still?")}
        desk.meta.clock.advance(7 * DAY_S)
        assert (await desk.refused(late, message={"text": "x"}))[1] == 10
        assert (await desk.refused({"comment_id": "404"}, message={"text": "x"}))[1] == 100
    post = messenger.visitor.post("Loved it")
    assert (await messenger.post({"post_id": post}, message={"text": "Thanks"}))[0] == 200


async def test_an_unknown_quote_is_dropped_and_the_message_sent(either: Desk) -> None:
    mid = either.visitor.say("hi")
    await either.send("with", reply_to={"mid": mid})
    await either.send("without", reply_to={"mid": "m_404"})
    assert (await either.visitor.expect(text="^with$")).reply_to == mid
    assert (await either.visitor.expect(text="without")).reply_to is None


async def test_a_lost_reply_leaves_the_message_and_its_echo(messenger: Desk) -> None:
    messenger.visitor.say("hi")
    messenger.meta.faults.add(Fault(kind="drop_reply", path="/messages$", recipient=messenger.person, count=1))
    with pytest.raises(aiohttp.ClientError):
        await messenger.post(message={"text": "Hello", "metadata": "msg_1"})
    await messenger.visitor.expect(text="Hello")
    (echo,) = echoes(await messenger.events())
    assert echo["message"]["metadata"] == "msg_1"
    (entry,) = messenger.meta.ledger.find(reference="msg_1")
    assert (entry.executed, entry.replied, entry.fault) == (True, False, "drop_reply")


async def test_errors_can_be_ordered_by_code_and_subcode(either: Desk) -> None:
    either.visitor.say("hi")
    either.meta.faults.add(Fault(kind="error", path="/messages$", code=2, subcode=1545133, details="x", count=1))
    status, body = await either.post(message={"text": "x"})
    assert (status, body["error"]["code"], body["error"]["error_subcode"]) == (503, 2, 1545133)
    assert body["error"]["is_transient"] is True
    assert "error_data" not in body["error"]  # that is WhatsApp's
    await either.send()


async def test_too_many_sends_are_throttled_and_say_for_how_long(messenger: Desk, instagram: Desk) -> None:
    for desk, scope, code in ((messenger, "messenger", 80006), (instagram, "instagram", 80002)):
        desk.visitor.say("hi")
        limit = {"scope": scope, "count": 1, "interval_s": 3600, "retry_after_s": 150}
        desk.meta.configure(rate_limits=[limit])
        await desk.send()
        url = f"{desk.meta.url}/v26.0/{desk.account}/messages"
        body = {"recipient": {"id": desk.person}, "message": {"text": "x"}}
        async with desk.graph.session.post(url, json=body, headers=desk.graph.headers()) as response:
            assert (await response.json())["error"]["code"] == code
            usage = json.loads(response.headers["X-Business-Use-Case-Usage"])
        assert usage[desk.account][0]["estimated_time_to_regain_access"] == 3
        assert (await desk.post(sender_action="typing_on"))[0] == 200


async def test_tokens_are_an_accounts_own_or_everybodys(messenger: Desk) -> None:
    meta, graph = messenger.meta, messenger.graph
    meta.add_account(PageSpec(id="104857600000002", access_token="page-two"))
    meta.add_account(InstagramSpec(id=INSTAGRAM, access_token="instagram-one"))
    messenger.visitor.say("hi")
    assert (await graph.call("GET", "me"))[1]["id"] == messenger.account
    assert (await graph.call("GET", "me?fields=user_id,username"))[1]["user_id"] == INSTAGRAM
    graph.token = "page-two"
    assert (await graph.call("GET", "me"))[1]["id"] == "104857600000002"
    assert (await messenger.refused(message={"text": "x"}))[1:] == (100, 33)
    graph.token = "instagram-one"
    assert await messenger.refused(message={"text": "x"}) == (401, 190, None)
    assert (await graph.call("GET", "me?fields=user_id,username"))[1]["user_id"] == INSTAGRAM
    meta.revoke_token("instagram-one")
    assert (await graph.call("GET", "me"))[1]["error"]["error_subcode"] == 460
    graph.token = "nobody's"
    assert await messenger.refused(message={"text": "x"}) == (401, 190, None)


async def test_a_page_sends_to_both_its_channels(messenger: Desk, instagram: Desk) -> None:
    """The page-linked flow: one id in the path, two kinds of people."""
    instagram.meta.add_account(InstagramSpec(id=INSTAGRAM, page_id=PAGE))
    messenger.visitor.say("hi")
    instagram.visitor.say("hi")
    instagram.account = PAGE
    assert (await messenger.send()).startswith("m_")
    assert (await instagram.send()).startswith("aWdf")
    assert (await instagram.refused(message={"text": "ü" * 501}))[1] == 100


async def test_who_is_offline_gets_it_later(either: Desk) -> None:
    either.visitor.say("hi")
    either.visitor.go_offline()
    mid = await either.send()
    assert [event["message"]["mid"] for event in echoes(await either.events())] == [mid]
    with pytest.raises(SimulationError):
        await either.visitor.expect(within_s=0.05)
    either.visitor.come_online()
    assert (await either.visitor.expect()).wamid == mid
    assert any("read" in event for event in await either.events())
