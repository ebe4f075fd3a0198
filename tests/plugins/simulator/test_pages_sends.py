"""What pages and Instagram accounts may send, what is refused, and what becomes of it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from patchbay_simulator import Fault, InstagramSpec, PageSpec, SimulationError
from tests.plugins.simulator.pages import APP_ID, INSTAGRAM, PAGE

if TYPE_CHECKING:
    from tests.plugins.simulator.pages import Desk

DAY_S = 86_400


def echoes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event.get("message", {}).get("is_echo")]


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


async def test_messengers_texts_are_2000_characters(messenger: Desk) -> None:
    messenger.visitor.say("hi")
    await messenger.send("ü" * 2000)
    assert (await messenger.refused(message={"text": "ü" * 2001}))[1] == 100


async def test_instagrams_texts_are_1000_bytes(instagram: Desk) -> None:
    instagram.visitor.say("hi")
    await instagram.send("ü" * 500)
    assert (await instagram.refused(message={"text": "ü" * 500 + "x"}))[1] == 100


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


BUTTON = {"type": "postback", "title": "Yes", "payload": "yes"}
REPLY = {"content_type": "text", "title": "Yes", "payload": "yes"}
URL = "https://kettle.example/a"


def template(**payload: Any) -> dict[str, Any]:
    return {"message": {"attachment": {"type": "template", "payload": payload}}}


@pytest.mark.parametrize(
    "body",
    [
        {"message": {}},
        {"message": "text"},
        {"message": {"text": "x", "attachment": {"type": "image", "payload": {"url": URL}}}},
        {"message": {"attachment": {"type": "image", "payload": {}}}},
        {"message": {"attachment": {"type": "image", "payload": {"url": URL, "attachment_id": "1"}}}},
        {"message": {"attachment": {"type": "image", "payload": {"url": "kettle.jpg"}}}},
        {"message": {"attachment": {"type": "picture", "payload": {"url": URL}}}},
        {"message": {"attachment": {"type": "image", "payload": {"attachment_id": "404"}}}},
        {"message": {"attachments": [{"type": "video", "payload": {"url": URL}}]}},
        {"message": {"text": "x", "quick_replies": [REPLY] * 14}},
        {"message": {"text": "x", "quick_replies": [{**REPLY, "payload": "x" * 1001}]}},
        {"message": {"text": "x", "metadata": "x" * 1000}},
        template(template_type="button", text="x" * 641, buttons=[BUTTON]),
        template(template_type="button", text="x", buttons=[]),
        template(template_type="button", text="x", buttons=[BUTTON] * 4),
        template(template_type="button", text="x", buttons=[{**BUTTON, "title": "x" * 21}]),
        template(template_type="generic", elements=[{"title": "x"}] * 11),
        template(template_type="generic", elements=[{"title": "x" * 81}]),
        template(template_type="list", elements=[]),
        {"message": {"text": "x"}, "messaging_type": "REPLY"},
        {"message": {"text": "x"}, "messaging_type": "MESSAGE_TAG"},
        {"message": {"text": "x"}, "messaging_type": "MESSAGE_TAG", "tag": "ACCOUNT_UPDATE"},
        {"message": {"text": "x"}, "tag": "HUMAN_AGENT"},
        {"sender_action": "typing_on", "message": {"text": "x"}},
        {"sender_action": "dance"},
        {"sender_action": "react", "payload": {"message_id": "m_404", "reaction": "❤️"}},
        {"sender_action": "react", "payload": {"message_id": "m_404"}},
        {"message": {"text": "x"}, "recipient": {}},
        {"message": {"text": "x"}, "recipient": {"id": "1", "comment_id": "2"}},
    ],
)
async def test_what_cannot_be_sent_is_refused_with_100(either: Desk, body: dict[str, Any]) -> None:
    either.visitor.say("hi")
    recipient = body.get("recipient", {"id": either.person})
    status, answer = await either.graph.call(
        "POST", f"{either.account}/messages", json={"recipient": recipient, **body}
    )
    assert (status, answer["error"]["code"]) == (400, 100)
    assert not either.meta.ledger.sends()


async def test_instagram_takes_less(messenger: Desk, instagram: Desk) -> None:
    bodies: list[dict[str, Any]] = [
        {"message": {"sticker_id": "369239263222822"}},
        {"message": {"text": "x"}, "messaging_type": "UPDATE"},
        {"message": {"attachment": {"type": "template", "payload": {"template_type": "media", "elements": [{}]}}}},
    ]
    messenger.visitor.say("hi")
    instagram.visitor.say("hi")
    for body in bodies:
        assert (await messenger.post(**body))[0] == 200
        assert (await instagram.refused(**body))[1] == 100
    images = [{"type": "image", "payload": {"url": URL}}]
    assert (await instagram.post(message={"attachments": images * 10}))[0] == 200
    assert (await instagram.refused(message={"attachments": images * 11}))[1] == 100
    assert (await instagram.post(message={"attachment": {"type": "like_heart"}}))[0] == 200
    assert (await instagram.visitor.expect(type="like_heart")).text == ""


async def test_templates_are_echoed_in_their_platforms_shape(messenger: Desk, instagram: Desk) -> None:
    elements = [{"title": "Blue kettle", "buttons": [BUTTON]}]
    for desk, shown in (
        (messenger, {"template_type": "generic", "elements": elements}),
        (instagram, {"generic": {"elements": elements}}),
    ):
        desk.visitor.say("hi")
        await desk.post(**template(template_type="generic", elements=elements))
        (echo,) = [event for event in echoes(await desk.events()) if event["sender"]["id"] == desk.account]
        assert echo["message"]["attachments"] == [{"type": "template", "payload": shown}]


async def test_titles_of_quick_replies_are_cut(either: Desk) -> None:
    either.visitor.say("hi")
    long = {**REPLY, "title": "An answer that is too long"}
    await either.post(message={"text": "?", "quick_replies": [long]})
    got = await either.visitor.expect()
    assert [choice.title for choice in got.choices] == ["An answer that is to"]


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


async def test_what_is_uploaded_can_be_sent_for_90_days(either: Desk) -> None:
    either.visitor.say("hi")
    form = aiohttp.FormData()
    form.add_field("message", json.dumps({"attachment": {"type": "image", "payload": {"is_reusable": True}}}))
    form.add_field("filedata", b"\x89PNG-kettle", filename="kettle.png", content_type="image/png")
    status, uploaded = await either.graph.call("POST", f"{either.account}/message_attachments", data=form)
    assert (status, list(uploaded)) == (200, ["attachment_id"])
    attachment = {"type": "image", "payload": {"attachment_id": uploaded["attachment_id"]}}
    status, _ = await either.post(message={"attachment": attachment})
    assert status == 200
    assert (await either.visitor.expect(type="image")).content["attachment"] == attachment
    (echo,) = echoes(await either.events())
    async with either.graph.session.get(echo["message"]["attachments"][0]["payload"]["url"]) as response:
        assert await response.read() == b"\x89PNG-kettle"
    either.meta.clock.advance(90 * DAY_S)
    either.visitor.say("again")
    assert await either.refused(message={"attachment": attachment}) == (400, 100, 2018074)


async def test_a_reusable_send_returns_its_attachment(either: Desk) -> None:
    either.visitor.say("hi")
    payload = {"url": URL, "is_reusable": True}
    _, body = await either.post(message={"attachment": {"type": "image", "payload": payload}})
    again = {"attachment": {"type": "image", "payload": {"attachment_id": body["attachment_id"]}}}
    assert (await either.post(message=again))[0] == 200


async def test_a_file_may_come_with_the_send(either: Desk) -> None:
    either.visitor.say("hi")
    form = aiohttp.FormData()
    form.add_field("recipient", json.dumps({"id": either.person}))
    form.add_field("message", json.dumps({"attachment": {"type": "image", "payload": {}}}))
    form.add_field("filedata", b"kettle", filename="kettle.png", content_type="image/png")
    status, body = await either.graph.call("POST", f"{either.account}/messages", data=form)
    assert status == 200, body
    (entry,) = either.meta.ledger.sends()
    assert entry.to == either.person


async def test_files_that_are_too_large_or_not_pdf_are_refused(messenger: Desk, instagram: Desk) -> None:
    async def upload(desk: Desk, kind: str, size: int, mime_type: str) -> tuple[int, Any]:
        form = aiohttp.FormData()
        form.add_field("message", json.dumps({"attachment": {"type": kind, "payload": {}}}))
        form.add_field("filedata", BytesIO(bytes(size)), filename="a", content_type=mime_type)
        return await desk.graph.call("POST", f"{desk.account}/message_attachments", data=form)

    for desk in (messenger, instagram):
        assert (await upload(desk, "image", 8 * 2**20, "image/png"))[0] == 200
        assert (await upload(desk, "image", 8 * 2**20 + 1, "image/png"))[1]["error"]["error_subcode"] == 2018109
        assert (await upload(desk, "file", 10, "application/pdf"))[0] == 200
    assert (await upload(messenger, "file", 10, "text/plain"))[0] == 200
    assert (await upload(instagram, "file", 10, "text/plain"))[0] == 400


async def test_a_utility_template_leaves_the_window_once_it_is_approved(messenger: Desk) -> None:
    made = {
        "name": "order_shipped",
        "language": "en_US",
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Your order {{1}} left."}],
    }
    status, template = await messenger.graph.call("POST", f"{PAGE}/message_templates", json=made)
    assert (status, template["status"]) == (200, "PENDING")
    use: dict[str, Any] = {
        "messaging_type": "UTILITY",
        "message": {
            "template": {
                "name": "order_shipped",
                "language": {"code": "en_US"},
                "components": [{"type": "BODY", "parameters": [{"type": "text", "text": "48213"}]}],
            }
        },
    }
    assert (await messenger.refused(**use))[1] == 100
    while (await messenger.graph.call("GET", f"{PAGE}/message_templates"))[1]["data"][0]["status"] == "PENDING":
        await messenger.meta.clock.sleep(0.5)
    assert (await messenger.post(**use))[0] == 200
    assert (await messenger.visitor.expect(type="template")).text == "order_shipped 48213"
    (change,) = await messenger.entries("changes")
    assert change["field"] == "message_template_status_update"
    assert (change["value"]["event"], change["value"]["message_template_name"]) == ("APPROVED", "order_shipped")
    use["message"]["template"]["components"] = []
    assert (await messenger.refused(**use))[1] == 100


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
