"""Two plugins: one that misbehaves in every way that it is told to, and one behind it in the list that does not.

What the channel is to do wrong stands in the webhook or the message, what the authenticator, the route and the health
check are to do stands in the settings, the path or the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiohttp import web
from msgspec.structs import replace

from patchbay.channel import Channel, ConfiguredAccount, Draft, Outgoing, SignedRequest
from patchbay.channel.outbound import Recipient, SendFlow
from patchbay.hookspecs import Permission, PluginSettings, Route, hookimpl
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.event import Event
from patchbay.model.media import Media
from patchbay.model.principal import Principal
from patchbay.ports import Authenticator, Authorizer, Credentials, HealthCheck, Listener, Verdict
from patchbay.settings import Settings
from patchbay_whatsapp import WhatsAppChannel, WhatsAppSettings

ORDERLY_KEY = "the-key-of-the-orderly-plugin"


class Odd(Exception):
    """What no contract foresees."""


class UnrulySettings(WhatsAppSettings):
    sign_in: str = "says nothing"
    health: str = "is well"
    listening: str = "listens"
    own_accounts: str = "are given"


async def misbehave(how: str) -> Any:
    """Do it: hang, hang and refuse to be cancelled, raise, or give what nobody asked for."""
    match how:
        case "hangs":
            await asyncio.Event().wait()
        case "is stubborn":
            while True:
                try:
                    await asyncio.Event().wait()
                except BaseException:
                    continue
        case "raises":
            raise Odd(how)
    return how


class UnrulyChannel(WhatsAppChannel):
    """WhatsApp by another name, until it is told otherwise."""

    name: ClassVar[str] = "unruly"

    def __init__(self, settings: UnrulySettings) -> None:
        super().__init__(settings)
        self._accounts = settings.own_accounts
        self._asked = 0

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        self._asked += 1
        if self._accounts == "raise later" and self._asked > 1:
            raise Odd("configured_accounts")
        return super().configured_accounts()

    def gaps(self) -> Sequence[str]:
        if self._accounts == "raise later" and self._asked > 1:
            raise Odd("gaps")
        return super().gaps()

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> Any:
        if b"verify raises" in request.body:
            raise Odd("verify")
        if b"verify says no" in request.body:
            return False
        return super().verify(request, account_secrets)

    def parse(self, body: bytes) -> Any:
        if b"parse raises" in body:
            raise Odd("parse")
        if b"parse gives nothing" in body:
            return None
        if b"parse is lazy" in body:
            return (each for each in super().parse(body))
        items: list[Any] = list(super().parse(body))
        if b"parse gives junk" in body:
            items.append("junk")
        if b"parse gives numbers" in body:
            item = items[0]
            items.append(replace(item, key="numbers", event=replace(item.event, external_id=5)))
        return items

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        if isinstance(content, Text) and "check raises" in content.text:
            raise Odd("check")
        super().check(account, content, recipient, media)

    def split(self, content: AnyContent) -> Any:
        if isinstance(content, Text) and "split gives junk" in content.text:
            return None
        return super().split(content)

    def closes_at(self, draft: Draft) -> Any:
        if isinstance(draft.content, Text) and "closes_at raises" in draft.content.text:
            raise Odd("closes_at")
        return super().closes_at(draft)

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        if isinstance(message.content, Text) and "send raises" in message.content.text:
            raise Odd("send")
        return super().send(account, message)


class Unruly:
    """An authenticator, a listener and a health check that do as they are told."""

    name = "unruly"

    def __init__(self, settings: UnrulySettings) -> None:
        self._settings = settings

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        how = self._settings.sign_in
        key = credentials.api_key or ""
        if key.startswith("unruly "):
            how = key.removeprefix("unruly ")
        if how != "says nothing":
            answer: Principal = await misbehave(how)
            return answer
        return None

    async def on_events(self, events: Sequence[Event]) -> None:
        await misbehave(self._settings.listening)

    async def check(self) -> Mapping[str, Any]:
        answer = await misbehave(self._settings.health)
        return {"told": answer} if answer == "is well" else answer


class Judge:
    """Has no opinion; asked about what it cannot stand, it raises."""

    name = "unruly"

    def decide(self, principal: Principal, permission: str) -> Verdict:
        if principal.id == "orderly" and permission == "tags.read":
            raise Odd("decide")
        return "allow" if principal.id == "orderly" else "abstain"

    def sees(self, principal: Principal, event: Event) -> Verdict:
        return "abstain"


async def do(request: web.Request) -> Any:
    how = request.match_info["how"]
    if how == "streams":
        stream = web.StreamResponse()
        await stream.prepare(request)
        for _ in range(6):
            await asyncio.sleep(0.5)
            await stream.write(b"still here\n")
        return stream
    if how == "is well":
        return web.Response(text="well")
    return await misbehave(how)


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings(table="unruly", model=UnrulySettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    return (UnrulyChannel(settings.plugin("unruly", UnrulySettings)),)


@hookimpl
def register_authenticators(settings: Settings) -> Sequence[Authenticator]:
    return (Unruly(settings.plugin("unruly", UnrulySettings)),)


@hookimpl
def register_authorizers() -> Sequence[Authorizer]:
    return (Judge(),)


@hookimpl
def register_listeners(settings: Settings) -> Sequence[Listener]:
    return (Unruly(settings.plugin("unruly", UnrulySettings)),)


@hookimpl
def register_health(settings: Settings) -> Sequence[HealthCheck]:
    return (Unruly(settings.plugin("unruly", UnrulySettings)),)


@hookimpl
def register_permissions() -> Sequence[Permission]:
    return (Permission("unruly.do", "Let the unruly plugin do something."),)


@hookimpl
def register_routes() -> Sequence[Route]:
    return (Route("GET", "/unruly/{how}", do, "unruly.do", "Do as the path says"),)


class Orderly:
    """The neighbour: knows one key."""

    name = "orderly"

    @hookimpl
    def register_authenticators(self) -> Sequence[Authenticator]:
        return (self,)

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        return Principal(type="bot", id="orderly") if credentials.api_key == ORDERLY_KEY else None


orderly = Orderly()
