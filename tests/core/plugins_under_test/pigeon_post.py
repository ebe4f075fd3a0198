"""A plugin that uses every hook: a channel of carrier pigeons, and something for each other hook."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import typer
from aiohttp import web
from pydantic import BaseModel, SecretStr

from patchbay.channel import (
    AccountRef,
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    Channel,
    ConfiguredAccount,
    Draft,
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
)
from patchbay.collections import Collection
from patchbay.errors import BadPayload, BadSignature, MediaRefused, Unsupported
from patchbay.hookspecs import Permission, PluginSettings, Route, hookimpl
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.conversation import Window
from patchbay.model.event import Event
from patchbay.model.media import Media
from patchbay.model.principal import Principal
from patchbay.model.tag import Tag
from patchbay.ports import (
    Authenticator,
    Authorizer,
    Bus,
    Credentials,
    HealthCheck,
    Listener,
    Notifier,
    Store,
    Verdict,
)
from patchbay.settings import Settings, Table
from patchbay.storage.sqlite.store import SqliteStore


class PigeonSettings(Table):
    loft: str = "north"
    ring_secret: SecretStr = SecretStr("ring")
    flights: int = 3


class AccountSettings(BaseModel):
    ring: str = ""


class PigeonChannel(BaseChannel):
    """Letters are JSON: ``{"id": "..", "ring": "..", "from": "..", "letter": ".."}``, sealed with an HMAC."""

    name: ClassVar[str] = "pigeon"
    title: ClassVar[str] = "Carrier pigeon"
    account_settings: ClassVar[type[BaseModel]] = AccountSettings
    credential_names: ClassVar[tuple[str, ...]] = ("whistle", "feed?")
    capabilities = Capabilities(contents=frozenset({"text"}), text_limit=140)

    def __init__(self, settings: PigeonSettings) -> None:
        self._settings = settings

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        return HandshakeAnswer(query.get("coo"))

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        secrets = (self._settings.ring_secret.get_secret_value(), *account_secrets)
        given = request.headers.get("x-seal", "").encode()
        if not any(hmac.compare_digest(hmac.digest(s.encode(), request.body, "sha256"), given) for s in secrets):
            raise BadSignature

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        try:
            letter = json.loads(body)
            person = Person(keys=(IdentityKey(kind="external", value=letter["from"], scope="account"),))
            event = MessageReceived(
                occurred_at=datetime.fromtimestamp(0, UTC),
                external_id=letter["id"],
                sender=person,
                content=Text(text=letter["letter"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadPayload("not a letter") from error
        return [Item(index=0, key=letter["id"], account=AccountRef(external_id=letter["ring"]), event=event)]

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        if not isinstance(content, Text):
            raise Unsupported("A pigeon carries text.")

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        return current

    def closes_at(self, draft: Draft) -> datetime | None:
        return None

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        return (content,)

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        answer = yield ApiRequest(method="POST", path="/flights", json={"reference": message.reference}, effect=True)
        return SendReceipt(external_id=str(answer.body["id"]))

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        answer = yield ApiRequest(method="POST", path=f"/letters/{target}/coo", json={"emoji": emoji})
        return SendReceipt(external_id=str(answer.body["id"]))

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        yield ApiRequest(method="POST", path=f"/letters/{external_id}/read")

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        yield ApiRequest(method="POST", path="/flapping")

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        yield ApiRequest(method="GET", path=f"/parcels/{media.id}")
        raise MediaRefused("Pigeons carry no parcels.")

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        answer = yield ApiRequest(method="GET", path="/templates")
        return list(answer.body["data"])

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        answer = yield ApiRequest(method="GET", path="/loft")
        return answer.body

    def base_url(self, account: ChannelAccount) -> str:
        return "https://pigeons.example"

    def token(self, credentials: Mapping[str, str]) -> str | None:
        return credentials.get("whistle")

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        secret = self._settings.ring_secret.get_secret_value()
        return [ConfiguredAccount(self._settings.loft, self._settings.loft, None, {"whistle": secret})]

    def gaps(self) -> Sequence[str]:
        return ()


class DrumBus:
    """A bell that nobody else hears."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.settings = settings
        self.rung: list[int] = []

    async def open(self) -> None:
        self.rung.clear()

    async def close(self) -> None:
        self.rung.clear()

    def ring(self, position: int) -> None:
        self.rung.append(position)

    async def listen(self) -> AsyncIterator[int]:
        while self.rung:
            yield self.rung.pop()


class FeatherAuthenticator:
    name = "feather"

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        return Principal(type="bot", id="pigeon") if credentials.api_key == "feather" else None


class PigeonAuthorizer:
    name = "pigeon"

    def decide(self, principal: Principal, permission: str) -> Verdict:
        return "allow" if permission == "pigeons.feed" else "abstain"

    def sees(self, principal: Principal, event: Event) -> Verdict:
        return "abstain"


class Tower:
    """A listener, a notifier and a health check in one."""

    name = "tower"

    async def on_events(self, events: Sequence[Event]) -> None:
        assert events

    async def notify(self, recipient: str, subject: str, text: str) -> None:
        assert recipient

    async def check(self) -> Mapping[str, Any]:
        return {"pigeons": 12}


async def feed(request: web.Request) -> web.Response:
    return web.json_response({"fed": True})


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings("pigeon", PigeonSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    return [PigeonChannel(settings.plugin("pigeon", PigeonSettings))]


@hookimpl
def register_stores() -> dict[str, Callable[[str, Settings], Store]]:
    return {"paper": lambda url, settings: SqliteStore(url.removeprefix("paper:///"))}


@hookimpl
def register_buses() -> dict[str, Callable[[str, Settings], Bus]]:
    return {"drum": DrumBus}


@hookimpl
def register_collections() -> Sequence[Collection[Any]]:
    return (Collection("pigeon_lofts", Tag, indexes=(("name",),)),)


@hookimpl
def register_authenticators() -> Sequence[Authenticator]:
    return [FeatherAuthenticator()]


@hookimpl
def register_authorizers() -> Sequence[Authorizer]:
    return [PigeonAuthorizer()]


@hookimpl
def register_notifiers() -> Sequence[Notifier]:
    return [Tower()]


@hookimpl
def register_listeners() -> Sequence[Listener]:
    return [Tower()]


@hookimpl
def register_routes() -> Sequence[Route]:
    return [Route("POST", "/pigeons/feed", feed, "pigeons.feed", "Feed the pigeons")]


@hookimpl
def register_permissions() -> Sequence[Permission]:
    return [Permission("pigeons.feed", "Feed the pigeons.")]


@hookimpl
def register_health() -> Sequence[HealthCheck]:
    return [Tower()]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    @app.command()
    def release(count: int = 1) -> None:
        """Let pigeons fly."""
        print(f"{count} released")

    @app.command()
    def serve() -> None:
        """A name that the core has."""
        print("never called")
