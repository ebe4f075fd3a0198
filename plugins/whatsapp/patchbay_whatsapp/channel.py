"""The WhatsApp Cloud API channel: every method pure, every request a value. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from patchbay.channel import (
    CLOSED,
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    ConfiguredAccount,
    Draft,
    Finding,
    Findings,
    Flow,
    HandshakeAnswer,
    InboundEvent,
    Item,
    Malformed,
    MediaSource,
    MessageReceived,
    Outgoing,
    Recipient,
    SendFlow,
    SendReceipt,
    SignedRequest,
    ThreadNotice,
    UploadedMedia,
    tried,
)
from patchbay.errors import MediaRefused, OutcomeUnknown
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Template, media_of
from patchbay.model.conversation import Window
from patchbay.model.media import Media
from patchbay_meta import handshake, signature
from patchbay_meta.diagnosis import subscription_findings, token_findings
from patchbay_meta.graph import segment
from patchbay_meta.hosts import GraphAccountSettings, base_url
from patchbay_meta.waits import known_as
from patchbay_whatsapp import media as files
from patchbay_whatsapp import parse as webhook
from patchbay_whatsapp import payloads, templates
from patchbay_whatsapp.capabilities import CAPABILITIES, WINDOW_HOURS
from patchbay_whatsapp.errors import ERRORS
from patchbay_whatsapp.limits import check
from patchbay_whatsapp.recipients import group_of, keys_in
from patchbay_whatsapp.settings import WhatsAppSettings

SCOPES = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})  # Source: Cloud API, Permissions
ACCOUNT_FIELDS = (
    "verified_name,display_phone_number,quality_rating,status,throughput,code_verification_status,is_on_biz_app"
)


@dataclass
class WhatsAppChannel(BaseChannel):
    """Numbers at the WhatsApp Cloud API. An account's ``external_id`` is the phone_number_id, its parent the WABA."""

    settings: WhatsAppSettings
    capabilities: Capabilities = CAPABILITIES
    _signers: tuple[signature.Signer, ...] = field(init=False, repr=False)

    name: ClassVar[str] = "whatsapp"
    title: ClassVar[str] = "WhatsApp"
    account_settings: ClassVar[type[BaseModel]] = GraphAccountSettings
    credential_names: ClassVar[tuple[str, ...]] = ("access_token", "app_secret?")

    def __post_init__(self) -> None:
        self._signers = signature.signers(self.settings.app_secrets)

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        """The challenge, when the verify token of the settings comes with it."""
        token = self.settings.verify_token
        return handshake.answer(query, token.get_secret_value() if token is not None else None)

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        """Raise ``BadSignature`` unless an app secret of the settings or of an account signed the body. Where there is
        no app secret at all, nothing can be told from a forgery and everything is refused."""
        signers = (*self._signers, *signature.signers(account_secrets)) if account_secrets else self._signers
        signature.verify_signed(request.body, request.headers.get(signature.HEADER), signers)

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        return webhook.parse(body)

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        check(content, recipient, media)

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        """24 hours from what the person wrote or called, end excluded; an event that comes late shortens nothing.

        The 72 hours after an answer to an advertisement are about the price: they let nothing be sent that the 24
        hours do not. A message of any member opens the window for the whole group.
        Source: WhatsApp Cloud API, Send messages, Customer service windows; Pricing, Free entry points.
        """
        if not (isinstance(event, MessageReceived | ThreadNotice) and event.opens_window):
            return current
        expires_at = event.occurred_at + timedelta(hours=WINDOW_HOURS)
        if current.expires_at is not None and current.expires_at >= expires_at:
            return current
        return Window(kind="service", opened_by=message_id, expires_at=expires_at)

    def closes_at(self, draft: Draft) -> datetime | None:
        """With the window; a template may be sent at any time."""
        return None if isinstance(draft.content, Template) else draft.recipient.window.expires_at or CLOSED

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        media_id, uploaded = message.provider_media_id, None
        named = media_of(message.content)
        if named is not None and named.url is None and media_id is None:
            uploaded = yield from self._upload(account, message.media)
            media_id = uploaded.provider_media_id
        response = yield self._message(account, payloads.payload(message, media_id))
        return _receipt(response, account, message.recipient, uploaded)

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        """WhatsApp reports only ``sent`` for a reaction."""
        response = yield self._message(account, payloads.reaction(recipient, target, emoji))
        return _receipt(response, account, recipient, None)

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        """Marks earlier messages, too."""
        ERRORS.check((yield self._message(account, payloads.read_mark(external_id), effect=False)))

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        """Shown for 25 s or until a message is sent; it marks ``last_inbound`` as read, and needs it."""
        if last_inbound is not None:
            ERRORS.check((yield self._message(account, payloads.typing_mark(last_inbound), effect=False)))

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        return (yield from files.find(account.external_id, media, self.base_url(account)))

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        return (yield from templates.list_templates(account.parent_external_id))

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        response = yield ApiRequest("GET", f"/{segment(account.external_id)}", query={"fields": ACCOUNT_FIELDS})
        ERRORS.check(response)
        return response.body

    def diagnose(self, account: ChannelAccount) -> Findings:
        """The token and its permissions, the number, and whether the app gets what the business account receives."""
        found = [*(yield from tried("token", token_findings(ERRORS, SCOPES)))]
        found += yield from tried("number", self._knows(account))
        if account.parent_external_id is None:
            fix = "Set the channel's parent_external_id."
            return (*found, Finding("subscription", "unknown", "The WhatsApp Business account is not known.", fix))
        path = f"/{segment(account.parent_external_id)}/subscribed_apps"
        return (*found, *(yield from tried("subscription", subscription_findings(path, ERRORS))))

    def _knows(self, account: ChannelAccount) -> Findings:
        yield from self.check_account(account)
        return (Finding("number", "ok", "WhatsApp knows the number, and the token may use it."),)

    def base_url(self, account: ChannelAccount) -> str:
        return base_url(account.settings, self.settings.graph_url, self.settings.graph_version)

    def token(self, credentials: Mapping[str, str]) -> str | None:
        return credentials.get("access_token") or None

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        return self.settings.accounts()

    def gaps(self) -> Sequence[str]:
        return self.settings.gaps("PATCHBAY_WHATSAPP__")

    def _upload(
        self, account: ChannelAccount, media: Media | None
    ) -> Generator[ApiRequest, ApiResponse, UploadedMedia]:
        if media is None:
            raise MediaRefused("The file of the message is not stored.", hint="Upload it and send the message again.")
        return (yield from files.upload(account.external_id, media))

    def _message(self, account: ChannelAccount, body: Mapping[str, Any], *, effect: bool = True) -> ApiRequest:
        return ApiRequest("POST", f"/{segment(account.external_id)}/messages", json=body, effect=effect)


def _receipt(
    response: ApiResponse, account: ChannelAccount, recipient: Recipient, uploaded: UploadedMedia | None
) -> SendReceipt:
    """What WhatsApp took. A template that is ``paused`` or ``held_for_quality_assessment`` is taken as well: the status
    is in the response, and a webhook says how it ended."""
    ERRORS.check(response, effect=True, of=known_as(account))
    messages = response.body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    external_id = first.get("id") if isinstance(first, Mapping) else None
    if not isinstance(external_id, str) or not external_id:
        # Accepted, by its status; which message it became, only a webhook with our reference can tell.
        raise OutcomeUnknown("WhatsApp answered without naming the message: it may have been sent.")
    keys = () if group_of(recipient) else keys_in(response.body.get("contacts"))
    return SendReceipt(external_id=external_id, response=response.body, recipient_keys=keys, uploaded=uploaded)
