"""A channel for Pigeon Post, a provider that exists only in this tutorial. No IO: every request is a value."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, SecretStr

from patchbay.channel import (
    UNDATED,
    AccountRef,
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    Channel,
    HandshakeAnswer,
    IdentityKey,
    InboundEvent,
    Item,
    Malformed,
    MessageReceived,
    Outgoing,
    Person,
    ReceiptReceived,
    Recipient,
    SendFlow,
    SendReceipt,
    SignedRequest,
    Unrecognised,
)
from patchbay.errors import (
    AccountBroken,
    BadPayload,
    BadSignature,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    Throttled,
    Unavailable,
    Unsupported,
)
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.media import Media
from patchbay.model.message import Failure
from patchbay.settings import Settings, Table

if TYPE_CHECKING:
    from patchbay.testing.channel_samples import ChannelSamples

SEAL = "x-pigeon-seal"  # header names reach a channel in lower case
TEXT_LIMIT = 160  # characters; what a pigeon carries
CAPABILITIES = Capabilities(contents=frozenset({"text"}), text_limit=TEXT_LIMIT, starts_with=frozenset({"external"}))


# --- Settings: the table [pigeon], PATCHBAY_PIGEON__... --------------------------------------------------------------


class PigeonSettings(Table):
    """``seal`` is the secret that Pigeon Post signs webhooks with; without it every webhook is refused."""

    url: str = "https://api.pigeonpost.example"
    seal: SecretStr | None = None


class NoAccountSettings(BaseModel):
    """An account sets nothing for itself."""


# --- Inbound: what a webhook looks like ------------------------------------------------------------------------------


class Letter(msgspec.Struct, kw_only=True):
    id: str
    ring: str  # how Pigeon Post names a person: the ring of their pigeon
    name: str = ""
    text: str
    at: datetime


class Flight(msgspec.Struct, kw_only=True):
    letter: str
    status: Literal["departed", "landed", "opened", "lost"]
    at: datetime
    ref: str | None = None


STATES: Mapping[str, Any] = {"departed": "sent", "landed": "delivered", "opened": "read", "lost": "failed"}
LOST = Failure(code="rejected", message="The pigeon did not arrive.")


def ring_key(ring: str) -> IdentityKey:
    """A person's key. Another loft may call somebody else by the same ring, so it is unique per account."""
    return IdentityKey(kind="external", value=ring, scope="account")


def parse(body: bytes) -> Sequence[Item | Malformed]:
    """All items of a webhook, in order; one that cannot be read costs only itself."""
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadPayload("the body is not JSON") from error
    if not isinstance(told, dict) or not isinstance(told.get("loft"), str):
        raise BadPayload("the body names no loft")
    account = AccountRef(external_id=told["loft"])
    items: list[Item | Malformed] = []
    for name, raw in _updates(told):
        key = f"{name}:{len(items)}"
        try:
            key, event = READERS.get(name, _unknown)(raw)
            items.append(Item(index=len(items), key=key, account=account, event=event))
        except msgspec.ValidationError as error:
            items.append(Malformed(index=len(items), key=key, error=str(error)))
    return items


