"""The fake Graph API for pages and Instagram accounts. No IO.

| call | answers |
|---|---|
| `POST /{account}/messages`, `/me/messages` | a send, a private reply, a sender action, a reaction |
| `POST /{account}/message_attachments` | keeps a file, or a URL, for 90 days |
| `GET /{account}`, `/me`; `GET /{person}`; `GET /{mid}` | fields of an account, a profile, a message |
| `GET`, `POST`, `DELETE /{page}/message_templates` | utility templates, as with WhatsApp's |
| `GET`, `POST`, `DELETE /{account}/subscribed_apps` | the subscription with its fields |
| `POST /{account}/pass_thread_control`, `take_thread_control` | who answers a thread |

An account is its own id or, for Instagram, that of the page it is linked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from patchbay_simulator.calls import Call, Reply, answer
from patchbay_simulator.errors import GraphError, unknown_object
from patchbay_simulator.files import File, make
from patchbay_simulator.management import APP_ID, Management
from patchbay_simulator.page_contents import bad, parsed
from patchbay_simulator.page_deliveries import PageDeliveries
from patchbay_simulator.page_fields import INSTAGRAM_FIELDS, PAGE_FIELDS, PROFILE_FIELDS
from patchbay_simulator.page_messages import PageMessages
from patchbay_simulator.page_sends import read_upload
from patchbay_simulator.pages import Account, PageMessage, Thread
from patchbay_simulator.platform import Platform
from patchbay_simulator.shelf import Shelf

_MB = 2**20
UPLOAD_LIMIT = 25 * _MB  # Messenger Platform, Saving assets; Instagram Messaging, Attachment upload
IMAGE_LIMIT = 8 * _MB
INSTAGRAM_FILES = frozenset({"application/pdf"})  # Instagram Messaging, Send messages, files


class PageGraph:
    """Answers calls. Raises ``GraphError`` for what Graph would refuse."""

    def __init__(self, platform: Platform, shelf: Shelf, management: Management) -> None:
        self._platform = platform
        self._pages = platform.pages
        self._shelf = shelf
        self._management = management
        self.deliveries = PageDeliveries(platform)
        self.messages = PageMessages(platform, shelf, self.deliveries)

    def knows(self, first: str) -> bool:
        """Whether the first part of a path is one of ours."""
        pages = self._pages
        return first == "me" or bool(pages.at(first)) or first in pages.threads or first in pages.messages

    def answer(self, call: Call) -> Reply:
        """Carry a call out. ``me`` is whom the token belongs to, else the first account that has what is asked for."""
        first, _, edge = call.path.partition("/")
        mine = self._pages.owners(call.token)
        found = self._pages.at(first) if first != "me" else mine or self._anybody(call)
        if not found:
            return self._node(first, call) if not edge else self._unknown(first, call)
        if mine and not any(account in mine for account in found):
            # Another host's token cannot even be parsed; another account's of the same host sees nothing.
            if mine[0].channel != found[0].channel:
                raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")
            raise unknown_object(first, call.method)
        found = [account for account in found if not mine or account in mine]
        return self._edge(found, first, edge, call)

    def _anybody(self, call: Call) -> list[Account]:
        """All accounts, for a token that is good for all; those of Instagram where only they have what is asked for."""
        accounts = list(self._pages.accounts.values())
        if "user_id" in call.query.get("fields", "").split(","):
            return [account for account in accounts if account.on_instagram]
        return accounts

    def _edge(self, found: list[Account], first: str, edge: str, call: Call) -> Reply:
        match (call.method, edge):
            case ("POST", "messages"):
                return self.messages.post(found, call)
            case ("POST", "message_attachments"):
                return self._upload(_for_platform(found, call), call)
            case ("GET", ""):
                return self._account(found, first, call)
            case ("GET" | "POST" | "DELETE", "message_templates") if not found[0].on_instagram:
                return self._management.templates(found[0].id, call)
            case ("GET" | "POST" | "DELETE", "subscribed_apps"):
                return self._subscription(found, first, call)
            case ("POST", "pass_thread_control" | "take_thread_control"):
                return self._hand_over(found, edge, call)
        return self._unknown(first, call)

    def _unknown(self, first: str, call: Call) -> Reply:
        raise unknown_object(first, call.method)

    def _account(self, found: list[Account], first: str, call: Call) -> Reply:
        linked = next((account for account in found if account.on_instagram), None)
        account = next((account for account in found if account.id == first), found[0])
        if first != "me" and account.id != first:  # a page that is known only by the Instagram account linked to it
            known: dict[str, Any] = {"name": account.spec.name}
        elif account.on_instagram:
            username = getattr(account.spec, "username", "")
            known = {"user_id": account.id, "username": username, "name": account.spec.name, "account_type": "BUSINESS"}
        else:
            known = {"name": account.spec.name, "link": f"https://www.facebook.com/{account.id}"}
        if linked is not None and linked.page_id:
            known["instagram_business_account"] = {"id": linked.id}
        allowed = {*known, "id", "instagram_business_account"}
        id_ = account.id if first == "me" else first
        return answer({**_chosen(known, call, allowed, default=("name",)), "id": id_})

    def _node(self, first: str, call: Call) -> Reply:
        if call.method == "GET" and first in self._pages.threads:
            return self._profile(self._visible(self._pages.threads[first], call), call)
        if call.method == "GET" and first in self._pages.messages:
            message = self._pages.messages[first]
            self._visible(message.thread, call)
            return self._message(message, call)
        return self._unknown(first, call)

    def _visible(self, thread: Thread, call: Call) -> Thread:
        """The thread, unless the token is another account's."""
        mine = self._pages.owners(call.token)
        if mine and thread.account not in mine:
            raise unknown_object(thread.scoped_id)
        return thread

    def _profile(self, thread: Thread, call: Call) -> Reply:
        """A profile: only of people who wrote or tapped. Source: Messenger Platform, User Profile API."""
        profile = thread.profile
        if not thread.consented or profile.blocking:
            if thread.account.on_instagram:
                raise GraphError(230, message="(#230) User consent is required to access user profile")
            raise unknown_object(thread.scoped_id)
        first, _, last = profile.spec.name.partition(" ")
        known: dict[str, Any] = {"name": profile.spec.name or None, "profile_pic": self._picture(thread)}
        if thread.account.on_instagram:
            follows = bool(getattr(profile.spec, "follows", False))
            known |= {"username": profile.username, "follower_count": 120, "is_verified_user": False}
            known |= {"is_user_follow_business": follows, "is_business_follow_user": False}
        else:
            known |= {"first_name": first, "last_name": last}
        allowed = {*PROFILE_FIELDS[thread.account.channel], "id"}
        default = (
            ("first_name", "last_name", "profile_pic") if not thread.account.on_instagram else ("name", "username")
        )
        return answer({**_chosen(known, call, allowed, default=default), "id": thread.scoped_id})

    def _picture(self, thread: Thread) -> str:
        stored = self._platform.world.media.get(thread.profile.picture or "")
        if stored is None:
            file = make("photo", int(thread.scoped_id) % 97)
            stored = self._shelf.keep(thread.account.id, file, inbound=True)
            thread.profile.picture = stored.id
        return self._shelf.cdn_url(stored)

    def _message(self, message: PageMessage, call: Call) -> Reply:
        if not getattr(message.thread.account.spec, "advanced_access", True):
            raise GraphError(3, message="(#3) Application does not have the capability to make this API call.")
        if message.shape.get("is_deleted"):
            raise GraphError(9000001, message="(#9000001) This message has been deleted by the user or the business.")
        ends = ({"id": message.thread.account.id}, {"id": message.thread.scoped_id})
        sender, recipient = ends if message.by_business else reversed(ends)
        known: dict[str, Any] = {
            "created_time": datetime.fromtimestamp(int(message.at), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "from": sender,
            "to": {"data": [recipient]},
            "message": str(message.shape.get("text", "")),
        }
        if media := [_read_media(each) for each in message.shape.get("attachments", []) if "payload" in each]:
            known["attachments"] = {"data": media}
        if message.shape.get("reply_to"):
            known["reply_to"] = message.shape["reply_to"]
        allowed = {*known, "id", "attachments", "shares", "story", "reactions", "reply_to", "is_unsupported"}
        return answer({**_chosen(known, call, allowed, default=("created_time",)), "id": message.mid})

    def _upload(self, account: Account, call: Call) -> Reply:
        attachment = read_upload(account.channel, call.fields, uploaded=call.upload is not None)
        kind = str(attachment["type"])
        if call.upload is None:
            url = attachment["payload"].get("url")
        else:
            size = len(call.upload.data)
            if size > (IMAGE_LIMIT if kind == "image" else UPLOAD_LIMIT) or not size:
                raise bad("The attachment is empty or larger than allowed.", 2018109)
            if account.on_instagram and kind == "file" and call.upload.mime_type not in INSTAGRAM_FILES:
                raise bad(f"Files of type {call.upload.mime_type} cannot be sent on Instagram.", 2018007)
            file = File(call.upload.data, call.upload.mime_type, call.upload.filename)
            url = self._shelf.cdn_url(self._shelf.keep(account.id, file, inbound=False))
        now, id_ = self._platform.clock.now(), self._platform.mint.number(16)
        return answer({"attachment_id": self._pages.keep_attachment(account, kind, url, now, id_)})

    def _subscription(self, found: list[Account], first: str, call: Call) -> Reply:
        if call.method == "GET":
            app: dict[str, Any] = {"id": APP_ID, "name": "Patchbay", "link": ""}
            fields = found[0].fields
            app["subscribed_fields"] = sorted(self._fields(found, first) if fields is None else fields)
            return answer({"data": [app] if found[0].subscribed else []})
        wanted: frozenset[str] | None = None
        if call.method == "POST":
            given = call.fields.get("subscribed_fields") or call.query.get("subscribed_fields") or ""
            names = given if isinstance(given, list) else str(given).split(",")
            wanted = frozenset(str(name).strip() for name in names if str(name).strip())
            if not wanted or wanted - self._fields(found, first):
                valid = ", ".join(sorted(self._fields(found, first)))
                raise bad(f"Param subscribed_fields[0] must be one of {{{valid}}}")
        for account in found:
            account.subscribed = wanted is not None
            account.fields = wanted
        return answer({"success": True})

    def _fields(self, found: list[Account], first: str) -> frozenset[str]:
        """Which names a path takes: a page's fields for a page, whatever it is linked to."""
        by_login = found[0].on_instagram and found[0].page_id != first
        return INSTAGRAM_FIELDS if by_login else PAGE_FIELDS

    def _hand_over(self, found: list[Account], edge: str, call: Call) -> Reply:
        """Give a thread to another app, or take it back. Whoever does so gets no webhook of it."""
        recipient = parsed(call.need("recipient"), "recipient")
        thread = self.messages.thread(found, str(recipient.get("id")))
        thread.owner = None
        if edge == "pass_thread_control":
            app_id = str(call.need("target_app_id"))
            if not app_id.isdigit():
                raise bad("Param target_app_id must be an application's id.")
            thread.owner = None if app_id == APP_ID else int(app_id)
        return answer({"success": True})


def _for_platform(found: list[Account], call: Call) -> Account:
    """Which account of a page an upload is for: ``platform=instagram`` says the linked one."""
    wanted = (call.query.get("platform") or call.fields.get("platform")) == "instagram"
    return next((account for account in found if account.on_instagram is wanted), found[0])


def _chosen(known: Mapping[str, Any], call: Call, allowed: set[str], *, default: tuple[str, ...]) -> dict[str, Any]:
    """The fields that were asked for. Raises ``GraphError`` for one that the object does not have."""
    wanted = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()] or default
    for name in wanted:
        if name not in allowed:
            raise bad(f"Tried accessing nonexisting field ({name})")
    return {name: known[name] for name in wanted if name in known}


def _read_media(attachment: Mapping[str, Any]) -> dict[str, Any]:
    """An attachment as reading a message shows it."""
    url = attachment["payload"].get("url")
    if attachment["type"] in ("image", "video"):
        return {f"{attachment['type']}_data": {"url": url}}
    return {"file_url": url}
