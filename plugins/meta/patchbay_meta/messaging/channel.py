"""The channel of a platform whose messages go through the Send API: all that Messenger and Instagram share. No IO."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    Draft,
    Findings,
    Flow,
    HandshakeAnswer,
    IdentityKey,
    InboundEvent,
    MediaSource,
    Outgoing,
    Person,
    Recipient,
    SendFlow,
    SendReceipt,
    SignedRequest,
    TokenState,
    tried,
)
from patchbay.errors import MediaRefused
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Interactive
from patchbay.model.conversation import Window
from patchbay.model.media import Media
from patchbay_meta import diagnosis, handshake, signature, tokens
from patchbay_meta.hosts import may_download
from patchbay_meta.messaging import options, profiles, send, windows
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.limits import parts
from patchbay_meta.messaging.recipients import USER_REF, person_in, private_reply_to
from patchbay_meta.settings import GraphTable
from patchbay_meta.waits import known_as

ASK_AGAIN = "Ask the person to send it again."


@dataclass
class MessagingChannel(BaseChannel, ABC):
    """A base for channels of the Send API. Theirs are the dialect, the paths, ``parse``, ``check`` and look-ups."""

    settings: GraphTable
    capabilities: Capabilities
    _signers: tuple[signature.Signer, ...] = field(init=False, repr=False)

    name: ClassVar[str]
    dialect: ClassVar[Dialect]
    scopes: ClassVar[frozenset[str]]
    useful_scopes: ClassVar[frozenset[str]] = frozenset()
    credential_names: ClassVar[tuple[str, ...]] = ("access_token", "app_secret?")

    def __post_init__(self) -> None:
        self._signers = signature.signers(self.settings.app_secrets)

    @abstractmethod
    def node(self, account: ChannelAccount) -> str:
        """The path that sends and uploads of this account begin with."""

    @abstractmethod
    def base_url(self, account: ChannelAccount) -> str:
        """What relative paths of requests are appended to."""

    def upload_form(self, account: ChannelAccount) -> Mapping[str, str]:
        """What an upload says beside the file."""
        return {}

    def message(self, content: AnyContent, attachment_id: str | None) -> Mapping[str, Any]:
        """The value of ``message``; ``attachment_id`` is what Meta calls the content's file."""
        return send.content_part(content, attachment_id, self.dialect)

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        """The challenge, when the verify token of the settings comes with it."""
        token = self.settings.verify_token
        return handshake.answer(query, token.get_secret_value() if token is not None else None)

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        """Raise ``BadSignature`` unless an app secret of the settings or of an account signed the body. Where there is
        no app secret at all, nothing can be told from a forgery and everything is refused."""
        signers = (*self._signers, *signature.signers(account_secrets)) if account_secrets else self._signers
        signature.verify_signed(request.body, request.headers.get(signature.HEADER), signers)

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        by_reaction, by_visit = self.dialect.reactions_open_window, self.dialect.visits_open_window
        return windows.window_after(current, event, message_id, by_reaction=by_reaction, by_visit=by_visit)

    def closes_at(self, draft: Draft) -> datetime | None:
        """See ``windows.closes_at``. Raises ``Unsupported`` for options, and for what answers a comment, that cannot be
        sent at any time."""
        options.check_draft(draft, self.dialect)
        return windows.closes_at(draft)

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        """A long text in several; a file with a caption as the file and the caption."""
        return parts(content, self.dialect)

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        node, to = self.node(account), self.dialect
        envelope = send.envelope(message, to)
        attachment_id, uploaded = message.provider_media_id, None
        url, form = send.address_of(message.content), self.upload_form(account)
        if url is not None:
            if isinstance(message.content, Interactive):  # a template takes no address
                attachment_id = yield from send.fetch(node, message.content, url, to, form)
        elif attachment_id is None and send.file_kind(message.content) is not None:
            uploaded = yield from send.upload(node, message.content, message.media, to, form)
            attachment_id = uploaded.provider_media_id
        part = send.noted(self.message(message.content, attachment_id), message.reference, to)
        response = yield send.post(node, {**envelope, "message": part})
        return send.receipt(
            response,
            to,
            tagged="tag" in envelope,
            echoed=send.is_echoed(envelope, to),
            of=known_as(account),
            uploaded=uploaded,
        )

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        """Another reaction replaces the one before."""
        response = yield send.post(self.node(account), send.reaction(recipient, target, emoji, self.dialect))
        send.check(response, self.dialect, tagged=False, of=known_as(account))
        return SendReceipt(external_id=target, response=response.body)

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        """Marks all that the person wrote; a comment cannot be marked."""
        if private_reply_to(external_id) is None:
            yield from self._show(account, recipient, "mark_seen")

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        """Shown for about 20 s or until a message is sent."""
        yield from self._show(account, recipient, "typing_on")

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        """Where the webhook said that it is: the address is signed and needs no token, and it expires. Raises
        ``MediaRefused`` when there is none that is safe to ask."""
        yield from ()
        url = media.provider.url
        if not url:
            raise MediaRefused(f"{self.dialect.name} named no address of the file.", hint=ASK_AGAIN)
        if not may_download(url, self.base_url(account)):
            raise MediaRefused(f"{self.dialect.name} named an address that is not safe to ask.", hint=ASK_AGAIN)
        return MediaSource(url=url, authorise=False, sha256=media.provider.sha256, only=True)

    def fetch_profile(
        self, account: ChannelAccount, key: IdentityKey
    ) -> Generator[ApiRequest, ApiResponse, Person | None]:
        """What a person is called, see ``profiles``; a ``user_ref`` tells nothing."""
        if key.kind != self.dialect.kind or key.value.startswith(USER_REF):
            return None
        return (yield from profiles.profile(key, self.node(account), self.name, self.dialect))

    def look_after_token(
        self, account: ChannelAccount, now: datetime
    ) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
        """A page's token cannot be renewed without its person; until when it is good can be asked."""
        return (yield from tokens.ask(self.dialect.own_errors))

    def diagnose(self, account: ChannelAccount) -> Findings:
        """The token and its permissions, and whether the app gets what the account receives."""
        errors, node = self.dialect.own_errors, self.node(account)
        about_token = yield from tried("token", diagnosis.token_findings(errors, self.scopes, self.useful_scopes))
        fields = diagnosis.subscription_findings(f"{node}/subscribed_apps", errors, self.subscribed_fields(account))
        return (*about_token, *(yield from tried("subscription", fields)))

    def subscribed_fields(self, account: ChannelAccount) -> diagnosis.Fields:
        """The fields that the account's subscription should name."""
        return diagnosis.ANY_APP

    def _show(self, account: ChannelAccount, recipient: Recipient, action: str) -> Flow:
        """A sender action, to a person with an id; others have no thread to see it in."""
        person = person_in(recipient, self.dialect.kind)
        if person is not None and "id" in person:
            response = yield send.post(self.node(account), send.action(person, action), effect=False)
            self.dialect.errors.check(response, of=known_as(account))
