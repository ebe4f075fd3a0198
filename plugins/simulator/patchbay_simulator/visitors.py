"""Simulated people on Messenger and Instagram: they write, tap, react, comment, and get what the account sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchbay_simulator.correspondent import Correspondent
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.files import File
from patchbay_simulator.management import APP_ID
from patchbay_simulator.page_webhooks import (
    INSTAGRAM_INBOX,
    PAGE_INBOX,
    comment_change,
    from_person,
    reaction,
)
from patchbay_simulator.pages import Comment, PageMessage

_TYPE = {"photo": "image", "voice": "audio", "document": "file"}
_URL = re.compile(r"https?://\S+")
EDITS = 5  # Messenger Platform, message_edits: what the client allows


class Visitor(Correspondent):
    """One person. Every action emits its webhook at once and returns the id of the message, "" where it has none.

    ``account`` names the page or Instagram account, the first of the person's channel by default. ``of`` and ``to``
    name a message by its mid; by default the last one that fits.
    """

    actions = (
        "attach",
        "block",
        "come_online",
        "comment",
        "delete_comment",
        "echo",
        "edit",
        "edit_comment",
        "go_offline",
        "hand_back",
        "hand_over",
        "mention_story",
        "opt_in",
        "post",
        "postback",
        "react",
        "refer",
        "reply",
        "reply_to_story",
        "say",
        "send_heart",
        "send_sticker",
        "send_unsupported",
        "share_location",
        "share_post",
        "tap",
        "unreact",
        "unsend",
    )

    # Messages

    def say(
        self,
        text: str,
        *,
        account: str | None = None,
        to: str | None = None,
        referral: Mapping[str, Any] | None = None,
        user_ref: str | None = None,
    ) -> str:
        """Write a text. ``to`` makes it a reply, ``referral`` is an advertisement's or a link's; ``user_ref`` says that
        it is the one who ticked a checkbox under that name."""
        thread = self._thread(account)
        shape: dict[str, Any] = {"text": text}
        if self._on_messenger and (link := _URL.search(text)):  # a link's preview comes with the text
            shape["attachments"] = [{"type": "fallback", "payload": {"url": link[0], "title": link[0]}}]
        if referral:
            shape["referral"] = dict(referral)
        if user_ref is None:
            return self._write(thread, shape, to=to)
        if self._pages.user_refs.get(user_ref) is not thread:
            raise SimulationError(f"{self.id} never opted in as {user_ref}.")
        prior = {"prior_message": {"source": "checkbox_plugin", "identifier": user_ref}}
        return self._write(thread, shape, to=to, beside=prior)

    def reply(self, text: str, *, to: str | None = None) -> str:
        """Answer a message of the account, the last one by default."""
        last = self._last() if to is None else None
        return self.say(text, to=last.wamid if last else to, account=last.number_id if last else None)

    def attach(
        self,
        kind: str = "image",
        *,
        count: int = 1,
        file: File | None = None,
        account: str | None = None,
        to: str | None = None,
    ) -> str:
        """Send files under one mid: image, photo (PNG), audio, voice, video, document, made in code unless given. There
        is no caption: a text is a message of its own."""
        thread = self._thread(account)
        if kind == "sticker":
            raise SimulationError("Stickers are sent by send_sticker.")
        sent: list[dict[str, Any]] = []
        for _ in range(count):
            stored = self._shelf.keep(thread.account.id, file or self._file(kind), inbound=True)
            sent.append({"type": _TYPE.get(kind, kind), "payload": {"url": self._shelf.cdn_url(stored)}})
        return self._write(thread, {"attachments": sent}, to=to)

    def share_location(
        self, latitude: float = 38.7071, longitude: float = -9.1355, *, account: str | None = None
    ) -> str:
        """Send a place, as old Messenger clients do."""
        self._only("messenger", "send places")
        place = {"coordinates": {"lat": latitude, "long": longitude}}
        return self._attachment("location", place, account)

    def send_sticker(self, sticker_id: str = "369239263222822", *, account: str | None = None) -> str:
        """Send a sticker, the small thumbs-up by default: since 2026-08-30 it is no image any more."""
        self._only("messenger", "send stickers")
        stored = self._shelf.keep(self._thread(account).account.id, self._file("sticker"), inbound=True)
        return self._attachment("sticker", {"url": self._shelf.cdn_url(stored), "sticker_id": sticker_id}, account)

    def send_heart(self, *, account: str | None = None) -> str:
        """Send Instagram's heart, which has no payload."""
        self._only("instagram", "send hearts")
        return self._attachment("like_heart", None, account)

    def share_post(self, title: str = "Autumn kettles", *, account: str | None = None) -> str:
        """Share a post of the account."""
        self._only("instagram", "share posts")
        payload = {"ig_post_media_id": self._platform.mint.number(17), "title": title, "url": self._story(account)[1]}
        return self._attachment("ig_post", payload, account)

    def mention_story(self, *, account: str | None = None) -> str:
        """Mention the account in a story, whose media must not be kept."""
        self._only("instagram", "have stories")
        return self._attachment("story_mention", {"url": self._story(account)[1]}, account)

    def reply_to_story(self, text: str, *, account: str | None = None) -> str:
        """Answer a story of the account."""
        self._only("instagram", "answer stories")
        story_id, url = self._story(account)
        return self._write(self._thread(account), {"text": text, "reply_to": {"story": {"id": story_id, "url": url}}})

    def send_unsupported(self, *, account: str | None = None) -> str:
        """Send what the API does not carry: a poll, some stickers."""
        return self._write(self._thread(account), {"is_unsupported": True})

    def tap(self, choice: str = "", *, of: str | None = None) -> str:
        """Tap a quick reply or a button, by payload or title, the first one by default."""
        offered, found = self._offered(choice, of)
        thread = self._thread(offered.number_id)
        if found.kind == "quick_reply":
            return self._write(thread, {"text": found.title, "quick_reply": {"payload": found.id}})
        return self.postback(found.id, title=found.title, account=offered.number_id)

    def postback(
        self,
        payload: str = "GET_STARTED",
        *,
        title: str = "Get Started",
        referral: Mapping[str, Any] | None = None,
        account: str | None = None,
    ) -> str:
        """Tap a button, Get Started by default, an ice breaker or an item of the menu."""
        thread, now = self._thread(account), self._now()
        mid = self._platform.mint.mid(self.profile.channel)
        value = {"mid": mid, "title": title, "payload": payload, **({"referral": dict(referral)} if referral else {})}
        self._heard(thread, referral)
        self._platform.emit_message(thread, "messaging_postbacks", from_person(thread, now, "postback", value))
        return mid

    # What was said before

    def react(self, emoji: str = "❤️", *, to: str | None = None) -> str:
        """React to a message, the last one of the account by default; an empty emoji takes the reaction back."""
        target = self._message(to or self._last().wamid)
        thread, now = target.thread, self._now()
        if self._on_messenger:  # whether it opens Instagram's window is not known
            self._heard(thread)
        self._platform.emit_message(thread, "message_reactions", reaction(thread, now, target.mid, emoji))
        return ""

    def unreact(self, *, to: str | None = None) -> str:
        return self.react("", to=to)

    def edit(self, text: str, *, of: str | None = None) -> str:
        """Change a message. Raises ``SimulationError`` past the fifth time."""
        message = self._own(of)
        if message.edits >= EDITS:
            raise SimulationError(f"A message can be edited {EDITS} times.")
        message.edits += 1
        message.shape["text"] = text
        value = {"mid": message.mid, "text": text, "num_edit": message.edits}
        field = "message_edits" if self._on_messenger else "message_edit"
        self._platform.emit_message(
            message.thread, field, from_person(message.thread, self._now(), "message_edit", value)
        )
        return message.mid

    def unsend(self, *, of: str | None = None) -> str:
        """Take a message back. Messenger tells nobody."""
        self._only("instagram", "tell of messages that were taken back")
        message = self._own(of)
        message.shape = {"is_deleted": True}
        value = {"mid": message.mid, "is_deleted": True}
        self._platform.emit_message(
            message.thread, "messages", from_person(message.thread, self._now(), "message", value)
        )
        return message.mid

    # Beside messages

    def refer(self, ref: str = "qr-shelf-12", *, source: str = "SHORTLINK", account: str | None = None) -> str:
        """Come back to the thread by a link of the account."""
        thread, now = self._thread(account), self._now()
        value = {"ref": ref, "source": source if self._on_messenger else "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}
        self._heard(thread)
        field = "messaging_referrals" if self._on_messenger else "messaging_referral"
        self._platform.emit_message(thread, field, from_person(thread, now, "referral", value))
        return ""

    def opt_in(self, ref: str = "newsletter-form", *, user_ref: str | None = None, account: str | None = None) -> str:
        """Tap Send to Messenger, or tick a checkbox: then only ``user_ref`` is known of the person."""
        self._only("messenger", "opt in")
        thread, now = self._thread(account), self._now()
        value = {"ref": ref, **({"user_ref": user_ref} if user_ref else {})}
        event = from_person(thread, now, "optin", value)
        if user_ref is None:
            self._heard(thread)
        else:
            self._pages.user_refs[user_ref] = thread
            event.pop("sender")
        self._platform.emit_message(thread, "messaging_optins", event)
        return ""

    def comment(
        self,
        text: str,
        *,
        post: str | None = None,
        parent: str | None = None,
        photo: bool = False,
        account: str | None = None,
    ) -> str:
        """Comment on a post, a new one by default; ``parent`` is the comment that it answers. Opens no window."""
        thread = self._thread(account)
        answered = self._pages.comments.get(parent or "")
        if parent is not None and answered is None:
            raise SimulationError(f"There is no comment {parent}.")
        post_id = post or (answered.post_id if answered else self._post_id(thread.account))
        number = self._platform.mint.number(15)
        id_ = f"{post_id.rpartition('_')[2]}_{number}" if self._on_messenger else f"178{number}"
        picture = None
        if photo and self._on_messenger:
            picture = self._shelf.cdn_url(self._shelf.keep(thread.account.id, self._file("image"), inbound=True))
        return self._publish(Comment(id_, "comment", thread, post_id, parent, text, self._now()), photo=picture)

    def post(self, text: str, *, account: str | None = None) -> str:
        """Write on the page itself. Instagram has no such thing."""
        self._only("messenger", "post on pages")
        thread = self._thread(account)
        id_ = self._post_id(thread.account)
        return self._publish(Comment(id_, "post", thread, id_, None, text, self._now()))

    def edit_comment(self, text: str, *, of: str | None = None) -> str:
        """Change a comment. Instagram tells nobody."""
        self._only("messenger", "tell of changed comments")
        comment = self._commented(of)
        comment.text = text
        self._platform.emit_change(comment.thread, comment_change(comment, "edited"))
        return comment.id

    def delete_comment(self, *, of: str | None = None) -> str:
        """Remove a comment. Instagram tells nobody."""
        self._only("messenger", "tell of removed comments")
        comment = self._commented(of)
        self._pages.comments.pop(comment.id)
        self._platform.emit_change(comment.thread, comment_change(comment, "remove"))
        return comment.id

    def echo(self, text: str, *, account: str | None = None) -> str:
        """The account writes to this person from the Page Inbox or the Instagram app."""
        thread, now = self._thread(account), self._now()
        message = PageMessage(self._platform.mint.mid(self.profile.channel), thread, True, now, {"text": text})
        self._pages.messages[message.mid] = message
        self._deliveries.tell(message, PAGE_INBOX if self._on_messenger else INSTAGRAM_INBOX)
        self._hear(self._got_text(message, "text", text))
        return message.mid

    def hand_over(self, *, account: str | None = None) -> str:
        """The inbox takes the thread: the app is told, and gets copies from then on."""
        thread = self._thread(account)
        thread.owner = PAGE_INBOX if self._on_messenger else INSTAGRAM_INBOX
        self._routed(thread, "take_thread_control", APP_ID, str(thread.owner))
        return ""

    def hand_back(self, *, account: str | None = None) -> str:
        """The inbox gives the thread back to the app."""
        thread = self._thread(account)
        before = str(thread.owner or "")
        thread.owner = None
        self._routed(thread, "pass_thread_control", before, APP_ID)
        return ""

    def block(self, *, unblock: bool = False) -> str:
        """Be out of the accounts' reach for good, or no longer."""
        self.profile.blocking = not unblock
        return ""

    def go_offline(self) -> str:
        """Be out of reach: what is sent waits."""
        self._deliveries.offline.add(self.id)
        return ""

    def come_online(self) -> str:
        """Get what waited."""
        self._deliveries.come_online(self.id)
        return ""
