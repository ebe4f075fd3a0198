"""``POST /{account}/messages`` of pages and Instagram accounts: what is accepted, and what becomes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay_simulator.calls import Call, Reply, answer
from patchbay_simulator.errors import GraphError
from patchbay_simulator.files import File
from patchbay_simulator.management import APP_ID
from patchbay_simulator.messaging import body_parameters
from patchbay_simulator.page_contents import bad, listed, parsed
from patchbay_simulator.page_deliveries import PageDeliveries
from patchbay_simulator.page_sends import PageSend, SenderAction, read_page_send
from patchbay_simulator.pages import HUMAN_AGENT_S, PRIVATE_REPLY_S, Account, Comment, PageMessage, Thread
from patchbay_simulator.platform import Platform
from patchbay_simulator.shelf import Shelf

THROTTLES = frozenset({80002, 80006})  # their usage header says when calls are admitted again


class PageMessages:
    """Accepts sends, private replies and sender actions."""

    def __init__(self, platform: Platform, shelf: Shelf, deliveries: PageDeliveries) -> None:
        self._platform = platform
        self._pages = platform.pages
        self._shelf = shelf
        self._deliveries = deliveries

    def post(self, found: Sequence[Account], call: Call) -> Reply:
        """Accept a send from one of these accounts, the one that knows the person. Raises ``GraphError``."""
        recipient = call.fields.get("recipient")
        named = parsed(recipient, "recipient") if recipient else {}
        account = self._sender(found, named)
        request = read_page_send(account.channel, call.fields, uploaded=call.upload is not None)
        if isinstance(request, SenderAction):
            return self._act(account, request)
        self._admit(account)
        thread = self._addressed(account, request)
        self._check_template(account, request)
        shape = self._shape(account, request, call)
        now = self._platform.clock.now()
        message = PageMessage(self._platform.mint.mid(account.channel), thread, True, now, shape)
        self._pages.messages[message.mid] = message
        self._deliveries.follow(message, request, int(APP_ID))
        body: dict[str, Any] = {"message_id": message.mid}
        if request.target != "user_ref":
            body["recipient_id"] = thread.scoped_id
        if attachment_id := self._reusable(account, request, shape):
            body["attachment_id"] = attachment_id
        return answer(body, wamid=message.mid)

    def thread(self, found: Sequence[Account], scoped_id: str) -> Thread:
        """The thread of a person who is known by this id. Raises Graph's refusal of a stranger."""
        thread = self._pages.threads.get(scoped_id)
        if thread is not None and thread.account in found:
            return thread
        if thread is None and self._platform.config.unknown_recipients == "accept" and scoped_id.isdigit():
            return self._pages.adopt(found[0], scoped_id)
        if found[0].on_instagram:
            raise GraphError(100, subcode=2534014, message="(#100) The requested user cannot be found.")
        raise GraphError(100, subcode=2018001, message="(#100) No matching user found")

    def _sender(self, found: Sequence[Account], named: Mapping[str, Any]) -> Account:
        """Of a page and the Instagram account linked to it, the one that knows whom the send names."""
        thread = self._pages.threads.get(str(named.get("id", "")))
        comment = self._pages.comments.get(str(named.get("comment_id") or named.get("post_id") or ""))
        wanted = thread.account if thread else comment.thread.account if comment else None
        return wanted if wanted is not None and wanted in found else found[0]

    def _admit(self, account: Account) -> None:
        try:
            self._platform.admit({account.channel: account.id})
        except GraphError as error:
            if error.code in THROTTLES:
                minutes = math.ceil((error.retry_after_s or 60.0) / 60)
                usage = {"call_count": 100, "total_cputime": 10, "total_time": 10, "type": account.channel}
                usage["estimated_time_to_regain_access"] = minutes
                error.headers["X-Business-Use-Case-Usage"] = msgspec.json.encode({account.id: [usage]}).decode()
            raise

    def _act(self, account: Account, request: SenderAction) -> Reply:
        thread = self.thread([account], request.to)
        if request.action == "typing_on":
            self._pages.typing[thread.scoped_id] = self._platform.clock.now()
        elif request.action == "typing_off":
            self._pages.typing.pop(thread.scoped_id, None)
        elif request.action == "mark_seen":
            self._pages.seen[thread.scoped_id] = self._platform.clock.now()
        else:
            target = self._pages.messages.get(request.message_id)
            if target is None or target.thread is not thread:
                raise bad("Param payload[message_id] is not a message of this thread.")
            target.reaction = request.emoji or None
            self._deliveries.react(target, request.emoji)
            return answer({"recipient_id": thread.scoped_id, "message_id": target.mid})
        return answer({"recipient_id": thread.scoped_id})

    def _addressed(self, account: Account, request: PageSend) -> Thread:
        if request.target in ("comment_id", "post_id"):
            return self._commented(account, request)
        if request.target == "user_ref":
            known = self._pages.user_refs.get(request.to)
            if known is None or known.account is not account:
                raise GraphError(100, subcode=2018001, message="(#100) No matching user found")
            return known
        thread = self.thread([account], request.to)
        if thread.profile.blocking:
            raise GraphError(551, subcode=1545041)
        self._check_window(thread, request)
        return thread

    def _check_window(self, thread: Thread, request: PageSend) -> None:
        now = self._platform.clock.now()
        ends = thread.window_ends
        if request.tagged:
            ends = max(ends, (thread.last_word or -HUMAN_AGENT_S) + HUMAN_AGENT_S)
        if now >= ends and not request.utility and self._platform.config.window != "off":
            raise _closed(thread.account)

    def _commented(self, account: Account, request: PageSend) -> Thread:
        """Whom a private reply goes to: one for each comment, within 7 days."""
        comment: Comment | None = self._pages.comments.get(request.to)
        if comment is None or comment.thread.account is not account or request.target != f"{comment.kind}_id":
            if account.on_instagram:
                raise GraphError(100, subcode=2534014, message="(#100) The requested user cannot be found.")
            raise GraphError(100, subcode=33, message=f"(#100) Object with ID '{request.to}' does not exist.")
        if comment.answered:
            if account.on_instagram:
                raise GraphError(100, subcode=2534025, message="(#100) A reply to this comment was sent already.")
            raise GraphError(10900)
        if self._platform.clock.now() >= comment.at + PRIVATE_REPLY_S:
            raise _closed(account)
        comment.answered = True
        return comment.thread

    def _check_template(self, account: Account, request: PageSend) -> None:
        if not request.utility:
            return
        wanted = parsed(request.message["template"], "message[template]")
        language = parsed(wanted["language"], "message[template][language]")["code"]
        stored = self._platform.world.templates[account.id].values()
        found = next((t for t in stored if t["name"] == wanted["name"] and t["language"] == language), None)
        if found is None or found["status"] != "APPROVED":
            raise bad(f"Param message[template][name] {wanted['name']} is no approved template.")
        components = listed(wanted.get("components"), "message[template][components]")
        bodies = [component for component in components if str(component.get("type")).upper() == "BODY"]
        if sum(len(c.get("parameters") or ()) for c in bodies) != body_parameters(found):
            raise bad(f"Param message[template][components] does not fill the body of {wanted['name']}.")

    def _shape(self, account: Account, request: PageSend, call: Call) -> dict[str, Any]:
        """What the echo shows. Attachments are resolved to a URL there."""
        shape: dict[str, Any] = {}
        if request.unit == "text":
            shape["text"] = request.text
        elif request.unit == "sticker_id":
            sticker = {"url": f"{self._platform.base_url}/sticker.png", "sticker_id": request.message["sticker_id"]}
            shape["attachments"] = [{"type": "sticker", "payload": sticker}]
        elif request.unit == "template":
            shape["attachments"] = [{"type": "template", "payload": {"template_type": "utility", "text": request.text}}]
        else:
            shape["attachments"] = [self._resolved(account, each, call) for each in request.attachments]
        if request.reply_to is not None and request.reply_to in self._pages.messages:
            shape["reply_to"] = {"mid": request.reply_to}  # another mid is dropped, and the message sent
        return shape

    def _resolved(self, account: Account, attachment: Mapping[str, Any], call: Call) -> dict[str, Any]:
        kind, payload = str(attachment["type"]), parsed(attachment.get("payload") or {}, "payload")
        if kind == "like_heart":
            return {"type": kind}
        if call.upload is not None:
            file = File(call.upload.data, call.upload.mime_type, call.upload.filename)
            return {
                "type": kind,
                "payload": {"url": self._shelf.cdn_url(self._shelf.keep(account.id, file, inbound=False))},
            }
        if account.on_instagram and payload.get("template_type") in ("generic", "product"):
            inner = {key: value for key, value in payload.items() if key != "template_type"}
            return {"type": kind, "payload": {str(payload["template_type"]): inner}}
        if "attachment_id" not in payload:
            return {"type": kind, "payload": {key: value for key, value in payload.items() if key != "is_reusable"}}
        kept = self._pages.attachments.get(str(payload["attachment_id"]))
        if kept is None or kept.account_id != account.id or kept.ends_at <= self._platform.clock.now():
            raise bad("Cannot find the attachment.", 2018074)
        return {"type": kind, "payload": {"url": kept.url}}

    def _reusable(self, account: Account, request: PageSend, shape: Mapping[str, Any]) -> str | None:
        """A send with ``is_reusable`` also keeps its attachment."""
        if request.unit != "attachment":
            return None
        payload = parsed(request.attachments[0].get("payload") or {}, "payload")
        if payload.get("is_reusable") is not True or "attachment_id" in payload:
            return None
        (sent,) = shape["attachments"]
        return self._pages.keep_attachment(
            account, sent["type"], sent["payload"]["url"], self._platform.clock.now(), self._platform.mint.number(16)
        )


def _closed(account: Account) -> GraphError:
    """Outside the window. Sources: Messenger Platform and Instagram Messaging, Error codes."""
    said = "This message is sent outside of allowed window."
    subcode = 2534022 if account.on_instagram else 2018278
    return GraphError(10, subcode=subcode, message=f"(#10) {said}", http_status=400)
