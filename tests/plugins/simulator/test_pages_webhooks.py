"""What Messenger and Instagram post: shapes, signatures, duplicates, retries."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from patchbay_simulator import InstagramSpec, InstagramVisitorSpec, PageSpec, SimulationError

if TYPE_CHECKING:
    from tests.plugins.simulator.pages import Desk

SECRET = b"simulated-app-secret"
MESSENGER_ID, INSTAGRAM_ID = "104857600000001", "17841400000000001"


def whole(desk: Desk) -> dict[str, Any]:
    """The body of the last POST."""
    body: dict[str, Any] = msgspec.json.decode(desk.receiver.posts[-1][1])
    return body


async def test_a_text_is_signed_over_its_escaped_bytes(either: Desk) -> None:
    mid = either.visitor.say("Olá 🙂")
    await either.meta.idle()
    ((headers, body),) = either.receiver.posts
    assert headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    assert body.isascii()
    assert rb"Ol\u00e1 \ud83d\ude42" in body
    (event,) = await either.events()
    assert (event["sender"], event["recipient"]) == ({"id": either.person}, {"id": either.account})
    assert event["message"] == {"mid": mid, "text": "Olá 🙂"}
    (entry,) = whole(either)["entry"]
    assert (whole(either)["object"], entry["id"]) == (
        ("page", MESSENGER_ID) if either.account == MESSENGER_ID else ("instagram", INSTAGRAM_ID)
    )
    assert 0 <= entry["time"] - event["timestamp"] < 60_000
    assert event["timestamp"] > 1_700_000_000_000


async def test_message_ids_look_like_those_of_their_platform(messenger: Desk, instagram: Desk) -> None:
    assert messenger.visitor.say("hi").startswith("m_")
    mid = instagram.visitor.say("hi")
    assert mid.startswith("aWdfZAG1")
    assert 150 <= len(mid) <= 255


async def test_every_account_knows_a_person_by_another_id(instagram: Desk) -> None:
    instagram.meta.add_account(InstagramSpec(id="17841400000000002"))
    ids = instagram.visitor.scoped_ids()
    assert set(ids) == {INSTAGRAM_ID, "17841400000000002"}
    assert len(set(ids.values())) == 2
    instagram.visitor.say("hi", account="17841400000000002")
    (event,) = await instagram.events()
    assert event["sender"]["id"] == ids["17841400000000002"]


async def test_files_share_a_mid_and_their_urls_end(either: Desk) -> None:
    either.visitor.attach("image", count=2)
    either.visitor.attach("document")
    pictures, document = [event["message"] for event in await either.events()]
    assert [each["type"] for each in pictures["attachments"]] == ["image", "image"]
    assert "text" not in pictures
    assert [each["type"] for each in document["attachments"]] == ["file"]
    url = pictures["attachments"][0]["payload"]["url"]
    session = either.graph.session
    async with session.get(url) as response:  # nobody needs a token for it
        assert (response.status, response.content_type) == (200, "image/jpeg")
        first = await response.read()
    async with session.get(pictures["attachments"][1]["payload"]["url"]) as response:
        assert await response.read() != first
    async with session.get(url + "0") as response:
        assert response.status == 404
    either.meta.clock.advance(86_400)
    async with session.get(url) as response:
        assert response.status == 404


async def test_replies_name_what_they_answer(messenger: Desk, instagram: Desk) -> None:
    for desk in (messenger, instagram):
        own = desk.visitor.say("one")
        theirs = await desk.send("two")
        await desk.visitor.expect(text="two")
        desk.visitor.reply("three")
        desk.visitor.say("four", to=own)
        said = [e["message"] for e in await desk.events() if "message" in e and "reply_to" in e["message"]]
        said = [message for message in said if message["text"] in ("three", "four")]
        assert [message["reply_to"]["mid"] for message in said[-2:]] == [theirs, own]
        marks = [message["reply_to"].get("is_self_reply") for message in said[-2:]]
        assert marks == ([False, True] if desk is messenger else [None, None])


async def test_taps_come_as_quick_replies_and_postbacks(either: Desk) -> None:
    either.visitor.postback("GET_STARTED")
    replies = [{"content_type": "text", "title": "Oolong", "payload": "flavour:oolong"}]
    await either.post(message={"text": "Which one?", "quick_replies": replies})
    await either.visitor.expect(text="Which")
    either.visitor.tap("Oolong")
    buttons = [{"type": "postback", "title": "Talk to us", "payload": "agent"}]
    template = {"template_type": "button", "text": "Anything else?", "buttons": buttons}
    await either.post(message={"attachment": {"type": "template", "payload": template}})
    await either.visitor.expect(text="else", type="template")
    either.visitor.tap("agent")
    events = await either.events()
    started, talk = [event["postback"] for event in events if "postback" in event]
    assert (started["title"], started["payload"]) == ("Get Started", "GET_STARTED")
    assert (talk["title"], talk["payload"]) == ("Talk to us", "agent")
    (tapped,) = [event["message"] for event in events if "quick_reply" in event.get("message", {})]
    assert (tapped["text"], tapped["quick_reply"]) == ("Oolong", {"payload": "flavour:oolong"})


async def test_reactions_come_and_go(either: Desk) -> None:
    either.visitor.say("hi")
    mid = await either.send()
    await either.visitor.expect()
    either.visitor.react("❤️")
    either.visitor.react("🫖")
    either.visitor.unreact()
    assert [event["reaction"] for event in await either.events() if "reaction" in event] == [
        {"mid": mid, "action": "react", "reaction": "love", "emoji": "❤️"},
        {"mid": mid, "action": "react", "reaction": "other", "emoji": "🫖"},
        {"mid": mid, "action": "unreact"},
    ]


async def test_edits_keep_the_mid_and_are_five(either: Desk) -> None:
    mid = either.visitor.say("teh")
    for number in range(1, 6):
        either.visitor.edit(f"the {number}")
    with pytest.raises(SimulationError, match="5 times"):
        either.visitor.edit("the 6")
    edits = [event["message_edit"] for event in await either.events() if "message_edit" in event]
    assert edits == [{"mid": mid, "text": f"the {number}", "num_edit": number} for number in range(1, 6)]


async def test_only_instagram_tells_of_what_was_taken_back(messenger: Desk, instagram: Desk) -> None:
    mid = instagram.visitor.say("oops")
    instagram.visitor.unsend()
    assert (await instagram.events())[-1]["message"] == {"mid": mid, "is_deleted": True}
    messenger.visitor.say("oops")
    with pytest.raises(SimulationError, match="Messenger"):
        messenger.visitor.unsend()


async def test_messengers_own_kinds(messenger: Desk) -> None:
    bo = messenger.visitor
    bo.send_sticker()
    bo.share_location(38.5, -9.5)
    bo.say("see https://kettle.example/blue please")
    bo.say("an ad sent me", referral={"source": "ADS", "type": "OPEN_THREAD", "ad_id": "1"})
    bo.refer("qr-shelf-12")
    sticker, place, link, ad, referral = await messenger.events()
    (attachment,) = sticker["message"]["attachments"]
    assert (attachment["type"], attachment["payload"]["sticker_id"]) == ("sticker", "369239263222822")
    assert place["message"]["attachments"] == [
        {"type": "location", "payload": {"coordinates": {"lat": 38.5, "long": -9.5}}}
    ]
    assert link["message"]["attachments"][0]["type"] == "fallback"
    assert link["message"]["attachments"][0]["payload"]["url"] == "https://kettle.example/blue"
    assert ad["message"]["referral"]["ad_id"] == "1"
    assert referral["referral"] == {"ref": "qr-shelf-12", "source": "SHORTLINK", "type": "OPEN_THREAD"}


async def test_instagrams_own_kinds(instagram: Desk) -> None:
    ines = instagram.visitor
    ines.send_heart()
    ines.share_post("Autumn tins")
    ines.mention_story()
    ines.reply_to_story("love this 😍")
    ines.send_unsupported()
    heart, post, mention, reply, poll = [event["message"] for event in await instagram.events()]
    assert heart["attachments"] == [{"type": "like_heart"}]
    assert post["attachments"][0]["type"] == "ig_post"
    assert set(post["attachments"][0]["payload"]) == {"ig_post_media_id", "title", "url"}
    assert mention["attachments"][0]["type"] == "story_mention"
    assert set(reply["reply_to"]["story"]) == {"id", "url"}
    assert poll["is_unsupported"] is True


async def test_an_app_without_advanced_access_gets_edit_number_zero(instagram: Desk) -> None:
    instagram.meta.add_account(InstagramSpec(id=INSTAGRAM_ID, advanced_access=False))
    mid = instagram.visitor.say("secret")
    (event,) = await instagram.events()
    assert event["message_edit"] == {"mid": mid, "num_edit": 0}
    assert "message" not in event
    status, body = await instagram.graph.call("GET", f"{mid}?fields=from,to,message,created_time")
    assert (status >= 400, body["error"]["code"]) == (True, 3)


async def test_comments_of_a_page_are_added_changed_and_removed(messenger: Desk) -> None:
    bo = messenger.visitor
    first = bo.comment("Price?", photo=True)
    bo.edit_comment("Price incl. shipping?")
    answer = bo.comment("Anybody?", parent=first)
    bo.delete_comment(of=answer)
    post = bo.post("Loved the tasting!")
    added, edited, answered, removed, posted = [change["value"] for change in await messenger.entries("changes")]
    assert (added["item"], added["verb"], added["comment_id"]) == ("comment", "add", first)
    assert added["parent_id"] == added["post_id"] == added["post"]["id"]
    assert added["post_id"].startswith(f"{MESSENGER_ID}_")
    assert added["from"] == {"id": messenger.person, "name": "Bo Lindqvist"}
    assert added["photo"].startswith("http")
    assert (edited["verb"], edited["message"]) == ("edited", "Price incl. shipping?")
    assert (answered["parent_id"], answered["post_id"]) == (first, added["post_id"])
    assert (removed["verb"], "message" in removed) == ("remove", False)
    assert (posted["item"], posted["post_id"]) == ("post", post)
    assert added["created_time"] < 10**11  # seconds
    assert whole(messenger)["entry"][0]["time"] < 10**11


async def test_comments_on_instagram_are_only_added(instagram: Desk) -> None:
    first = instagram.visitor.comment("price?")
    second = instagram.visitor.comment("hello?", parent=first)
    with pytest.raises(SimulationError):
        instagram.visitor.delete_comment()
    one, two = await instagram.entries("changes")
    media = one["value"]["media"]["id"]
    assert one == {
        "field": "comments",
        "value": {
            "id": first,
            "text": "price?",
            "from": {"id": instagram.person, "username": "ines.prado"},
            "media": {"id": media, "media_product_type": "FEED"},
        },
    }
    assert (two["value"]["id"], two["value"]["parent_id"], two["value"]["media"]["id"]) == (second, first, media)


async def test_while_the_inbox_owns_a_thread_the_app_gets_copies(either: Desk) -> None:
    either.visitor.hand_over()
    either.visitor.say("anyone?")
    either.visitor.postback("agent", title="Talk to us")
    either.visitor.hand_back()
    either.visitor.say("thanks")
    taken, given, thanks = await either.events()
    assert taken["take_thread_control"]["previous_owner_app_id"] == "201000000000001"
    assert given["pass_thread_control"]["new_owner_app_id"] == "201000000000001"
    assert thanks["message"]["text"] == "thanks"
    copy, tapped = await either.entries("standby")
    assert copy["message"]["text"] == "anyone?"
    assert set(tapped["postback"]) == {"mid", "title"}  # the payload is for whoever sent the button


async def test_a_checkbox_knows_a_person_by_user_ref(messenger: Desk) -> None:
    bo = messenger.visitor
    bo.opt_in("checkout", user_ref="ref-1")
    status, body = await messenger.post({"user_ref": "ref-1"}, message={"text": "Thanks for ordering"})
    assert (status, set(body)) == (200, {"message_id"})
    await bo.expect(text="ordering")
    bo.say("You're welcome", user_ref="ref-1")
    events = await messenger.events()
    optin = events[0]
    assert "sender" not in optin
    assert optin["optin"] == {"ref": "checkout", "user_ref": "ref-1"}
    (welcome,) = [event for event in events if event.get("message", {}).get("text") == "You're welcome"]
    assert welcome["prior_message"] == {"source": "checkbox_plugin", "identifier": "ref-1"}
    assert not [event for event in events if event.get("message", {}).get("is_echo")]
    assert await messenger.refused({"user_ref": "ref-2"}, message={"text": "x"}) == (400, 100, 2018001)


async def test_each_channel_has_its_own_callback(messenger: Desk, instagram: Desk) -> None:
    base = messenger.receiver.url.rpartition("/")[0]
    messenger.meta.configure(callback_urls={name: f"{base}/{name}" for name in ("messenger", "instagram")})
    assert await messenger.meta.handshake("messenger")
    messenger.visitor.say("hi")
    instagram.visitor.say("hi")
    messenger.meta.add_customer(phone="15550001112").say("hi")
    await messenger.meta.idle()
    went = {
        (post.url.rpartition("/")[2], msgspec.json.decode(post.body)["object"]) for post in messenger.meta.webhooks.log
    }
    assert went == {("messenger", "page"), ("instagram", "instagram"), ("whatsapp", "whatsapp_business_account")}


async def test_the_same_faults_as_whatsapps_strike(either: Desk) -> None:
    either.meta.configure(webhooks={"duplicates_max": 3, "reorder_probability": 0.5, "reorder_delay_s": 20.0})
    either.receiver.answers = [500]
    mids = [either.visitor.say(str(number)) for number in range(40)]
    await either.meta.idle()
    got = [event["message"]["mid"] for event in await either.events()]
    assert set(got) == set(mids)
    assert len(got) > len(mids)
    assert list(dict.fromkeys(got)) != mids
    retried = [post for post in either.meta.webhooks.log if len(post.attempts) == 2]
    assert [attempt.status for attempt in retried[0].attempts] == [500, 200]


async def test_updates_share_a_post_with_those_of_their_object_only(messenger: Desk, instagram: Desk) -> None:
    meta = messenger.meta
    meta.configure(webhooks={"batch_max": 50, "batch_wait_s": 5.0})
    meta.add_account(PageSpec(id="104857600000002"))
    for number in range(10):
        messenger.visitor.say(f"a{number}")
        messenger.visitor.say(f"b{number}", account="104857600000002")
        instagram.visitor.say(f"c{number}")
    await meta.idle()
    bodies = [msgspec.json.decode(post.body) for post in meta.webhooks.log]
    assert len(bodies) < 30
    for body in bodies:
        for entry in body["entry"]:
            assert (body["object"] == "instagram") == (entry["id"] == INSTAGRAM_ID)
            assert {event["recipient"]["id"] for event in entry["messaging"]} == {entry["id"]}
    assert len(await messenger.events()) == 30


async def test_a_linked_account_may_be_named_by_its_page(instagram: Desk) -> None:
    instagram.meta.add_account(InstagramSpec(id="17841400000000003", page_id="1048", entries_by="page"))
    jo = instagram.meta.add_visitor(InstagramVisitorSpec(id="jo"))
    jo.say("hi", account="17841400000000003")
    (event,) = await instagram.events()
    assert whole(instagram)["entry"][0]["id"] == "1048"
    assert event["recipient"]["id"] == "17841400000000003"
