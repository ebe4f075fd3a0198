"""The flows over real HTTP: the core's runner on one side, a Bot API on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import TypeVar

import pytest
from patchbay.channel import ApiRequest, ApiResponse
from patchbay.delivery.runner import Runner
from patchbay.errors import AccountBroken, RecipientUnreachable, Throttled
from patchbay.model.content import DocumentFile, Image, MediaRef, Text
from patchbay.model.media import ProviderMedia
from patchbay.settings import DeliverySettings
from patchbay.testing.outbound import outgoing, stored_file
from pydantic import SecretStr

from bot_api import BotApi
from patchbay_telegram import TelegramChannel, TelegramSettings
from people import BOT, MARA, TOKEN

T = TypeVar("T")
BYTES = b"\x89PNG\r\n\x1a\n and the rest"


class Line:
    """The channel of a bot whose API is here, and the runner that asks it."""

    def __init__(self, api: BotApi, runner: Runner) -> None:
        self.api = api
        self.runner = runner
        self.channel = TelegramChannel(TelegramSettings(bot_token=SecretStr(TOKEN), api_url=api.url))

    async def play(self, flow: Generator[ApiRequest, ApiResponse, T], token: str | None = TOKEN) -> T:
        return await self.runner.play(flow, base_url=self.channel.base_url(BOT), token=token)


class Shelf:
    """A media store with one file."""

    async def read(self, sha256: str) -> AsyncIterator[bytes]:
        yield BYTES


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    runner = Runner(DeliverySettings(), Shelf())  # type: ignore[arg-type]
    async with BotApi(TOKEN).serving() as api:
        await runner.open()
        yield Line(api, runner)
        await runner.close()


async def test_the_token_goes_into_the_path_and_nowhere_else(line: Line) -> None:
    receipt = await line.play(line.channel.send(BOT, outgoing(Text(text="Hi"), MARA)))
    assert receipt.external_id == "7001:101"
    (called,) = line.api.calls
    assert (called.method, called.params["chat_id"], called.params["text"]) == ("sendMessage", 7001, "Hi")
    assert all(TOKEN not in str(headers) and "Authorization" not in headers for headers in line.api.headers)
    assert (await line.play(line.channel.check_account(BOT)))["id"] == 4242


@pytest.mark.parametrize("token", ["4242:wrong", None])
async def test_a_token_that_does_not_work_is_the_accounts_fault(line: Line, token: str | None) -> None:
    with pytest.raises(AccountBroken):
        await line.play(line.channel.send(BOT, outgoing(Text(text="Hi"), MARA)), token)
    assert line.api.calls == []


async def test_a_file_is_handed_over_and_sent_by_its_id_afterwards(line: Line) -> None:
    media = stored_file("image", "image/png", len(BYTES))
    picture = Image(media=MediaRef(id="med_1"), caption="Grüße")
    first = await line.play(line.channel.send(BOT, outgoing(picture, MARA, media=media)))
    assert first.uploaded is not None
    known = first.uploaded.provider_media_id
    await line.play(line.channel.send(BOT, outgoing(picture, MARA, media=media, provider_media_id=known)))
    handed, named = line.api.calls
    assert (handed.method, handed.file, handed.params) == ("sendPhoto", BYTES, {"chat_id": 7001, "caption": "Grüße"})
    assert (named.method, named.file, named.params["photo"]) == ("sendPhoto", None, "photo-0")


async def test_a_file_that_telegram_forgot_leaves_twice(line: Line) -> None:
    line.api.refusals = [(400, "Bad Request: wrong file identifier/HTTP URL specified", {})]
    content = DocumentFile(media=MediaRef(id="med_1"))
    media = stored_file("document", "application/pdf", len(BYTES))
    message = outgoing(content, MARA, media=media, provider_media_id="document:gone")
    await line.play(line.channel.send(BOT, message))
    assert [called.file for called in line.api.calls] == [None, BYTES]


async def test_refusals_come_as_what_they_mean(line: Line) -> None:
    line.api.refusals = [
        (429, "Too Many Requests: retry after 3", {"retry_after": 3}),
        (403, "Forbidden: bot was blocked by the user", {}),
    ]
    with pytest.raises(Throttled) as caught:
        await line.play(line.channel.send(BOT, outgoing(Text(text="Hi"), MARA)))
    assert caught.value.retry_after_s == 3
    with pytest.raises(RecipientUnreachable):
        await line.play(line.channel.send(BOT, outgoing(Text(text="Hi"), MARA)))


async def test_a_received_file_is_where_telegram_says(line: Line) -> None:
    line.api.files["F"] = BYTES
    media = stored_file("document", None, None, provider=ProviderMedia(media_id="F"))
    source = await line.play(line.channel.fetch_media(BOT, media))
    assert source.url == f"{line.api.url}/file/bot{{token}}/documents/F"
    assert (source.authorise, source.size) == (True, len(BYTES))
