"""Webhooks as items: what every payload becomes, and what a webhook as a whole may be."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.channel import (
    AccountNotice,
    AccountRef,
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    Person,
    PreferenceChanged,
    ReactionChanged,
    ReceiptReceived,
    RemoteMedia,
    ThreadNotice,
    Unrecognised,
)
from patchbay.channel.inbound import IdentityKey
from patchbay.errors import BadPayload
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    DocumentFile,
    Image,
    Interactive,
    InteractiveReply,
    MediaRef,
    Share,
    StoryMention,
    StoryReply,
    Text,
    Unsupported,
    Video,
)
from patchbay.model.message import Referral
from patchbay_instagram.parse import parse
from patchbay_instagram.parse_edits import NOTICE

PAYLOADS = Path(__file__).parents[2] / "payloads" / "instagram"
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
WRONG_OBJECT = "wrong_object"

ACCOUNT, SECOND_ACCOUNT = "17841400099887766", "17841400011223344"
MARA, NOOR, MARA_AT_SECOND = "882200114455667", "993300225566778", "771100998877665"
OUTBOUND, INBOUND = "aWdfZAG1fZARLIEROUTBOUND0001ZD", "aWdfZAG1fZARLIERINBOUND0001ZD"
STORY = "https://lookaside.fbsbx.example/ig_messaging_cdn/?asset_id=18020000555666777&signature=AbFictY"


def mid(number: int) -> str:
    """The fixtures' mids differ in four digits."""
    thread = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDAwMDk5ODg3NzY2OjM0MDI4MjM2Njg0MTcxMDMwMTI0NDI1OTAwMD"
    return f"{thread}{number:04}OjMyNTUwMDExMjIzMzQ0NTU2NjAZD"


def cdn(asset: str, signature: str) -> str:
    return f"https://lookaside.fbsbx.example/ig_messaging_cdn/?asset_id={asset}&signature=AbFict{signature}"


