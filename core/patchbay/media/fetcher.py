"""Fetching inbound media: soon, again when it fails, and never past the provider's expiry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from hashlib import sha256

import aiohttp
import structlog
from msgspec.structs import replace

from patchbay.channel import Channel, MediaSource
from patchbay.collections import ACCOUNTS, MEDIA, MESSAGES
from patchbay.delivery.providers import Providers
from patchbay.delivery.runner import authorised
from patchbay.errors import MediaRefused, SendError, StoreError, TooLarge, Unavailable
from patchbay.inbox.audiences import of_conversation
from patchbay.inbox.landing import conversation_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.media.sniff import sniffed
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, MediaRef, MediaState, media_of, with_media
from patchbay.model.document import Document
from patchbay.model.event import Audience
from patchbay.model.media import Media
from patchbay.ports import MediaStore, Query, StoredBlob, Where
from patchbay.service import Inbox
from patchbay.settings import MediaSettings
from patchbay.tasks import Tasks
from patchbay.views import media_view
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

POLL_S = 5.0
REFUSED_S = 2.0  # after the store refused
BASE_S = 2.0  # the first wait after a failure; it doubles
CAP_S = 900.0
GIVE_UP_AFTER = timedelta(days=7)  # where the provider names no expiry


class MediaFetcher:
    """Downloads what messages refer to. A message never waits for its media."""

    def __init__(
        self,
        inbox: Inbox,
        providers: Providers,
        store: MediaStore,
        settings: MediaSettings,
    ) -> None:
        self._inbox = inbox
        self._providers = providers
        self._store = store
        self._settings = settings
        self._tasks = Tasks()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._running: set[str] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    def media_committed(self, id: str, document: Document | None) -> None:
        """Notice a media that waits to be fetched."""
        if isinstance(document, Media) and document.state == "pending" and id not in self._running:
            self._wake.set()

    async def run(self) -> None:
        """Fetch until ``stop``."""
        while not self._stopping:
            self._wake.clear()
            try:
                await self._look()
            except StoreError as error:
                log.warning("media.store_refused", error=error.detail)
            except Exception:
                log.exception("media.look_failed")
            await woken(self._wake, self._inbox.clock, POLL_S)

    async def stop(self, grace_s: float) -> None:
        self._stopping = True
        self._wake.set()
        await self._tasks.close(grace_s)

    async def _look(self) -> None:
        where = (
            Where("state", "in", ("pending", "fetching", "failed")),
            Where("next_attempt_at", "lte", self._inbox.clock.now()),
        )
        page = await self._inbox.store.find(Query(MEDIA, where, sort="next_attempt_at", limit=100))
        for media in page.items:
            if media.id not in self._running:
                self._running.add(media.id)
                self._tasks.start(self._fetch(media), f"media {media.id}")

    async def _fetch(self, media: Media) -> None:
        """One try. Whatever goes wrong costs this file a wait, and nobody else anything."""
        try:
            async with self._slots:
                await self._attempt(media)
        except StoreError as error:
            log.warning("media.store_refused", media=media.id, error=error.detail)
            await self._inbox.clock.sleep(REFUSED_S)  # it is still due: not again at once
        finally:
            self._running.discard(media.id)
            self._wake.set()

    async def _attempt(self, media: Media) -> None:
        account = None if media.account_id is None else await self._inbox.get(ACCOUNTS, media.account_id)
        if account is None:
            await self._end(media, "failed", "the account is gone")
            return
        expires_at = media.provider.expires_at or media.created_at + GIVE_UP_AFTER
        if self._inbox.clock.now() >= expires_at:
            await self._end(media, "expired", "the provider keeps it no longer")
            return
        channel = self._providers.channel(account)
        if channel is None:
            await self._put_off(media, f"the channel plugin {account.channel!r} is not loaded")
            return
        try:
            blob, declared = await self._download(channel, account, media)
        except (MediaRefused, TooLarge) as error:
            await self._end(media, "expired" if isinstance(error, MediaRefused) else "failed", error.detail)
        except SendError as error:
            await self._put_off(media, error.reason)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await self._put_off(media, type(error).__name__)
        except StoreError:
            raise
        except Exception as error:  # a channel's bug
            log.exception("media.channel_failed", media=media.id, account=account.id)
            await self._put_off(media, f"the channel failed: {type(error).__name__}")
        else:
            if not await self._inbox.run(partial(_stored, media_id=media.id, blob=blob, declared=declared)):
                await self._drop(blob)

    async def _drop(self, blob: StoredBlob) -> None:
        """Delete what nobody wants any more, unless another media has the same bytes."""
        if not await self._inbox.store.count(Query(MEDIA, (Where("sha256", "eq", blob.sha256),))):
            await self._store.delete(blob.sha256)

    async def _download(self, channel: Channel, account: ChannelAccount, media: Media) -> tuple[StoredBlob, str | None]:
        source = await self._providers.play(channel, account, channel.fetch_media(account, media))
        token = self._providers.token(channel, account) if source.authorise else None
        url, headers = authorised(source.url, token, {})
        session = self._providers.runner.session_for(url, channel.base_url(account))
        async with session.get(
            url,
            headers=headers,
            allow_redirects=False,  # the token must never follow to another host
            timeout=aiohttp.ClientTimeout(total=600, sock_connect=5, sock_read=30),
        ) as response:
            # a signed address that has lapsed is forbidden; with a token, that is the account's trouble
            if response.status in (404, 410) or (response.status == 403 and not source.authorise):
                gone = MediaRefused if source.only else Unavailable
                raise gone("The address of the file has expired.")
            if response.status != 200:
                raise Unavailable(f"The file's host answered {response.status}.")
            declared = source.mime_type or media.declared_mime_type or response.content_type
            blob = await self._store.write(_whole(response, source), max_bytes=self._settings.max_bytes)
        return blob, declared

    async def _put_off(self, media: Media, error: str) -> None:
        await self._inbox.run(partial(_put_off, media_id=media.id, error=error))

    async def _end(self, media: Media, state: MediaState, error: str) -> None:
        await self._inbox.run(partial(_ended, media_id=media.id, state=state, error=error))


async def _whole(response: aiohttp.ClientResponse, source: MediaSource) -> AsyncIterator[bytes]:
    """The file in chunks. Raises ``Unavailable`` at its end when it is not as the provider described it, so that a
    part of a file is never kept."""
    size, digest = 0, sha256()
    async for chunk in response.content.iter_chunked(65536):
        size += len(chunk)
        digest.update(chunk)
        yield chunk
    if source.size is not None and source.size != size:
        raise Unavailable(f"The download has {size} bytes of {source.size}.")
    if source.sha256 is not None and source.sha256 != digest.hexdigest():
        raise Unavailable("The download is not the file that the provider described.")


def _stored(uow: UnitOfWork, *, media_id: str, blob: StoredBlob, declared: str | None) -> bool:
    """Whether it is kept: what was erased or purged while it was fetched is not."""
    media = uow.need(MEDIA, media_id)
    if media.state == "purged":
        return False
    media = uow.put(
        MEDIA,
        media,
        state="stored",
        sha256=blob.sha256,
        size=blob.size,
        mime_type=sniffed(blob.head, declared),
        attempts=media.attempts + 1,
        next_attempt_at=None,
        error=None,
    )
    _tell(uow, media, "media.stored")
    return True


def _put_off(uow: UnitOfWork, *, media_id: str, error: str) -> None:
    media = uow.need(MEDIA, media_id)
    if media.state == "purged":
        return
    wait = min(CAP_S, BASE_S * 2 ** min(media.attempts, 20)) * (0.5 + uow.ids.jitter() / 2)
    uow.put(
        MEDIA,
        media,
        state="pending",
        attempts=media.attempts + 1,
        next_attempt_at=uow.now + timedelta(seconds=wait),
        error=error[:500],
    )


def _ended(uow: UnitOfWork, *, media_id: str, state: MediaState, error: str) -> None:
    media = uow.need(MEDIA, media_id)
    if media.state == "purged":
        return
    media = uow.put(MEDIA, media, state=state, attempts=media.attempts + 1, next_attempt_at=None, error=error[:500])
    _tell(uow, media, "media.failed")


def _showing(media: Media, content: AnyContent) -> AnyContent:
    """Content of a message, its reference to this media as the media is now."""
    named = media_of(content)
    if named is None or named.id != media.id:
        return content
    reference = MediaRef(
        id=media.id,
        mime_type=media.mime_type or named.mime_type,
        size=media.size,
        filename=media.filename,
        state=media.state,
    )
    return with_media(content, reference)


def _tell(uow: UnitOfWork, media: Media, type: str) -> None:
    """Let the message show what became of its media, and tell the log."""
    audience = Audience(account_id=media.account_id, thread_id=media.thread_id)
    message = None if media.message_id is None else uow.get(MESSAGES, media.message_id)
    if message is not None:
        revisions = tuple(
            replace(revision, content=_showing(media, revision.content)) for revision in message.revisions
        )
        content = _showing(media, message.content)
        if (content, revisions) != (message.content, message.revisions):
            message = uow.put(MESSAGES, message, content=content, revisions=revisions)
        conversation = conversation_of(uow, message)
        audience = audience if conversation is None else of_conversation(conversation)
    uow.emit(type, "media", media.id, media_view(media), audience=audience)
