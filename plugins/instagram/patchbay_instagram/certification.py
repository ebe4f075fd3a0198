"""What Instagram is certified with: its webhooks, and the Send API as a function. Not loaded by a gateway. No IO.

Sources: Instagram Platform, Webhooks, Send messages, Attachment upload, Error codes; the same with Facebook login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import SecretStr

from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Interactive, Native, Text
from patchbay.model.message import DeliveryState
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import account
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from patchbay_meta.messaging.certification import DEBUG_TOKEN, MARA, SECRET, MessagingSamples, Refusal
from patchbay_meta.messaging.certification_contents import BUTTONS, IMAGES
from patchbay_meta.messaging.certification_sends import Rules

ACCOUNT, PAGE = "17841400099887766", "104857600112233"
# Sources: Instagram Platform, Webhooks, fields; Refresh access token.
FIELDS = ("messages", "message_reactions", "messaging_postbacks", "messaging_seen", "messaging_referral", "comments")
RENEWAL = "refresh_access_token?grant_type=ig_refresh_token&access_token={token}"
HALF_PAST = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


def certification() -> ChannelSamples:
    """What ``patchbay plugins certify instagram`` runs the checks with."""
    return InstagramSamples()


def _size(text: str) -> int:
    return len(text.encode())


class InstagramSamples(MessagingSamples):
    """Mara Voss and a professional account, connected by Instagram login, write to each other."""

    channel: InstagramChannel = InstagramChannel(
        InstagramSettings(app_secret=(SecretStr(SECRET),), verify_token=SecretStr(SECRET))
    )
    account: ChannelAccount = account("instagram", ACCOUNT, login="instagram")
    states: ClassVar[tuple[DeliveryState, ...]] = ("read",)
    lacks: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("interactive product", "interactive product_list"), "a catalogue is its linked page's"),
        "nameless": "by the Send API's word nothing was sent then, and no echo could tell",
        "failure": "Instagram says in its answer whether it takes a message, and nothing later",
        "receipt_reference": "that a message was seen is told by its id",
        "echo_reference": "a send takes no reference",
        "watermark": "that messages were seen is told by the id of the last one, not by a moment",
        "file_gone": "the address is in the webhook, and nothing is asked",
    }
    object = "instagram"
    business = entry = node = ACCOUNT
    mid = "aWdfZAG1f"
    rules = Rules(
        types=frozenset({"RESPONSE", "MESSAGE_TAG"}),
        members=frozenset({"text", "attachment", "attachments", "quick_replies"}),
        attachments={"like_heart": (), "MEDIA_SHARE": ("id",)},
        templates=frozenset({"button", "generic", "product"}),
        text_limit=1000,
        size=_size,
        images=10,
    )
    refusals: ClassVar[Mapping[Fault, Refusal]] = {
        "rate_limited": (400, 80002, None, "There have been too many calls to this Instagram account"),
        "token_expired": (400, 190, 463, "Error validating access token: session has expired"),
        "server_error": (500, 2, None, "Service temporarily unavailable"),
        "window_closed": (400, 10, 2534022, "This message is sent outside of allowed window"),
        "unreachable": (400, 100, 2534014, "The requested user cannot be found"),
    }

    # webhooks

    def receipt(self, id: str, state: DeliveryState, at: datetime, reference: str | None) -> bytes:
        return self.event(at, {"read": {"mid": id}})

    def echo(self, id: str, text: str, at: datetime, reference: str | None) -> bytes:
        return self.event(at, {"message": {"mid": id, "text": text, "is_echo": True}}, ours=True)

    def delete(self, id: str, target: str, at: datetime) -> bytes:
        return self.wrote(at, mid=target, is_deleted=True)

    def others(self) -> Mapping[str, bytes]:
        at = HALF_PAST
        files = [{"type": "image", "payload": {"url": f"https://cdn.example/{name}.jpg"}} for name in "ab"]
        mention = {"type": "story_mention", "payload": {"url": "https://cdn.example/story"}}
        post = {"type": "ig_post", "payload": {"url": "https://cdn.example/post", "ig_post_media_id": "1"}}
        story = {"story": {"id": "18", "url": "https://cdn.example/18"}}
        came = {"ref": "autumn", "ad_id": "120", "source": "ADS", "type": "OPEN_THREAD"}
        tapped = {"title": "Talk to us", "payload": "agent"}
        media = {"id": "18139", "media_product_type": "FEED"}
        gone = {"mid": "aWdfGone", "is_echo": True, "is_deleted": True}
        by = {"id": MARA, "username": "mara.voss"}
        return {
            "two images": self.wrote(at, mid="aWdfImages", attachments=files),
            "story mention": self.wrote(at, mid="aWdfMention", attachments=[mention]),
            "story reply": self.wrote(at, mid="aWdfStory", text="Lovely", reply_to=story),
            "shared post": self.wrote(at, mid="aWdfPost", attachments=[post]),
            "heart": self.wrote(at, mid="aWdfHeart", attachments=[{"type": "like_heart"}]),
            "view once": self.wrote(at, mid="aWdfOnce", attachments=[{"type": "ephemeral"}]),
            "hologram": self.wrote(at, mid="aWdfHologram", attachments=[{"type": "hologram"}]),
            "unsupported": self.wrote(at, mid="aWdfPoll", is_unsupported=True),
            "withheld": self.event(at, {"message_edit": {"mid": "aWdfWithheld", "num_edit": 0}}),
            "quick reply": self.wrote(at, mid="aWdfQuick", text="Yes", quick_reply={"payload": "yes"}),
            "reply": self.wrote(at, mid="aWdfReply", text="That one", reply_to={"mid": self.id(0)}),
            "first after an ad": self.wrote(at, mid="aWdfAd", text="I saw your ad", referral=came),
            "button": self.event(at, {"postback": {"mid": "aWdfButton", **tapped}}),
            "back by a link": self.event(at, {"referral": {"ref": "bio", "source": "IGME-SOURCE-LINK"}}),
            "another app's": self.event(at, {"message": {"mid": "aWdfStandby", "text": "Anyone?"}}, within="standby"),
            "hand-over": self.event(
                at, {"take_thread_control": {"previous_owner_app_id": "1", "new_owner_app_id": "2"}}
            ),
            "written elsewhere": self.event(
                at, {"message": {"mid": "aWdfGone", "is_echo": True, "text": "Oh"}}, ours=True
            ),
            "and taken back": self.event(at, {"message": gone}, ours=True),
            "comment": self.change(at, "comments", **{"from": by}, id="1788", media=media, text="Price?"),
            "comment below": self.change(
                at, "comments", **{"from": by}, id="1789", parent_id="1788", media=media, text="Please?"
            ),
            "live comment": self.change(at, "live_comments", **{"from": by}, id="1790", media=media, text="Hello"),
            "mention": self.change(at, "mentions", media_id="18139", comment_id="1791"),
            "story ended": self.change(at, "story_insights", media_id="18", reach=380, replies=-1),
        }

    # sending

    def more_contents(self) -> Sequence[ContentSample]:
        heart = {"attachment": {"type": "like_heart"}}
        post = {"attachment": {"type": "MEDIA_SHARE", "payload": {"id": "17850000111222333"}}}
        return (
            ContentSample(Native(payload=heart, text="\N{HEAVY BLACK HEART}")),
            ContentSample(Native(payload=post, text="Our post")),
            ContentSample(Native(payload=IMAGES, text="Two kettles")),
        )

    def more_refused(self) -> Sequence[AnyContent]:
        return (
            Text(text="x" * 1000 * 21),
            Interactive(kind="quick_replies", body="\N{TEAPOT}" * 251, buttons=BUTTONS[:1]),  # 1004 bytes
        )

    def found(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        match path:
            case ["me"]:
                return {"id": "1", "user_id": ACCOUNT, "username": "the.shop", "name": "The shop"}
            case [account, "subscribed_apps"] if account == ACCOUNT:
                return self.subscribed(*FIELDS)
            case ["https:", "", "graph.instagram.com", renewal] if renewal == RENEWAL:
                return {"access_token": "IGAAnew", "token_type": "bearer", "expires_in": 5_184_000}
            case _:
                return self.conversation(path)

    def conversation(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        """What is told of a person and of a message. Source: Instagram Platform, User profile, Conversations API."""
        match path:
            case [person] if person == MARA:
                return {"id": MARA, "name": "Mara Voss", "username": "mara.voss"}
            case ["aWdfWithheld"]:
                sides = {"from": {"id": MARA, "username": "mara.voss"}, "to": {"data": [{"id": ACCOUNT}]}}
                return {"id": path[0], "created_time": "2026-11-22T12:00:30+0000", **sides, "message": "Is it open?"}
            case _:
                return None


class LinkedPageSamples(InstagramSamples):
    """The same account, connected by the page that it is linked to: entries may go by the page's id, and it sends."""

    account: ChannelAccount = account("instagram", ACCOUNT, PAGE, login="page")
    entry = node = PAGE
    upload_form: ClassVar[Mapping[str, str]] = {"platform": "instagram"}
    lacks: ClassVar[Mapping[str, str]] = {
        name: reason for name, reason in InstagramSamples.lacks.items() if not name.startswith("interactive")
    }

    def found(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        match path:
            case [account] if account == ACCOUNT:
                return {"id": ACCOUNT, "username": "the.shop", "name": "The shop"}
            case [page, "subscribed_apps"] if page == PAGE:
                return self.subscribed("messages")
            case [token] if token == DEBUG_TOKEN:
                return self.about_token("instagram_basic", "instagram_manage_messages", "pages_manage_metadata")
            case _:
                return self.conversation(path)
