"""E3: the limits and deadlines of a request hold on every route, to the byte."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData

from patchbay.web.operations import Operation
from tests.faults.process import TOKEN, signature, text_webhook
from tests.security.edge_world import Edge, edge, filled, statuses

API_MAX, WEBHOOK_MAX, IMAGE_MAX, DOCUMENT_MAX = 4096, 16384, 8192, 32768
SMALL = {
    "PATCHBAY_HTTP__API_MAX_BYTES": str(API_MAX),
    "PATCHBAY_HTTP__WEBHOOK_MAX_BYTES": str(WEBHOOK_MAX),
    "PATCHBAY_HTTP__IMAGE_MAX_BYTES": str(IMAGE_MAX),
    "PATCHBAY_HTTP__DOCUMENT_MAX_BYTES": str(DOCUMENT_MAX),
}
JSON = {"Content-Type": "application/json"}
PNG = b"\x89PNG\r\n\x1a\n"


async def test_every_route_that_takes_json_refuses_one_byte_too_many(tmp_path: Path) -> None:
    async with edge(tmp_path, **SMALL) as world:
        wrong = []
        asked = [each for each in world.operations if each.takes_body]
        for operation in asked:
            limit = operation.max_bytes or API_MAX
            answers = [await sent(world, operation, size, chunked) for size, chunked in sizes(limit)]
            if [status == 413 for status in answers] != [False, False, True, True, True, True]:
                wrong.append((operation.method, operation.path, answers))
        assert wrong == []
        assert len(asked) > 30


def sizes(limit: int) -> list[tuple[int, bool]]:
    """Whole and in chunks: as much as fits, one byte more, much more."""
    return [(size, chunked) for size in (limit, limit + 1, limit * 40) for chunked in (False, True)]


async def sent(world: Edge, operation: Operation, size: int, chunked: bool) -> int:
    body = b"{" + b" " * (size - 2) + b"}"
    path = filled(operation.path)
    return (await world.ask(operation.method, path, headers=JSON, data=pieces(body) if chunked else body)).status


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 1000):
        yield body[at : at + 1000]


@pytest.mark.parametrize("path", ["/webhooks/whatsapp", "/webhooks/messenger/17841400000000001"])
async def test_a_webhook_may_have_its_limit_and_not_one_byte_more(tmp_path: Path, path: str) -> None:
    async with edge(tmp_path, **SMALL) as world:
        for size, chunked in sizes(WEBHOOK_MAX):
            body = text_webhook(("wamid.E3", "15550000001", "x"))
            body += b" " * (size - len(body))
            headers = {"X-Hub-Signature-256": signature(body)}
            heard = await world.ask("POST", path, data=pieces(body) if chunked else body, headers=headers, token=None)
            assert heard.status == (200 if size <= WEBHOOK_MAX else 413), (size, chunked)


async def test_a_file_may_have_the_limit_of_what_it_is(tmp_path: Path) -> None:
    async with edge(tmp_path, **SMALL) as world:
        for start, limit in ((PNG, IMAGE_MAX), (b"%PDF-1.7\n", DOCUMENT_MAX)):
            for size in (limit, limit + 1):
                form = FormData()
                form.add_field("file", start + b"\0" * (size - len(start)), filename="a.bin")
                heard = await world.ask("POST", "/api/v1/media/upload", data=form)
                assert heard.status == (201 if size == limit else 413), (start, size)


async def test_what_is_compressed_is_never_opened(tmp_path: Path) -> None:
    async with edge(tmp_path, **SMALL) as world:
        for operation in world.unsafe:
            headers = {**JSON, "Content-Encoding": "gzip"}
            heard = await world.ask(operation.method, filled(operation.path), headers=headers, data=b"\x1f\x8b\x08{}")
            assert heard.status == 415, operation.path


async def test_headers_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    start = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    async with edge(tmp_path) as world:
        for extra, good in (
            (b"".join(b"X-%d: 1\r\n" % number for number in range(120)), True),
            (b"".join(b"X-%d: 1\r\n" % number for number in range(130)), False),
            (b"X: " + b"a" * 8000 + b"\r\n", True),
            (b"X: " + b"a" * 8300 + b"\r\n", False),
            (b"X" * 8300 + b": 1\r\n", False),
        ):
            assert statuses(await world.say(start + extra + b"\r\n")) == [200 if good else 400], extra[:20]
        for length, status in ((7000, 200), (9000, 400)):
            line = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a=" + b"b" * length
            assert statuses(await world.say(line + b"\r\n\r\n")) == [status]
        assert statuses(await world.say(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")) == [400]


def head(operation: Operation) -> bytes:
    kind = "multipart/form-data; boundary=b" if operation.raw_body else "application/json"
    lines = (
        f"{operation.method} {filled(operation.path)} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {TOKEN}",
        f"Content-Type: {kind}",
        "Content-Length: 100",
    )
    return "\r\n".join((*lines, "", "")).encode()


async def test_a_body_that_does_not_come_is_given_up_on_every_route(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__READ_TIMEOUT_S="0.4") as world:
        webhook = b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
        asked = [*(head(each) for each in world.unsafe), webhook]
        answers = await asyncio.gather(*(world.say(each + b"{", within_s=20) for each in asked))
        late = {
            each.partition(b"\r")[0]: got[:60]
            for each, got in zip(asked, answers, strict=True)
            if statuses(got) != [408]
        }
        assert late == {}


async def test_headers_that_do_not_come_hold_a_connection_for_their_deadline_only(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__READ_TIMEOUT_S="0.4") as world:
        began = time.monotonic()
        silent = (b"", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\r\n\r\n")
        answers = await asyncio.gather(*(world.say(each, within_s=20) for each in silent))
        assert answers == [b"", b"", b""]
        assert time.monotonic() - began < 10
