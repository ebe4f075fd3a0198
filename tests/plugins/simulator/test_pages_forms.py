"""The forms that pages and Instagram accounts may send: texts, templates, quick replies, files, and their limits."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.plugins.simulator.pages import PAGE, echoes

if TYPE_CHECKING:
    from tests.plugins.simulator.pages import Desk

DAY_S = 86_400


async def test_messengers_texts_are_2000_characters(messenger: Desk) -> None:
    messenger.visitor.say("hi")
    await messenger.send("ü" * 2000)
    assert (await messenger.refused(message={"text": "ü" * 2001}))[1] == 100


async def test_instagrams_texts_are_1000_bytes(instagram: Desk) -> None:
    instagram.visitor.say("hi")
    await instagram.send("ü" * 500)
    assert (await instagram.refused(message={"text": "ü" * 500 + "x"}))[1] == 100


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
