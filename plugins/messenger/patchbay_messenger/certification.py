"""What Messenger is certified with: a page's webhooks, and the Send API as a function. Not loaded by a gateway. No IO.

Sources: Messenger Platform, Webhooks, Send API, Utility messages, Error codes; Pages API, Webhooks, "feed".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import SecretStr

from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Button, Header, Interactive, Native, Template, Text
from patchbay.model.message import DeliveryState
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import account, stored_file
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.messaging.certification import DEBUG_TOKEN, MARA, SECRET, MessagingSamples, Refusal, millis
from patchbay_meta.messaging.certification_contents import BUTTONS, FILE, IMAGES
from patchbay_meta.messaging.certification_sends import Rules

PAGE = "104857600112233"
OUR_APP, PAGE_INBOX = 990011223344556, 263902037430900
POST, COMMENT = f"{PAGE}_555", "555_77"
# Source: Messenger Platform, Webhooks, Page fields.
FIELDS = (
    *("messages", "message_deliveries", "message_echoes", "message_edits", "message_reactions", "message_reads"),
    *("messaging_handovers", "messaging_optins", "messaging_postbacks", "messaging_referrals", "standby", "feed"),
)
HALF_PAST = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)


def certification() -> ChannelSamples:
    """What ``patchbay plugins certify messenger`` runs the checks with."""
    return MessengerSamples()


class MessengerSamples(MessagingSamples):
    """Mara Voss and a page write to each other."""

    channel: MessengerChannel = MessengerChannel(
        MessengerSettings(app_secret=(SecretStr(SECRET),), verify_token=SecretStr(SECRET))
    )
    account: ChannelAccount = account("messenger", PAGE)
    states: ClassVar[tuple[DeliveryState, ...]] = ("delivered", "read")
    lacks: ClassVar[Mapping[str, str]] = {
        "failure": "Messenger says in its answer whether it takes a message, and nothing later",
        "receipt_reference": "reports name messages, or a moment",
        "delete": "Messenger tells nothing of a message that a person takes back",
        "file_gone": "the address is in the webhook, and nothing is asked",
    }
    object = "page"
    business = entry = node = PAGE
    mid = "m_Qf"
    rules = Rules(
        types=frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"}),
        members=frozenset({"text", "attachment", "attachments", "sticker_id", "template", "quick_replies", "metadata"}),
        attachments={},
        templates=frozenset({"button", "generic", "media", "product"}),
        text_limit=2000,
        size=len,
        images=30,
    )
    refusals: ClassVar[Mapping[Fault, Refusal]] = {
        "rate_limited": (400, 80006, None, "There have been too many calls to this Messenger account"),
        "token_expired": (400, 190, 463, "Error validating access token: session has expired"),
        "server_error": (500, 1200, None, "Temporary send message failure"),
        "window_closed": (400, 10, 2018278, "This message is sent outside of allowed window"),
        "unreachable": (400, 551, 1545041, "This person isn't available right now"),
    }

    # webhooks

    def receipt(self, id: str, state: DeliveryState, at: datetime, reference: str | None) -> bytes:
        """A delivery names the message; a reading only says until when."""
        named = {"delivery": {"mids": [id], "watermark": millis(at)}}
        return self.event(at, named) if state == "delivered" else self.watermark(state, at)

    def watermark(self, state: DeliveryState, up_to: datetime) -> bytes:
        return self.event(up_to, {"delivery" if state == "delivered" else "read": {"watermark": millis(up_to)}})

    def echo(self, id: str, text: str, at: datetime, reference: str | None) -> bytes:
        written = {"mid": id, "text": text, "is_echo": True, "app_id": PAGE_INBOX if reference is None else OUR_APP}
        noted = {} if reference is None else {"metadata": reference}
        return self.event(at, {"message": {**written, **noted}}, ours=True)

    def others(self) -> Mapping[str, bytes]:
        at = HALF_PAST
        files = [{"type": "image", "payload": {"url": f"https://cdn.example/{name}.jpg"}} for name in "ab"]
        place = {"type": "location", "payload": {"coordinates": {"lat": 50.1, "long": 8.6}}}
        sticker = {"type": "sticker", "payload": {"url": "https://cdn.example/s.png", "sticker_id": 7}}
        came = {"ref": "autumn", "ad_id": "120", "source": "ADS", "type": "OPEN_THREAD"}
        topic = {
            "type": "notification_messages",
            "payload": "topic",
            "title": "Tea",
            "notification_messages_token": "1",
        }
        cart = [{"id": "1", "retailer_id": "kettle", "unit_price": 19.9, "currency": "EUR", "quantity": 2}]
        approved = {"message_template_id": 7, "message_template_name": "order_update", "event": "APPROVED"}
        tapped = {"title": "Talk to us", "payload": "agent"}
        return {
            "two images": self.wrote(at, mid="m_images", attachments=files),
            "place": self.wrote(at, mid="m_place", attachments=[place]),
            "sticker": self.wrote(at, mid="m_sticker", attachments=[sticker]),
            "hologram": self.wrote(at, mid="m_hologram", attachments=[{"type": "hologram"}]),
            "quick reply": self.wrote(at, mid="m_quick", text="Yes", quick_reply={"payload": "yes"}),
            "reply": self.wrote(at, mid="m_reply", text="That one", reply_to={"mid": self.id(0)}),
            "first after an ad": self.wrote(at, mid="m_ad", text="I saw your ad", referral=came),
            "button": self.event(at, {"postback": {"mid": "m_button", **tapped}}),
            "button without mid": self.event(at, {"postback": tapped}),
            "back by an ad": self.event(at, {"referral": came}),
            "topic": self.event(at, {"optin": topic}),
            "cart": self.event(at, {"order": {"products": cart}}),
            "another app's": self.event(at, {"message": {"mid": "m_standby", "text": "Anyone?"}}, within="standby"),
            "hand-over": self.event(
                at, {"take_thread_control": {"previous_owner_app_id": "1", "new_owner_app_id": "2"}}
            ),
            "read until": self.watermark("read", at + timedelta(minutes=30)),
            "template": self.change(at, "message_template_status_update", **approved, message_template_language="en"),
            "comment": self._comment(0, "add", message="Price?"),
            "comment, edited": self._comment(5, "edited", message="Price, please?"),
            "comment, removed": self._comment(9, "remove"),
            "page blocked": self.event(at, {"policy-enforcement": {"action": "block", "reason": "Reported"}}),
        }

    def _comment(self, seconds: int, verb: str, **said: str) -> bytes:
        """What Mara did to her comment; ``created_time`` stays that of the first writing."""
        ids = {"post_id": POST, "comment_id": COMMENT, "parent_id": POST}
        written = {"item": "comment", "from": {"id": MARA}, "created_time": int(HALF_PAST.timestamp()), **ids}
        return self.change(HALF_PAST + timedelta(seconds=seconds), "feed", verb=verb, **written, **said)

    # sending

    def more_contents(self) -> Sequence[ContentSample]:
        above = Header(kind="image", media=FILE)
        return (
            ContentSample(Template(name="order_update", language="en", variables={"1": "Mara"})),
            ContentSample(Native(payload={"sticker_id": "369239263222822"}, text="\N{THUMBS UP SIGN}")),
            ContentSample(Native(payload=IMAGES, text="Two kettles")),
            ContentSample(
                Interactive(kind="buttons", header=above, buttons=BUTTONS[:3]), stored_file("image", "image/png")
            ),
        )

    def more_refused(self) -> Sequence[AnyContent]:
        return (
            Text(text="x" * 2000 * 21),
            Interactive(kind="quick_replies", body="x" * 2001, buttons=BUTTONS[:1]),
            Interactive(
                kind="buttons", header=Header(kind="document", media=FILE), buttons=(Button(id="1", title="1"),)
            ),
            Template(name="Order Update", language="en"),
            Template(name="order_update", language="en", variables={"2": "Mara"}),
        )

    def found(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        match path:
            case [page] if page == PAGE:
                return {"id": PAGE, "name": "The shop"}
            case [page, "message_templates"] if page == PAGE:
                row = {"id": "7", "name": "order_update", "language": "en", "status": "APPROVED", "category": "UTILITY"}
                return {"data": [row]}
            case [page, "subscribed_apps"] if page == PAGE:
                return self.subscribed(*FIELDS)
            case [person] if person == MARA:
                return {"id": MARA, "name": "Mara Voss", "first_name": "Mara", "last_name": "Voss"}
            case [token] if token == DEBUG_TOKEN:
                return self.about_token("pages_messaging", "pages_manage_metadata", "pages_read_engagement")
            case _:
                return None
