"""A channel without ornament, its provider on a real socket, and the parts of a gateway between the two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from aiohttp import web
from pydantic import BaseModel

from patchbay.bus.local import LocalBus
from patchbay.channel import (
    CLOSED,
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    Channel,
    ConfiguredAccount,
    Draft,
    FilePart,
    Flow,
    HandshakeAnswer,
    IdentityKey,
    InboundEvent,
    Item,
    Malformed,
    MediaSource,
    MessageReceived,
    Outgoing,
    Person,
    Recipient,
    SendFlow,
    SendReceipt,
    SignedRequest,
    UploadedMedia,
)
from patchbay.collections import ACCOUNTS, CONVERSATIONS, CORE_COLLECTIONS, MEDIA, MESSAGES, OUTBOX
from patchbay.delivery.context import DeliveryContext
from patchbay.delivery.providers import Providers
from patchbay.delivery.runner import Runner
from patchbay.delivery.worker import DeliveryWorker
from patchbay.errors import AccountBroken, BadPayload, BadSignature, MediaRefused, Rejected, Throttled, Unavailable
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.outbox_ids import entry_id
from patchbay.inbox.sending import send_message
from patchbay.ingest.directory import AccountDirectory
from patchbay.media.disk import DiskMediaStore
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text, media_of
from patchbay.model.conversation import Conversation, Window
from patchbay.model.ids import account_id
from patchbay.model.media import Media
from patchbay.model.message import Actor, Message
from patchbay.model.outbox import OutboxEntry
from patchbay.outgoing import Policy
from patchbay.ports import Clock
from patchbay.secrets import SecretKey, Vault
from patchbay.service import Inbox
from patchbay.settings import DeliverySettings
from patchbay.storage.sqlite import SqliteStore
from patchbay.system import SystemClock, SystemIds

T = TypeVar("T")
ANN = Actor(type="agent", id="ann")
QUICK = {"base_delay_s": 0.02, "max_delay_s": 0.1, "unknown_hold_s": 0.2, "total_timeout_s": 2.0}
_decode_event = msgspec.json.Decoder(InboundEvent).decode
BESIDE_US = (ip_network("127.0.0.0/8"), ip_network("::1/128"))  # where a test's other hosts are


CARRIES = Capabilities(
    contents=frozenset({"text", "image"}),
    reactions=True,
    replies=True,
    typing=True,
    read_receipts=True,
    templates=True,
    starts_with=frozenset({"phone"}),
)


class NoSettings(BaseModel):
    pass


@dataclass
class PlainPost(BaseChannel):
    """Text in, text out; ``|`` in a text cuts it into parts. ``base`` is where its provider listens."""

    base: str = ""
    media_host: str | None = None

    name: ClassVar[str] = "plain"
    title: ClassVar[str] = "Plain post"
    account_settings: ClassVar[type[BaseModel]] = NoSettings
    credential_names: ClassVar[tuple[str, ...]] = ("access_token",)
    capabilities: Capabilities = CARRIES

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        return HandshakeAnswer(query.get("challenge"))

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        if request.headers.get("x-signature") != "good":
            raise BadSignature("bad")

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        if body == b"unreadable":
            raise BadPayload("not mine")
        if body == b"bug":
            raise ZeroDivisionError
        items: list[Item | Malformed] = []
        for index, each in enumerate(msgspec.json.decode(body)):
            if each is None:
                items.append(Malformed(index=index, key=f"odd {index}", error="an odd item"))
            else:
                items.append(msgspec.convert(each, Item))
        return items

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        return

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        return Window(kind="service", opened_by=message_id, expires_at=event.occurred_at + timedelta(hours=24))

    def closes_at(self, draft: Draft) -> datetime | None:
        return draft.recipient.window.expires_at or CLOSED if isinstance(draft.content, Text) else None

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        return [Text(text=part) for part in content.text.split("|")] if isinstance(content, Text) else [content]

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        uploaded = None
        media = message.provider_media_id
        if media_of(message.content) is not None and media is None and message.media is not None:
            file = FilePart("file", message.media, "a.png", "image/png")
            answer = checked((yield ApiRequest("POST", "/upload", file=file, form={"kind": "image"})))
            media = str(answer.body["id"])
            uploaded = UploadedMedia(message.media.id, media, timedelta(days=30))
        text = message.content.text if isinstance(message.content, Text) else ""
        if text == "bug":
            raise KeyError("a bug of the channel")
        body = {
            "to": message.recipient.identities[0].value,
            "text": text,
            "media": media,
            "reply_to": message.reply_to,
            "reference": message.reference,
        }
        answer = checked((yield ApiRequest("POST", "/messages", json=body, effect=True)))
        if text == "late bug":
            raise KeyError("a bug of the channel")
        return SendReceipt(external_id=str(answer.body["id"]), response=answer.body, uploaded=uploaded)

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        body = {"to": recipient.identities[0].value, "reaction": emoji, "target": target}
        answer = checked((yield ApiRequest("POST", "/messages", json=body, effect=True)))
        return SendReceipt(external_id=str(answer.body["id"]))

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        checked((yield ApiRequest("POST", "/messages", json={"read": external_id})))

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        checked((yield ApiRequest("POST", "/messages", json={"typing": last_inbound})))

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        answer = checked((yield ApiRequest("GET", f"/media/{media.provider.media_id}")))
        if answer.body.get("gone"):
            raise MediaRefused("gone")
        if answer.body.get("bug"):
            raise ZeroDivisionError
        known: dict[str, Any] = {name: answer.body.get(name) for name in ("mime_type", "size", "sha256", "only")}
        url = str(answer.body["url"])
        return MediaSource(url=url, authorise=url.startswith(self.base), **{**known, "only": bool(known["only"])})

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        answer = checked((yield ApiRequest("GET", "/templates")))
        return list(answer.body["data"])

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        return checked((yield ApiRequest("GET", "/me"))).body

    def base_url(self, account: ChannelAccount) -> str:
        return self.base

    def token(self, credentials: Mapping[str, str]) -> str | None:
        return credentials.get("access_token")

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        return ()

    def gaps(self) -> Sequence[str]:
        return ()


def checked(response: ApiResponse) -> ApiResponse:
    """The answer, or the error that its status means."""
    after = response.headers.get("retry-after")
    retry_after_s = float(after) if after else None
    match response.status:
        case 200:
            return response
        case 401:
            raise AccountBroken("the token is old", provider_code="190")
        case 429:
            raise Throttled("slow down", scope=response.body.get("scope", "recipient"), retry_after_s=retry_after_s)
        case 500 | 503:
            raise Unavailable("not now", retry_after_s=retry_after_s, limit=response.body.get("limit"))
        case status:
            raise Rejected(f"no: {status}")


Behaviour = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse | None]]


@dataclass
class Provider:
    """Takes messages over HTTP. ``script`` holds what to do instead of taking the next ones, by text or for all."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    script: dict[str, list[Behaviour]] = field(default_factory=dict)
    valid_token: str | None = None
    uploads: list[bytes] = field(default_factory=list)
    files: dict[str, Behaviour] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    base: str = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Provider]:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/messages", self._message)
        app.router.add_post("/upload", self._upload)
        app.router.add_get("/{tail:.*}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def texts(self) -> list[str]:
        return [body["text"] for body in self.taken if "text" in body]

    async def _message(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        self.asked.append(str(body.get("text")))
        self.tokens.append(request.headers.get("Authorization"))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.valid_token is not None and request.headers.get("Authorization") != f"Bearer {self.valid_token}":
                return web.json_response({"error": "token"}, status=401)
            for waiting in (self.script.get(str(body.get("text"))), self.script.get("*")):
                if waiting:
                    instead = await waiting.pop(0)(request, body)
                    if instead is not None:
                        return instead
            return self.take(body)
        finally:
            self.at_once -= 1

    def take(self, body: dict[str, Any]) -> web.Response:
        self.taken.append(body)
        return web.json_response({"id": f"out.{len(self.taken)}"})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.uploads.append(file.file.read())
        return web.json_response({"id": f"upload.{len(self.uploads)}"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.tokens.append(request.headers.get("Authorization"))
        found = await self.files[request.path](request, {})
        assert found is not None
        return found


def answer(status: int, body: dict[str, Any] | None = None, **headers: str) -> Behaviour:
    """Refuse with this."""

    async def behave(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": "scripted", **(body or {})}, status=status, headers=named)

    return behave


async def reset(request: web.Request, _: dict[str, Any]) -> None:
    """Hang up without an answer."""
    assert request.transport is not None
    request.transport.abort()


@dataclass
class Stage:
    """The parts of one gateway around a store in a folder."""

    folder: Path
    provider: Provider
    channel: PlainPost
    clock: Clock
    inbox: Inbox
    directory: AccountDirectory
    media: DiskMediaStore
    runner: Runner
    vault: Vault
    settings: DeliverySettings
    workers: list[tuple[DeliveryWorker, asyncio.Task[None]]] = field(default_factory=list)

    @property
    def channels(self) -> dict[str, Any]:
        return {"plain": self.channel}

    async def account(self, external_id: str = "1", **more: Any) -> ChannelAccount:
        """A connected account."""
        id = account_id("plain", external_id)
        now = self.clock.now()
        account = ChannelAccount(
            id=id,
            created_at=now,
            updated_at=now,
            channel="plain",
            name=f"Account {external_id}",
            external_id=external_id,
            credentials=self.vault.seal({"access_token": "token-1"}, id),
            **more,
        )
        return await self.inbox.run(lambda uow: uow.add(ACCOUNTS, account))

    def arrival(self, account: ChannelAccount) -> Arrival:
        return Arrival(account, self.channel)

    async def writes(self, account: ChannelAccount, person: int = 1, number: int = 1) -> Conversation:
        """A person writes, which opens the window; their conversation."""
        event = written(person, number, self.clock)

        def apply(uow: Any) -> str:
            applied = apply_event(uow, self.arrival(account), event)
            message = uow.need(MESSAGES, applied.ref or "")
            return str(message.conversation_id)

        id = await self.inbox.run(apply)
        found = await self.inbox.get(CONVERSATIONS, id)
        assert found is not None
        return found

    async def send(self, conversation: Conversation, text: str = "Hi", **more: Any) -> Message:
        return await self.inbox.run(
            lambda uow: send_message(
                uow,
                self.channels,
                conversation.id,
                more.get("content") or Text(text=text),
                author=ANN,
                reply_to=more.get("reply_to"),
            )
        )

    def context(self, owner: str, channels: Mapping[str, Channel] | None = None) -> DeliveryContext:
        return DeliveryContext(self.inbox, self.providers(channels), self.settings, owner)

    def providers(self, channels: Mapping[str, Channel] | None = None) -> Providers:
        return Providers(self.channels if channels is None else channels, self.directory, self.runner)

    def worker(
        self, *, owner: str = "gw", alone: bool = False, channels: Mapping[str, Channel] | None = None
    ) -> DeliveryWorker:
        """A worker that runs."""
        worker = DeliveryWorker(self.context(owner, channels), alone=alone)
        self.inbox.watch(OUTBOX, worker.entry_committed)
        self.inbox.watch(ACCOUNTS, worker.account_committed)
        self.workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def message(self, message: Message) -> Message:
        found = await self.inbox.store.get(MESSAGES, message.id)
        assert found is not None
        return found

    async def entry(self, message: Message, part: int = 0) -> OutboxEntry:
        found = await self.inbox.store.get(OUTBOX, entry_id(message.id, part))
        assert found is not None
        return found

    async def becomes(self, message: Message, *states: str, within_s: float = 15.0) -> Message:
        """The message once its delivery is in one of these states."""
        return await self.once(lambda: self.message(message), lambda found: found.delivery.state in states, within_s)

    async def entry_becomes(self, message: Message, *states: str, within_s: float = 15.0) -> OutboxEntry:
        return await self.once(lambda: self.entry(message), lambda found: found.state in states, within_s)

    async def media_becomes(self, id: str, *states: str, within_s: float = 15.0) -> Media:
        async def read() -> Media:
            found = await self.inbox.store.get(MEDIA, id)
            assert found is not None
            return found

        return await self.once(read, lambda found: found.state in states, within_s)

    async def once(self, read: Callable[[], Awaitable[T]], ready: Callable[[T], bool], within_s: float) -> T:
        found = await read()
        try:
            async with asyncio.timeout(within_s):
                while not ready(found):
                    await asyncio.sleep(0.005)
                    found = await read()
        except TimeoutError:
            raise AssertionError(f"it stays {found}") from None
        return found

    async def close(self) -> None:
        for worker, running in self.workers:
            await worker.stop(1.0)
            await running


def person(number: int) -> Person:
    return Person(keys=(IdentityKey(kind="phone", value=f"+1555000{number:04d}"),), name=f"Person {number}")


def written(by: int, number: int, clock: Clock) -> MessageReceived:
    return MessageReceived(
        occurred_at=clock.now(), external_id=f"in.{by}.{number}", sender=person(by), content=Text(text=f"{by}.{number}")
    )


@asynccontextmanager
async def stage(folder: Path, *, clock: Clock | None = None, **delivery: Any) -> AsyncIterator[Stage]:
    """Open everything; what is closed is closed in reverse."""
    clock = clock or SystemClock()
    store, bus = SqliteStore(folder / "patchbay.db"), LocalBus()
    settings = DeliverySettings(**{**QUICK, **delivery})
    media = DiskMediaStore(folder / "media")
    vault = Vault([SecretKey("k" * 32)])
    async with Provider().listening() as provider:
        inbox = Inbox(store, bus, clock, SystemIds())
        runner = Runner(settings, media, Policy(range(65536), BESIDE_US, plain=True))
        await store.open(CORE_COLLECTIONS)
        await bus.open()
        await media.open()
        await runner.open()
        await inbox.open()
        directory = AccountDirectory(vault)
        inbox.watch(ACCOUNTS, directory.account_committed)
        channel = PlainPost(base=provider.base)
        made = Stage(folder, provider, channel, clock, inbox, directory, media, runner, vault, settings)
        try:
            yield made
        finally:
            await made.close()
            await runner.close()
            await bus.close()
            await store.close()
