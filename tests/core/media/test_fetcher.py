"""Fetching what messages refer to, from a provider on a real socket that loses, cuts, forgets and lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.channel import MessageReceived, RemoteMedia
from patchbay.collections import MEDIA, MESSAGES
from patchbay.errors import StoreUnavailable
from patchbay.inbox.apply import apply_event
from patchbay.media import fetcher as fetcher_module
from patchbay.media.fetcher import MediaFetcher
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Image, MediaRef, media_of
from patchbay.model.media import Media
from patchbay.ports import Query
from patchbay.settings import MediaSettings
from patchbay.testing import FakeClock
from tests.core.plain_post import Behaviour, Provider, Stage, answer, person, stage

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
DIGEST = sha256(PNG).hexdigest()


def serving(body: bytes, **headers: str) -> Behaviour:
    async def behave(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Type": "image/png", **headers})

    return behave


@asynccontextmanager
async def fetching(on: Stage, **settings: Any) -> AsyncIterator[MediaFetcher]:
    fetcher = MediaFetcher(on.inbox, on.providers(), on.media, MediaSettings(**settings))
    on.inbox.watch(MEDIA, fetcher.media_committed)
    running = asyncio.create_task(fetcher.run())
    try:
        yield fetcher
    finally:
        await fetcher.stop(1.0)
        await running


async def receive(on: Stage, account: ChannelAccount, number: int = 1, lifetime_s: int | None = None) -> str:
    """A picture arrives; the id of its media."""
    event = MessageReceived(
        occurred_at=on.clock.now(),
        external_id=f"picture.{number}",
        sender=person(1),
        content=Image(media=MediaRef(id="")),
        media=RemoteMedia(provider_id=f"m{number}", mime_type="image/png", lifetime_s=lifetime_s),
    )

    def apply(uow: Any) -> str:
        applied = apply_event(uow, on.arrival(account), event)
        named = media_of(uow.need(MESSAGES, applied.ref or "").content)
        assert named is not None
        return named.id

    return await on.inbox.run(apply)


def offers(provider: Provider, number: int = 1, url: str | None = None, **known: Any) -> None:
    """The provider says where the file is."""
    provider.files[f"/media/m{number}"] = answer(200, {"url": url or f"{provider.base}/file/m{number}", **known})


async def test_a_picture_is_stored_and_its_message_shows_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        offers(on.provider, size=len(PNG), sha256=DIGEST)
        on.provider.files["/file/m1"] = serving(PNG)
        async with fetching(on):
            media = await on.media_becomes(await receive(on, account), "stored")
        assert (media.sha256, media.size, media.mime_type) == (DIGEST, len(PNG), "image/png")
        assert b"".join([chunk async for chunk in on.media.read(DIGEST)]) == PNG
        (message,) = (await on.inbox.store.find(Query(MESSAGES))).items
        named = media_of(message.content)
        assert named is not None
        assert (named.state, named.size) == ("stored", len(PNG))
        assert on.provider.tokens == ["Bearer token-1", "Bearer token-1"]
        events = await on.inbox.store.read(0, 100)
        assert [event.type for event in events].count("media.stored") == 1


async def test_the_same_bytes_are_kept_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        ids = []
        for number in (1, 2):
            offers(on.provider, number)
            on.provider.files[f"/file/m{number}"] = serving(PNG)
            ids.append(await receive(on, account, number))
        async with fetching(on):
            for id in ids:
                assert (await on.media_becomes(id, "stored")).sha256 == DIGEST
        kept = [path for path in (tmp_path / "media").rglob("*") if path.is_file()]
        assert [path.name for path in kept] == [DIGEST]


async def test_it_is_tried_again_at_growing_distances(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        id = await receive(on, await on.account())
        on.provider.files["/media/m1"] = answer(503)
        waits = []
        async with fetching(on):
            for attempt in range(1, 5):
                media = await passing(on, clock, id, attempt)
                assert media.state == "pending"
                assert media.next_attempt_at is not None
                waits.append((media.next_attempt_at - media.updated_at).total_seconds())
            offers(on.provider)
            on.provider.files["/file/m1"] = serving(PNG)
            assert (await passing(on, clock, id, 5)).state == "stored"
        assert waits == sorted(waits)
        assert waits[-1] > waits[0]


async def passing(on: Stage, clock: FakeClock, id: str, attempts: int) -> Media:
    """Let time pass until it was tried so often."""
    media = await one(on, id)
    while media.attempts < attempts:
        await clock.advance(1)
        await asyncio.sleep(0.002)
        media = await one(on, id)
    return media


async def one(on: Stage, id: str) -> Media:
    found = await on.inbox.store.get_many(MEDIA, [id])
    return found[id]


@pytest.mark.parametrize(
    "known", [{"size": len(PNG) + 1}, {"sha256": "0" * 64}], ids=["another size", "another content"]
)
async def test_a_file_that_is_not_as_described_is_not_kept(tmp_path: Path, known: dict[str, Any]) -> None:
    async with stage(tmp_path) as on:
        id = await receive(on, await on.account())
        offers(on.provider, **known)
        on.provider.files["/file/m1"] = serving(PNG)
        async with fetching(on):
            media = await on.once(lambda: one(on, id), lambda found: found.attempts == 1, 15)
        assert media.state == "pending"
        assert media.error is not None
        assert await on.media.size(DIGEST) is None


async def test_a_download_that_is_cut_is_not_kept(tmp_path: Path) -> None:
    async def cut(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(PNG))})
        await response.prepare(request)
        await response.write(PNG[:100])
        assert request.transport is not None
        request.transport.abort()
        return response

    async with stage(tmp_path) as on:
        id = await receive(on, await on.account())
        offers(on.provider)
        on.provider.files["/file/m1"] = cut
        async with fetching(on):
            media = await on.once(lambda: one(on, id), lambda found: found.attempts == 1, 15)
        assert media.state == "pending"
        assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


async def test_what_is_gone_or_too_large_is_not_asked_for_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        on.provider.files["/media/m1"] = answer(200, {"gone": True})
        offers(on.provider, 2)
        on.provider.files["/file/m2"] = serving(b"x" * 3000)
        gone, large = await receive(on, account, 1), await receive(on, account, 2)
        async with fetching(on, max_bytes=2000):
            assert (await on.media_becomes(gone, "expired", "failed")).state == "expired"
            assert (await on.media_becomes(large, "expired", "failed")).state == "failed"
        asked = list(on.provider.asked)
        async with fetching(on, max_bytes=2000):
            await on.inbox.store.ping()
        assert on.provider.asked == asked


async def test_it_ends_when_the_provider_keeps_it_no_longer(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        id = await receive(on, await on.account(), lifetime_s=60)
        clock.jump(61)
        async with fetching(on):
            assert (await on.media_becomes(id, "expired")).attempts == 1
        assert on.provider.asked == []


async def test_the_token_does_not_go_to_a_foreign_host_and_no_redirect_is_followed(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, Provider().listening() as elsewhere:
        account = await on.account()
        offers(on.provider, 1, url=f"{elsewhere.base}/file/m1")
        elsewhere.files["/file/m1"] = serving(PNG)

        async def away(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{elsewhere.base}/stolen"})

        offers(on.provider, 2)
        on.provider.files["/file/m2"] = away
        foreign, redirected = await receive(on, account, 1), await receive(on, account, 2)
        async with fetching(on):
            await on.media_becomes(foreign, "stored")
            await on.once(lambda: one(on, redirected), lambda found: found.attempts == 1, 15)
        assert elsewhere.asked == ["/file/m1"]
        assert elsewhere.tokens == [None]


async def test_a_bug_of_the_channel_costs_a_wait_and_not_the_processor(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        on.provider.files["/media/m1"] = answer(200, {"bug": True})
        offers(on.provider, 2)
        on.provider.files["/file/m2"] = serving(PNG)
        odd, fine = await receive(on, account, 1), await receive(on, account, 2)
        async with fetching(on):
            await on.media_becomes(fine, "stored")
            media = await on.once(lambda: one(on, odd), lambda found: found.attempts == 1, 15)
        assert "ZeroDivisionError" in (media.error or "")
        assert on.provider.asked.count("/media/m1") == 1


async def test_a_store_that_refuses_is_not_asked_in_a_rush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher_module, "REFUSED_S", 0.05)
    async with stage(tmp_path) as on:
        account = await on.account()
        offers(on.provider)
        on.provider.files["/file/m1"] = serving(PNG)
        id = await receive(on, account)
        write, refusals = on.media.write, 0

        async def refuse(*arguments: Any, **more: Any) -> Any:
            nonlocal refusals
            refusals += 1
            if refusals <= 2:
                raise StoreUnavailable("full")
            return await write(*arguments, **more)

        on.media.write = refuse  # type: ignore[method-assign]
        async with fetching(on):
            await on.media_becomes(id, "stored")
        assert refusals == 3


async def test_an_account_whose_plugin_is_away_keeps_its_pictures_waiting(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        id = await receive(on, await on.account())
        fetcher = MediaFetcher(on.inbox, on.providers({}), on.media, MediaSettings())
        running = asyncio.create_task(fetcher.run())
        media = await on.once(lambda: one(on, id), lambda found: found.attempts == 1, 15)
        await fetcher.stop(1.0)
        await running
        assert media.state == "pending"
        assert media.next_attempt_at is not None
