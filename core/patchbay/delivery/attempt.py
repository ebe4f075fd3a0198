"""One attempt at one outbox entry: what it needs, the claim, the flow, and the commit of what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from patchbay.channel import Channel, Draft, Outgoing, Recipient, SendFlow, SendReceipt
from patchbay.collections import ACCOUNTS, MEDIA, MESSAGES, THREADS, UPLOADS
from patchbay.delivery import claims, outcomes
from patchbay.delivery.context import DeliveryContext
from patchbay.delivery.uploads import upload_id
from patchbay.errors import AccountBroken, MediaRefused, Rejected, SendError, StoreError
from patchbay.inbox.checks import check_window
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.sending import draft, provider_id, recipient_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, media_of
from patchbay.model.conversation import Conversation
from patchbay.model.media import Media
from patchbay.model.message import Message
from patchbay.model.outbox import OutboxEntry
from patchbay.ports import Query, Where

log = structlog.get_logger(__name__)

CONCLUDE_AGAIN_S = 0.25


class Attempt:
    """Claims an entry, sends it, and commits the outcome; what is late is fenced off."""

    def __init__(self, on: DeliveryContext) -> None:
        self._on = on
        self._claimed: OutboxEntry | None = None
        self._channel: Channel | None = None
        self._account: ChannelAccount | None = None

    @property
    def account(self) -> ChannelAccount:
        """The entry's account as this attempt knows it. Raises ``Rejected`` when it is gone."""
        if self._account is None:
            raise Rejected("The channel account is gone.")
        return self._account

    @property
    def channel(self) -> Channel:
        """The entry's channel. Raises ``Rejected`` when its plugin is not loaded."""
        if self._channel is None:
            raise Rejected("The channel's plugin is not loaded.")
        return self._channel

    @property
    def claimed(self) -> OutboxEntry:
        if self._claimed is None:
            raise RuntimeError("the entry was not claimed")
        return self._claimed

    async def prepare(self, entry: OutboxEntry) -> bool:
        """Look the account and its channel up; False while the channel's plugin is not loaded."""
        self._account = await self._on.inbox.get(ACCOUNTS, entry.account_id)
        self._channel = None if self._account is None else self._on.providers.channel(self._account)
        return self._channel is not None

    async def claim(self, entry: OutboxEntry) -> bool:
        """Take the entry; False when somebody was quicker."""
        lease_s = self._on.settings.lease_s
        self._claimed = await self._on.inbox.run(
            lambda uow: claims.claim(uow, entry.id, self._on.owner, lease_s, "claimed"), lane=entry.thread_id
        )
        return self._claimed is not None

    async def send(self) -> dict[str, Any]:
        """The provider's answer. Raises ``SendError``, ``Fenced``, ``StoreError``."""
        entry, account = self.claimed, self.account
        message = await self._on.inbox.get(MESSAGES, entry.message_id)
        if message is None:
            raise Rejected("The message is gone.")
        if self._on.inbox.clock.now() >= entry.expires_at:  # paused or held up: an answer of days ago helps nobody
            raise Rejected("It could not be sent in time.", hint="Send it again if it still makes sense.")
        if not account.works:
            raise AccountBroken(account.health.last_error or f"The account is {account.status}.")
        flow = await self._flow(account, message, entry)
        channel = self.channel
        receipt = await self._on.providers.play(channel, account, flow, before_effect=self._begin)
        await self.conclude(lambda uow, held: outcomes.accepted(uow, held, channel, receipt))
        return dict(receipt.response)

    async def _begin(self) -> None:
        entry = self.claimed
        self._claimed = await self._on.inbox.run(lambda uow: claims.begin_sending(uow, entry), lane=entry.thread_id)

    async def conclude(self, command: Callable[[UnitOfWork, OutboxEntry], Any]) -> bool:
        """Commit an outcome; False when the entry is somebody else's by now.

        What is known of a send must not be lost to a store that is away for a moment, so it is tried for as long as
        the lease may last. Raises ``StoreError`` then.
        """
        entry = self.claimed
        until = self._on.inbox.clock.monotonic() + self._on.settings.lease_s
        while True:
            try:
                await self._on.inbox.run(lambda uow: command(uow, entry), lane=entry.thread_id)
            except claims.Fenced:
                return False
            except StoreError as error:
                if self._on.inbox.clock.monotonic() >= until:
                    raise
                log.warning("delivery.store_refused", entry=entry.id, error=error.detail)
                await self._on.inbox.clock.sleep(CONCLUDE_AGAIN_S)
            else:
                return True

    async def _flow(self, account: ChannelAccount, message: Message, entry: OutboxEntry) -> SendFlow:
        target = provider_id(message)
        recipient = await self._on.inbox.run(lambda uow: recipient_of(uow, uow.need(THREADS, message.thread_id)))
        match entry.kind:
            case "reaction":
                if target is None:
                    raise Rejected("The provider does not know the message.")
                return self.channel.react(account, recipient, target, entry.emoji)
            case "read":
                if target is None:
                    raise Rejected("The provider does not know the message.")
                return self._read_flow(account, recipient, target)
            case "message":
                return await self._message_flow(account, message, entry, recipient)

    async def show_typing(self, conversation: Conversation) -> None:
        """Show the person that somebody types. What goes wrong is nobody's loss."""
        account = await self._on.inbox.get(ACCOUNTS, conversation.account_id)
        channel = None if account is None else self._on.providers.channel(account)
        if account is None or channel is None or not channel.capabilities.typing or account.status == "disabled":
            return
        where = (Where("thread_id", "eq", conversation.thread_id), Where("origin", "eq", "contact"))
        newest = await self._on.inbox.store.find(Query(MESSAGES, where, sort="-seq", limit=1))
        last = next((provider_id(message) for message in newest.items), None)
        recipient = await self._on.inbox.run(lambda uow: recipient_of(uow, uow.need(THREADS, conversation.thread_id)))
        try:
            await self._on.providers.play(channel, account, channel.typing(account, recipient, last))
        except SendError as error:
            log.info("delivery.typing_refused", account=account.id, code=error.code)

    def _read_flow(self, account: ChannelAccount, recipient: Recipient, target: str) -> SendFlow:
        yield from self.channel.mark_read(account, recipient, target)
        return SendReceipt(external_id=target)

    async def _message_flow(
        self, account: ChannelAccount, message: Message, entry: OutboxEntry, recipient: Recipient
    ) -> SendFlow:
        content = self.channel.split(message.content)[entry.part]
        quoted = await self._quoted(message)
        self._check_window(draft(content, recipient, quoted, message.options, message.origin))
        media, provider_media_id = await self._media(account, content)
        self.channel.check(account, content, recipient, media)
        return self.channel.send(
            account,
            Outgoing(
                message_id=message.id,
                reference=reference(message.id, entry.part, message.attempt),
                content=content,
                recipient=recipient,
                # one quote is enough: the parts that follow stand below the first
                reply_to=None if entry.part else _quoted_id(message, quoted),
                media=media,
                provider_media_id=provider_media_id,
                options=message.options,
            ),
        )

    async def _quoted(self, message: Message) -> Message | None:
        """The message that is answered, as it is now."""
        id = None if message.reply_to is None else message.reply_to.message_id
        return None if id is None else await self._on.inbox.get(MESSAGES, id)

    def _check_window(self, draft: Draft) -> None:
        """Checked at enqueue, and again here with a margin: the request takes time to arrive (R25)."""
        margin = timedelta(seconds=self._on.settings.window_margin_s)
        check_window(self.channel, draft, self._on.inbox.clock.now() + margin)

    async def _media(self, account: ChannelAccount, content: AnyContent) -> tuple[Media | None, str | None]:
        named = media_of(content)
        if named is None or named.url is not None:
            return None, None
        media = await self._on.inbox.store.get(MEDIA, named.id)
        if media is None or media.state != "stored":
            raise MediaRefused("The file of this message is not stored any more.")
        upload = await self._on.inbox.store.get(UPLOADS, upload_id(media.id, account.id))
        known = upload is not None and upload.expires_at > self._on.inbox.clock.now() + timedelta(hours=1)
        return media, upload.provider_media_id if known and upload is not None else None


def _quoted_id(message: Message, quoted: Message | None) -> str | None:
    """What the provider calls the quoted message. One of ours that was still queued when it was quoted went before this
    one, so it has a name by now."""
    if message.reply_to is None:
        return None
    return message.reply_to.external_id or (None if quoted is None else provider_id(quoted))
