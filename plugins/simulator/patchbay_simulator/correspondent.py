"""A simulated person's side of their threads on Messenger and Instagram: what arrives, and how a message leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay_simulator.errors import SimulationError
from patchbay_simulator.inbox import Inbox, Received
from patchbay_simulator.page_deliveries import PageDeliveries
from patchbay_simulator.page_sends import PageSend
from patchbay_simulator.page_webhooks import comment_change, from_person
from patchbay_simulator.pages import Account, Comment, PageMessage, Profile, Thread
from patchbay_simulator.platform import Platform
from patchbay_simulator.shelf import Shelf


class Correspondent(Inbox):
    """One person with their threads, one for each account."""

    def __init__(self, platform: Platform, shelf: Shelf, deliveries: PageDeliveries, profile: Profile) -> None:
        super().__init__()
        self._platform = platform
        self._pages = platform.pages
        self._shelf = shelf
        self._deliveries = deliveries
        self.profile = profile
        deliveries.silent.discard(self.id)
        if not profile.spec.reads:
            deliveries.silent.add(self.id)
        if not profile.spec.online:
            deliveries.offline.add(self.id)

    @property
    def id(self) -> str:
        return self.profile.id

    def scoped_id(self, account: str | None = None) -> str:
        """The PSID or IGSID by which an account knows this person."""
        return self._thread(account).scoped_id

    def scoped_ids(self) -> dict[str, str]:
        """All of them, by account."""
        same = (account for account in self._pages.accounts.values() if account.channel == self.profile.channel)
        return {account.id: self.scoped_id(account.id) for account in same}

    # What arrives

    def receive(self, message: PageMessage, send: PageSend) -> None:
        """A message of the account arrived."""
        self._hear(
            Received(
                wamid=message.mid,
                number_id=message.thread.account.id,
                type=send.type,
                text=send.text,
                content=dict(send.message),
                at=self._now(),
                reply_to=message.shape.get("reply_to", {}).get("mid"),
                choices=send.choices,
            )
        )

    def receive_reaction(self, target: PageMessage, emoji: str) -> None:
        """The account reacted to a message, or took that back."""
        self._hear(self._got_text(target, "reaction", emoji))

    def _got_text(self, message: PageMessage, kind: str, text: str) -> Received:
        account = message.thread.account.id
        return Received(
            wamid=message.mid, number_id=account, type=kind, text=text, content={"text": text}, at=self._now()
        )

    # How it leaves

    def _write(
        self,
        thread: Thread,
        shape: dict[str, Any],
        *,
        to: str | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> str:
        now = self._now()
        if to is not None:
            quoted = self._pages.messages.get(to)
            own = {"is_self_reply": quoted is not None and not quoted.by_business} if self._on_messenger else {}
            shape["reply_to"] = {"mid": to, **own}
        message = PageMessage(self._platform.mint.mid(self.profile.channel), thread, False, now, shape)
        self._pages.messages[message.mid] = message
        self._heard(thread, shape.get("referral"))
        self.said.append(message.mid)
        if getattr(thread.account.spec, "advanced_access", True):
            event = from_person(thread, now, "message", {"mid": message.mid, **shape})
            self._platform.emit_message(thread, "messages", {**event, **(beside or {})})
        else:
            event = from_person(thread, now, "message_edit", {"mid": message.mid, "num_edit": 0})
            self._platform.emit_message(thread, "message_edit", event)
        return message.mid

    def _attachment(self, kind: str, payload: Mapping[str, Any] | None, account: str | None) -> str:
        attachment = {"type": kind, **({"payload": dict(payload)} if payload is not None else {})}
        return self._write(self._thread(account), {"attachments": [attachment]})

    def _publish(self, comment: Comment, *, photo: str | None = None) -> str:
        self._pages.comments[comment.id] = comment
        self._platform.emit_change(comment.thread, comment_change(comment, "add", photo=photo))
        return comment.id

    def _routed(self, thread: Thread, event: str, before: str, after: str) -> None:
        value = {"previous_owner_app_id": before or None, "new_owner_app_id": after, "metadata": ""}
        field = "messaging_handovers" if self._on_messenger else "messaging_handover"
        self._platform.emit_message(thread, field, from_person(thread, self._now(), event, value))

    def _heard(self, thread: Thread, referral: Mapping[str, Any] | None = None) -> None:
        self._pages.heard(thread, self._now(), from_ad=(referral or {}).get("source") == "ADS")

    def _story(self, account: str | None) -> tuple[str, str]:
        """A story or a post: its id and a URL that ends."""
        stored = self._shelf.keep(self._thread(account).account.id, self._file("image"), inbound=True)
        return self._platform.mint.number(17), self._shelf.cdn_url(stored)

    def _post_id(self, account: Account) -> str:
        number = self._platform.mint.number(15)
        return f"{account.id}_{number}" if self._on_messenger else f"18{number}"

    @property
    def _on_messenger(self) -> bool:
        return self.profile.channel == "messenger"

    def _only(self, channel: str, what: str) -> None:
        if self.profile.channel != channel:
            raise SimulationError(f"{self.id} is on {self.profile.channel.title()}, where one does not {what}.")

    def _thread(self, account: str | None) -> Thread:
        return self._pages.thread(self._pages.account(self.profile.channel, account), self.profile)

    def _message(self, mid: str) -> PageMessage:
        found = self._pages.messages.get(mid)
        if found is None or found.thread.profile is not self.profile:
            raise SimulationError(f"{self.id} knows no message {mid}.")
        return found

    def _own(self, mid: str | None) -> PageMessage:
        wanted = mid or (self.said[-1] if self.said else "")
        found = self._message(wanted)
        if found.by_business:
            raise SimulationError(f"{self.id} wrote no message {wanted}.")
        return found

    def _commented(self, id_: str | None) -> Comment:
        own = [comment for comment in self._pages.comments.values() if comment.thread.profile is self.profile]
        found = next((comment for comment in reversed(own) if id_ in (None, comment.id)), None)
        if found is None:
            raise SimulationError(f"{self.id} wrote no comment {id_ or 'yet'}.")
        return found

    def _now(self) -> float:
        return self._platform.clock.now()