def _updates(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every update with the name of its list; what is no list counts as one update, so that it is not lost."""
    for name, raws in told.items():
        if name != "loft":
            yield from ((name, raw) for raw in (raws if isinstance(raws, list) else [raws]))


def _letter(raw: Any) -> tuple[str, InboundEvent]:
    letter = msgspec.convert(raw, Letter)
    person = Person(keys=(ring_key(letter.ring),), name=letter.name or None)
    event = MessageReceived(occurred_at=letter.at, external_id=letter.id, sender=person, content=Text(text=letter.text))
    return f"letter:{letter.id}", event


def _flight(raw: Any) -> tuple[str, InboundEvent]:
    flight = msgspec.convert(raw, Flight)
    event = ReceiptReceived(
        occurred_at=flight.at,
        external_id=flight.letter,
        state=STATES[flight.status],
        reference=flight.ref,
        error=LOST if flight.status == "lost" else None,
    )
    return f"flight:{flight.letter}:{flight.status}", event


def _unknown(raw: Any) -> tuple[str, InboundEvent]:
    """What Pigeon Post adds tomorrow is kept. It has no id that we know, so its key is a digest of it."""
    what = hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).hexdigest()[:32]
    return f"unknown:{what}", Unrecognised(
        occurred_at=UNDATED, what="update", reason="It is neither letter nor flight."
    )


READERS: Mapping[str, Callable[[Any], tuple[str, InboundEvent]]] = {"letters": _letter, "flights": _flight}


# --- Outbound: what a message takes, and what an answer means --------------------------------------------------------


def ring_of(recipient: Recipient) -> str:
    """The ring of the person. Raises ``RecipientUnreachable``."""
    for identity in recipient.identities:
        if identity.kind == "external" and identity.status == "active":
            return identity.value
    raise RecipientUnreachable("No ring of this person is known.")


def raise_for(response: ApiResponse) -> None:
    """Raise what the answer means; return when Pigeon Post took the letter."""
    said = str(response.body.get("error") or f"Pigeon Post answered {response.status}.")
    match response.status:
        case 200 | 201:
            return
        case 401 | 403:
            raise AccountBroken(said, provider_code=str(response.status), hint="Give the account a new token.")
        case 404:
            raise RecipientUnreachable(said, provider_code="404")
        case 429:
            wait = response.headers.get("retry-after", "")
            raise Throttled(said, scope="account", retry_after_s=float(wait) if wait.isdigit() else None)
        case status if status >= 500:
            raise Unavailable(said, provider_code=str(status))
        case status:
            raise Rejected(said, provider_code=str(status))


@dataclass
class PigeonChannel(BaseChannel):
    """Lofts at Pigeon Post. An account's ``external_id`` is the name of the loft."""

    settings: PigeonSettings

    name: ClassVar[str] = "pigeon"
    title: ClassVar[str] = "Pigeon Post"
    account_settings: ClassVar[type[BaseModel]] = NoAccountSettings
    credential_names: ClassVar[tuple[str, ...]] = ("token",)
    capabilities: Capabilities = CAPABILITIES

    # webhooks

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        """Pigeon Post does not verify addresses: every such request is refused."""
        return HandshakeAnswer(text=None)

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        given = request.headers.get(SEAL, "").encode("utf-8", "surrogatepass")
        if self.settings.seal is None:
            raise BadSignature("there is no seal to compare with")
        key = self.settings.seal.get_secret_value().encode()
        if not hmac.compare_digest(hmac.digest(key, request.body, "sha256").hex().encode(), given):
            raise BadSignature("the seal does not fit the body")

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        return parse(body)

    # sending

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        if not isinstance(content, Text):
            raise Unsupported("A pigeon carries only text.", pointer="/content/type", hint="Send it as text.")
        if len(content.text) > TEXT_LIMIT:
            raise Unsupported(f"A pigeon carries {TEXT_LIMIT} characters.", pointer="/content/text")

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        assert isinstance(message.content, Text)  # noqa: S101 - check() let nothing else through
        response = yield ApiRequest(
            "POST",
            f"/lofts/{account.external_id}/letters",
            json={"to": ring_of(message.recipient), "text": message.content.text, "ref": message.reference},
            effect=True,
        )
        raise_for(response)
        id = response.body.get("id")
        if not isinstance(id, str):
            raise OutcomeUnknown("Pigeon Post took the letter and did not say how it is called.")
        return SendReceipt(external_id=id, response=response.body)

    # accounts

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        response = yield ApiRequest("GET", f"/lofts/{account.external_id}")
        raise_for(response)
        return response.body

    def base_url(self, account: ChannelAccount) -> str:
        return self.settings.url.rstrip("/")

    def token(self, credentials: Mapping[str, str]) -> str | None:
        return credentials.get("token")

    def gaps(self) -> Sequence[str]:
        if self.settings.seal is not None:
            return ()
        return ("PATCHBAY_PIGEON__SEAL is not set: every webhook is refused.",)


# --- The hooks -------------------------------------------------------------------------------------------------------


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings(table="pigeon", model=PigeonSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    return (PigeonChannel(settings.plugin("pigeon", PigeonSettings)),)


def certification() -> ChannelSamples:
    """What ``patchbay plugins certify pigeon`` runs the checks with; a gateway never asks for it."""
    from patchbay_pigeon_certification import PigeonSamples

    return PigeonSamples()