def at(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def person(id: str = MARA, username: str | None = None) -> Person:
    return Person(keys=(IdentityKey(kind="igsid", value=id, scope="account"),), username=username)


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def edited(name: str, edit: Any) -> bytes:
    body = json.loads(payload(name))
    edit(body)
    return json.dumps(body).encode()


def items(body: bytes) -> list[Item]:
    """The items, none of which may be malformed."""
    parsed = parse(body)
    assert [one for one in parsed if isinstance(one, Malformed)] == []
    return [one for one in parsed if isinstance(one, Item)]


Row = tuple[str, InboundEvent]
MEDIA = MediaRef(id="")
BIO_LINK = {"ref": "bio-link", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}


def wrote(number: int, time: int, content: AnyContent, **more: Any) -> Row:
    """Mara, unless it says somebody else, sent the message with this mid."""
    name = more.pop("external_id", mid(number))
    key = f"message:{name}:{part}" if (part := more.get("part", 0)) else f"message:{name}"
    sender = more.pop("sender", person())
    return key, MessageReceived(occurred_at=at(time), external_id=name, sender=sender, content=content, **more)


def tapped(number: int, time: int, payload: str, title: str, by: str = MARA, **more: Any) -> Row:
    """A button, an ice breaker, the menu."""
    content = InteractiveReply(kind="postback", id=payload, title=title)
    return f"postback:{mid(number)}", wrote(number, time, content, sender=person(by), **more)[1]


def echo(name: str, time: int, content: AnyContent, **more: Any) -> Row:
    """The account wrote to Mara."""
    return f"echo:{name}", MessageEchoed(
        occurred_at=at(time), external_id=name, recipient=person(), content=content, **more
    )


def comment(id: str, time: int, written: str, about: dict[str, Any], **more: Any) -> Row:
    """Noor commented."""
    return f"comment:{id}", MessageReceived(
        occurred_at=at(time * 1000),
        external_id=f"comment:{id}",
        sender=person(NOOR, "noor.example"),
        content=Text(text=written),
        context={"comment": {"id": id, **about}},
        opens_window=False,
        **more,
    )


def notice(key: str, time: int, kind: str, said: str, data: dict[str, Any], **more: Any) -> Row:
    """Something happened on Mara's thread."""
    return key, ThreadNotice(
        occurred_at=at(time), external_id=key, notice=kind, person=person(), text=said, data=data, **more
    )


def reaction(key: str, time: int, emoji: str | None) -> Row:
    return key, ReactionChanged(occurred_at=at(time), external_id=key, target=OUTBOUND, person=person(), emoji=emoji)


def share(number: int, time: int, kind: str, url: str, title: str | None = None, **ids: str) -> Row:
    return wrote(number, time, Share(url=url, title=title), context={"share": {"type": kind, **ids}})


POST, REEL = cdn("18139000111222333", "P"), cdn("17906000222333444", "R")
POST_ID = "18139000111222333"
# What each payload becomes: keys and events, in order. Digests are of what stands in the event.
ROWS: dict[str, list[Row]] = {
    "batch_duplicate_message": [
        wrote(1209, 1795168303259, Text(text="only once please")),
        wrote(1209, 1795168303259, Text(text="only once please")),
    ],
    "batch_out_of_order": [
        (
            f"delete:{mid(1222)}",
            MessageDeleted(occurred_at=at(1795167900000), external_id=f"delete:{mid(1222)}", target=mid(1222)),
        ),
        wrote(1222, 1795167880000, Text(text="oops")),
    ],
    "batch_two_accounts": [
        wrote(1183, 1795168281320, Text(text="hi shop one")),
        wrote(1196, 1795168295946, Text(text="hi shop two"), sender=person(MARA_AT_SECOND)),
    ],
    "comment_ad": [
        comment(
            "17880000111222336",
            1795168222,
            "shipping?",
            {
                "media_id": "18139000111222999",
                "media_product_type": "AD",
                "ad_id": "120210000000777",
                "ad_title": "Autumn tins",
                "original_media_id": "18139000111222333",
            },
        )
    ],
    "comment_changes": [
        comment("17880000111222333", 1795168200, "price?", {"media_id": POST_ID, "media_product_type": "FEED"})
    ],
    "comment_flat": [
        comment("17880000111222334", 1795168208, "price?", {"media_id": POST_ID, "media_product_type": "FEED"})
    ],
    "comment_own": [
        ("comment:17880000111222337", Ignored(occurred_at=at(1795168230000), reason="the account's own comment"))
    ],
    "comment_reply": [
        comment(
            "17880000111222335",
            1795168215,
            "same question",
            {"media_id": POST_ID, "parent_id": "17880000111222333", "media_product_type": "REELS"},
            reply_to="comment:17880000111222333",
        )
    ],
    "dashboard_test_message": [
        (
            "event:238e52f23720538b10fe11428d11b967",
            Ignored(occurred_at=at(1795167000000), reason="a test event of the app's dashboard"),
        )
    ],
    "echo_attachment_image": [
        echo(mid(1027), 1795168023202, Image(media=MEDIA), media=RemoteMedia(url=cdn("17950099", "E")))
    ],
    "echo_deleted": [
        (
            f"delete:{OUTBOUND}",
            MessageDeleted(
                occurred_at=at(1795168030927), external_id=f"delete:{OUTBOUND}", target=OUTBOUND, by_business=True
            ),
        )
    ],
    "echo_story_mention": [echo(mid(1040), 1795168038652, StoryMention(url=cdn("18020000333444556", "N")))],
    "echo_text_api": [echo(OUTBOUND, 1795168000027, Text(text="Yes, restocked today."))],
    "echo_text_app_id": [
        echo(mid(1014), 1795168015477, Text(text="Sent from the inbox"), context={"app_id": "1217981644879628"})
    ],
    "echo_text_instagram_app": [echo(mid(1001), 1795168007752, Text(text="hi, Mira here"))],
    "entry_without_events": [
        (
            "entry:b09fc2c0a44417327694f214ea74ca1f",
            Ignored(occurred_at=at(1795168347549), reason="the entry holds no events"),
        )
    ],
    "handover_pass_thread_control": [
        notice(
            "pass_thread_control:ea4aee12543b564029e38f76066a0c2e",
            1795168169977,
            "pass_thread_control",
            "The conversation is with app 990011223344556.",
            {
                "previous_owner_app_id": "1217981644879628",
                "new_owner_app_id": "990011223344556",
                "metadata": "after-hours",
            },
        )
    ],
    "handover_request_thread_control": [
        notice(
            "request_thread_control:b16c49e5480a3088dd269583ad570058",
            1795168185427,
            "request_thread_control",
            "App 880022334455667 asks for the conversation.",
            {"requested_owner_app_id": "880022334455667"},
        )
    ],
    "handover_take_thread_control": [
        notice(
            "take_thread_control:c3993cb5daf872ee731590fe30e9c1cc",
            1795168177702,
            "take_thread_control",
            "The conversation is with Instagram's inbox.",
            {
                "previous_owner_app_id": "990011223344556",
                "new_owner_app_id": "1217981644879628",
                "metadata": "agent joined",
            },
        )
    ],
    "live_comment": [
        comment(
            "17880000111222338",
            1795168237,
            "hello from Oslo",
            {"media_id": "18139000111555000", "media_product_type": "LIVE", "live": True},
        )
    ],
    "mention_caption": [
        (
            "mention:17900000777888998:caption",
            AccountNotice(
                occurred_at=at(1795168252000),
                notice="mention",
                text="The account was mentioned in a caption.",
                data={"media_id": "17900000777888998"},
            ),
        )
    ],
    "mention_comment": [
        (
            "mention:17900000777888999:17880000111222339",
            AccountNotice(
                occurred_at=at(1795168244000),
                notice="mention",
                text="The account was mentioned in a comment.",
                data={"media_id": "17900000777888999", "comment_id": "17880000111222339"},
            ),
        )
    ],
    "message_attachment_audio": [
        wrote(754, 1795167845527, Audio(media=MEDIA), media=RemoteMedia(url=cdn("17950011", "A")))
    ],
    "message_attachment_ephemeral": [
        wrote(
            884,
            1795167922777,
            Unsupported(provider_type="ephemeral", reason="It could be seen once, in Instagram's app only."),
        )
    ],
    "message_attachment_file": [
        wrote(767, 1795167853252, DocumentFile(media=MEDIA), media=RemoteMedia(url=cdn("17950012", "F")))
    ],
    "message_attachment_ig_post": [
        share(793, 1795167868702, "ig_post", POST, "Autumn tins are here", ig_post_media_id=POST_ID)
    ],
    "message_attachment_ig_reel": [
        share(832, 1795167891877, "ig_reel", REEL, "Cold brew hack", reel_video_id="17906000222333444")
    ],
    "message_attachment_image": [
        wrote(715, 1795167822352, Image(media=MEDIA), media=RemoteMedia(url=cdn("17950001", "1")))
    ],
    "message_attachment_like_heart": [wrote(780, 1795167860977, Text(text="❤️"), context={"like_heart": True})],
    "message_attachment_reel": [
        share(
            845,
            1795167899602,
            "reel",
            "https://www.facebook.com/reel/1203344556677",
            "Pouring kettle",
            reel_video_id="1203344556677",
        )
    ],
    "message_attachment_share_ig_post_transition": [
        share(806, 1795167876427, "ig_post", POST, "Autumn tins are here", ig_post_media_id=POST_ID)
    ],
    "message_attachment_share_legacy": [share(819, 1795167884152, "share", cdn(POST_ID, "S"))],
    "message_attachment_story_mention": [wrote(858, 1795167907327, StoryMention(url=cdn("18020000333444555", "M")))],
    "message_attachment_story_share": [
        wrote(
            871,
            1795167915052,
            StoryReply(story_id="18020000333444999", url=cdn("18020000333444999", "T")),
            context={"share": {"type": "ig_story"}},
        )
    ],
    "message_attachment_template_generic": [
        wrote(
            910,
            1795167938227,
            Interactive(
                kind="generic",
                cards=(
                    Card(
                        title="Tasting night",
                        subtitle="Friday 19:00",
                        buttons=(Button(title="Details", url="https://brightleaf.example/tasting"),),
                    ),
                ),
            ),
        )
    ],
    "message_attachment_template_product": [
        wrote(
            923,
            1795167945952,
            Interactive(
                kind="product",
                body="Jasmine pearls 50 g",
                product_id="SKU-JAS-50",
                cards=(
                    Card(
                        title="Jasmine pearls 50 g",
                        subtitle="€14.00",
                        image_url="https://cdn.example/p/jas50.jpg",
                        product_id="SKU-JAS-50",
                    ),
                ),
                parameters={"ids": ["6100200300400"]},
            ),
        )
    ],
    "message_attachment_unsupported_type": [
        wrote(
            897,
            1795167930502,
            Unsupported(provider_type="unsupported_type", reason="Instagram does not hand on what this is."),
            context={"url": cdn("17997000444555666", "U")},
        )
    ],
    "message_attachment_video": [
        wrote(741, 1795167837802, Video(media=MEDIA), media=RemoteMedia(url=cdn("17950010", "V")))
    ],
    "message_attachments_multiple_images": [
        wrote(
            728,
            1795167830077,
            Image(media=MEDIA),
            media=RemoteMedia(url=cdn(f"1795000{index + 2}", str(index + 2))),
            part=index,
            parts=3,
        )
        for index in range(3)
    ],
    "message_deleted": [
        (
            f"delete:{INBOUND}",
            MessageDeleted(occurred_at=at(1795167976852), external_id=f"delete:{INBOUND}", target=INBOUND),
        )
    ],
    "message_edit": [
        (
            f"edit:{INBOUND}:1",
            MessageEdited(
                occurred_at=at(1795168069552),
                external_id=f"edit:{INBOUND}:1",
                target=INBOUND,
                content=Text(text="hey! is the cold brew kit (1 l) back?"),
            ),
        )
    ],
    "message_edit_zero_bare": [
        (
            f"advanced_access:{mid(1092)}",
            AccountNotice(
                occurred_at=at(1795168077277), notice="advanced_access", text=NOTICE, data={"mid": mid(1092)}
            ),
        )
    ],
    "message_edit_zero_with_ids": [
        (
            f"first_version:{mid(1105)}",
            MessageReceived(
                occurred_at=at(1795168085002),
                external_id=mid(1105),
                sender=person(),
                content=Unsupported(
                    provider_type="message_edit",
                    reason="Instagram withheld the content: the app needs Advanced Access to messages.",
                ),
                context={"withheld": True},
            ),
        ),
        (
            "advanced_access:2026-11-20",
            AccountNotice(
                occurred_at=at(1795168085002), notice="advanced_access", text=NOTICE, data={"mid": mid(1105)}
            ),
        ),
    ],
    "message_quick_reply": [
        wrote(702, 1795167814627, InteractiveReply(kind="quick_reply", id="order:track", title="Track order"))
    ],
    "message_referral_ads": [
        wrote(
            1053,
            1795168046377,
            Text(text="I saw your ad"),
            referral=Referral(
                source_type="ad",
                source_id="120210000000777",
                headline="Autumn tins",
                extra={
                    "ref": "autumn-2026",
                    "ad_id": "120210000000777",
                    "source": "ADS",
                    "type": "OPEN_THREAD",
                    "ads_context_data": {
                        "ad_title": "Autumn tins",
                        "photo_url": "https://cdn.example/ad/tin.jpg",
                        "video_url": None,
                    },
                },
            ),
        )
    ],
    "message_referral_igme": [
        wrote(
            1066,
            1795168054102,
            Text(text="hi"),
            referral=Referral(source_type="igme-source-link", extra=BIO_LINK),
        )
    ],
    "message_referral_product": [
        wrote(
            1079,
            1795168061827,
            Text(text="size?"),
            referral=Referral(
                source_type="product", source_id="6100200300400", extra={"product": {"id": "6100200300400"}}
            ),
        )
    ],
    "message_reply_to_message": [wrote(936, 1795167953677, Text(text="this one"), reply_to=OUTBOUND)],
    "message_reply_to_story": [
        wrote(949, 1795167961402, StoryReply(text="love this 😍", story_id="18020000555666777", url=STORY))
    ],
    "message_reply_to_story_reaction": [
        wrote(962, 1795167969127, StoryReply(text="🔥", story_id="18020000555666777", url=STORY))
    ],
    "message_self": [
        (
            f"echo:{mid(988)}",
            Ignored(occurred_at=at(1795167992302), reason="the business wrote to itself"),
        )
    ],
    "message_text": [wrote(663, 1795167791452, Text(text="hey! is the cold brew kit back?"))],
    "message_text_link": [wrote(689, 1795167806902, Text(text="https://brightleaf.example/p/kit"))],
    "message_text_unicode": [wrote(676, 1795167799177, Text(text="مرحبا 🫖✨\nmerci 👨‍👩‍👧"))],
    "message_unsupported": [
        wrote(
            975,
            1795167984577,
            Unsupported(provider_type="unsupported", reason="The platform does not hand on messages of this kind."),
        )
    ],
    "optin_notification_messages": [
        (
            "optin:6b4b62cb53a908644ed03ed4462a0d6a",
            PreferenceChanged(
                occurred_at=at(1795168162252), person=person(), purpose="marketing", granted=True, detail="Tea drops"
            ),
        )
    ],
    "postback_icebreaker": [tapped(1118, 1795168115902, "ice:address", "Where are you?", NOOR)],
    "postback_persistent_menu": [tapped(1144, 1795168131352, "menu:hours", "Opening hours")],
    "postback_referral": [
        tapped(
            1157,
            1795168139077,
            "ice:address",
            "Where are you?",
            NOOR,
            referral=Referral(source_type="igme-source-link", extra=BIO_LINK),
        )
    ],
    "postback_template_button": [tapped(1131, 1795168123627, "agent:request", "Talk to us")],
    "reaction_react": [reaction("reaction:c15e564417fed60d9fd1815f72e58397", 1795168092727, "❤️")],
    "reaction_react_other": [reaction("reaction:40f54a4bf2d14e41766f23e6d39a92fc", 1795168100452, "🫖")],
    "reaction_unreact": [reaction("reaction:bb9c9c9ce74455e9142280bc0c830336", 1795168108177, None)],
    "referral_igme": [
        notice(
            "referral:c3256697f8cfcc15b94d8e28586c6549",
            1795168154527,
            "referral",
            "The person came through a link: bio-link.",
            BIO_LINK,
            opens_window=True,
        )
    ],
    "seen": [
        (
            f"read:{OUTBOUND}",
            ReceiptReceived(
                occurred_at=at(1795168146802),
                external_id=OUTBOUND,
                state="read",
                recipient=person(),
                watermark=True,
            ),
        )
    ],
    "standby_message": [wrote(1170, 1795168193152, Text(text="anyone?"), context={"standby": True})],
    "story_insights": [
        (
            "story_insights:543855c7bcc38cfef81f1cd1ee01bb58",
            AccountNotice(
                occurred_at=at(1795168259000),
                notice="story_insights",
                text="A story ended: impressions 444, reach 380, replies below 5.",
                data={
                    "media_id": "18020000555666777",
                    "impressions": 444,
                    "reach": 380,
                    "taps_forward": 21,
                    "taps_back": 9,
                    "exits": 30,
                    "replies": -1,
                },
            ),
        )
    ],
    "unknown_event": [
        (
            "event:f3693ac6e29abf64898ace2425c2a4a3",
            Unrecognised(
                occurred_at=at(1795168339824),
                what="brand_new_thing",
                reason="Events of this kind are not known here.",
            ),
        )
    ],
}
# Where they go, for those that do not go to ACCOUNT alone.
ACCOUNTS: dict[str, list[str | None]] = {
    "batch_two_accounts": [ACCOUNT, SECOND_ACCOUNT],
    "dashboard_test_message": [None],
}


def test_every_payload_has_a_row_and_every_row_a_payload() -> None:
    assert sorted([*ROWS, WRONG_OBJECT]) == NAMES
    assert len(NAMES) == 69


def test_the_readme_says_of_every_payload_what_it_is() -> None:
    told = re.findall(r"^\| `(\w+)\.json` \| \S", (PAYLOADS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == NAMES


@pytest.mark.parametrize("name", sorted(ROWS))
def test_what_each_payload_becomes(name: str) -> None:
    parsed = items(payload(name))
    assert [(item.key, item.event) for item in parsed] == ROWS[name]
    assert [item.index for item in parsed] == list(range(len(parsed)))
    ids = ACCOUNTS.get(name) or [ACCOUNT] * len(parsed)
    assert [item.account for item in parsed] == [AccountRef(external_id=id, or_parent=id is not None) for id in ids]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_items_survive_being_stored(name: str) -> None:
    for item in items(payload(name)):
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


@pytest.mark.parametrize("name", sorted(ROWS))
def test_keys_do_not_depend_on_the_bytes(name: str) -> None:
    """Another order of members, other white space, escaped characters."""
    again = json.dumps(json.loads(payload(name)), sort_keys=True, ensure_ascii=True, indent=7).encode()
    assert parse(again) == parse(payload(name))


def test_the_webhook_of_another_object_is_a_bad_payload() -> None:
    with pytest.raises(BadPayload, match="instagram"):
        parse(payload(WRONG_OBJECT))


def test_a_duplicate_inside_one_body_has_the_same_key() -> None:
    first, second = items(payload("batch_duplicate_message"))
    assert (first.key, first.event) == (second.key, second.event)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_redelivery_in_another_batch_has_the_same_keys(name: str) -> None:
    """Only the entry around an event differs then."""

    def later(body: dict[str, Any]) -> None:
        for entry in body["entry"]:
            if "messaging" in entry or "standby" in entry:
                entry["time"] += 3_600_000

    again = items(edited(name, later))
    assert [(item.key, item.event) for item in again] == ROWS[name]


def test_an_entry_may_name_the_linked_page_instead_of_the_account() -> None:
    """Then the events' own ids say who wrote, and the account is found by either id."""
    page = "104857600112233"

    def relabel(body: dict[str, Any]) -> None:
        body["entry"][0]["id"] = page

    for name in ("message_text", "echo_text_api", "message_self", "seen", "comment_changes", "message_edit"):
        (item,) = items(edited(name, relabel))
        assert item.account == AccountRef(external_id=page, or_parent=True)
        assert (item.key, item.event) == ROWS[name][0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"object":"page","entry":[]}',
        b'{"object":["instagram"],"entry":[]}',
        b'{"object":"instagram"}',
        b'{"object":"instagram","entry":{}}',
        b'{"object":"instagram","entry":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"object":"instagram","entry":["\\ud800"]}',
        b'{"object":"instagram","entry":[]} trailing',
    ],
    ids=range(13),
)
def test_what_is_no_webhook_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        parse(body)


def test_no_entries_are_no_items() -> None:
    assert parse(b'{"object":"instagram","entry":[]}') == ()


def test_one_post_with_a_thousand_messages_for_two_accounts_routes_each() -> None:
    def many(body: dict[str, Any]) -> None:
        first, second = body["entry"]
        body["entry"] = [json.loads(json.dumps(second if n % 3 else first)) for n in range(1000)]
        for n, entry in enumerate(body["entry"]):
            entry["messaging"][0]["message"]["mid"] = f"m{n}"
        body["entry"][417]["messaging"][0]["message"]["mid"] = {"not": "an id"}

    parsed = parse(edited("batch_two_accounts", many))
    assert len(parsed) == 1000
    assert [one.index for one in parsed if isinstance(one, Malformed)] == [417]
    routed = [(one.index, one.account.external_id) for one in parsed if isinstance(one, Item)]
    assert routed == [(n, SECOND_ACCOUNT if n % 3 else ACCOUNT) for n in range(1000) if n != 417]
