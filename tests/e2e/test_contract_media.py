"""Files: uploaded as a stream, shown, downloaded in ranges, linked; and files that mean harm."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.outside import API, Outside, outside, pointers, problem
from tests.faults.process import Reply

UPLOAD = f"{API}/media/upload"
CUT_OFF = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nthe rest nev'
pytestmark = pytest.mark.asyncio(loop_scope="module")


def png(side: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("media") / "data") as found:
        yield found


async def upload(client: Outside, content: bytes, kind: str, name: bytes = b"a.bin", key: str | None = None) -> Reply:
    """One file, in a body written by hand: no library stands between a hostile name and the gateway."""
    disposition = b'Content-Disposition: form-data; name="file"; filename="%s"' % name
    part = b"%s\r\nContent-Type: %s\r\n\r\n%s" % (disposition, kind.encode(), content)
    body = b"--edge\r\n%s\r\n--edge--\r\n" % part
    headers = {"Content-Type": "multipart/form-data; boundary=edge", **({"Idempotency-Key": key} if key else {})}
    return await client.gateway.ask("POST", UPLOAD, data=body, headers=headers)


async def kept(client: Outside, content: bytes, kind: str, name: bytes = b"a.bin") -> dict[str, Any]:
    reply = await upload(client, content, kind, name)
    assert reply.status == 201, reply.body
    found: dict[str, Any] = reply.json()
    return found


async def test_a_file_is_kept_shown_and_given_back_in_ranges(client: Outside) -> None:
    content = png()
    media = await kept(client, content, "image/png", b"kettle.png")
    assert (media["state"], media["mime_type"], media["size"]) == ("stored", "image/png", len(content))
    assert media["filename"] == "kettle.png"
    assert await client.got(f"/media/{media['id']}") == media
    path = f"/media/{media['id']}/download"
    whole = await client.ask("GET", path)
    assert (whole.status, whole.body, whole.headers["Accept-Ranges"]) == (200, content, "bytes")
    etag = whole.headers["ETag"]
    assert (await client.ask("GET", path, headers={"If-None-Match": etag})).status == 304
    for asked, expected in (("bytes=0-7", content[:8]), ("bytes=-4", content[-4:]), ("bytes=10-", content[10:])):
        part = await client.ask("GET", path, headers={"Range": asked, "If-Range": etag})
        assert (part.status, part.body) == (206, expected)
        assert part.headers["Content-Range"].endswith(f"/{len(content)}")
    beyond = await client.ask("GET", path, headers={"Range": "bytes=999999-"})
    problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
    problem(await client.unsigned(f"{API}{path}"), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html><script>alert(1)</script></html>", "text/html"),
        (b"<html><script>alert(1)</script></html>", "image/png"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "image/svg+xml"),
        (b'<?xml version="1.0"?><x/>', "application/xml"),
        (b"alert(1)", "text/javascript"),
        (b"MZ" + bytes(100), "application/pdf"),
    ],
)
async def test_what_a_browser_could_run_is_only_ever_an_attachment(client: Outside, content: bytes, kind: str) -> None:
    media = await kept(client, content, kind)
    assert not media["mime_type"].startswith("image/") or media["mime_type"] == "image/svg+xml"
    reply = await client.ask("GET", f"/media/{media['id']}/download")
    assert reply.headers["Content-Disposition"].startswith("attachment")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in reply.headers["Content-Security-Policy"]


async def test_a_picture_that_hides_a_script_stays_a_picture_in_a_sandbox(client: Outside) -> None:
    media = await kept(client, png() + b"<script>alert(1)</script>", "text/html")
    assert media["mime_type"] == "image/png"
    reply = await client.ask("GET", f"/media/{media['id']}/download")
    assert reply.headers["Content-Type"] == "image/png"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        b"x" * 5000 + b".png",
        b"../../etc/passwd",
        b"a%0d%0aX-Evil: 1.png",
        b'a\\"b.png',
        "na\u202egpj.exe".encode(),
        "файл.png".encode(),
        b"..",
        b"C:\\\\x\\\\y.png",
    ],
)
async def test_a_hostile_name_does_no_harm(client: Outside, name: bytes) -> None:
    media = await kept(client, png(), "image/png", name)
    shown = media["filename"] or ""
    assert len(shown) <= 255
    assert not set(shown) & set("/\\\r\n\0\u202e")
    reply = await client.ask("GET", f"/media/{media['id']}/download")
    assert reply.headers["Content-Disposition"].isascii()
    assert "X-Evil" not in reply.headers


async def test_a_name_that_breaks_the_framing_is_refused(client: Outside) -> None:
    problem(await upload(client, png(), "image/png", b"a\r\nX-Evil: 1\r\n.png"), 400, "unreadable")
    problem(await upload(client, png(), "image/png", b"a\0.png"), 400, "unreadable")


async def test_only_one_file_in_one_form_is_taken(client: Outside) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    none = await client.gateway.ask("POST", UPLOAD, data=b"--edge--\r\n", headers=form)
    assert pointers(problem(none, 422, "invalid")) == {"/file"}
    broken = await client.gateway.ask("POST", UPLOAD, data=CUT_OFF, headers=form)
    problem(broken, 400, "unreadable")
    problem(await client.ask("POST", "/media/upload", {"file": "x"}), 415, "unsupported_media_type")


async def test_a_repeated_upload_with_a_key_makes_one_file(client: Outside) -> None:
    first = await upload(client, png(3), "image/png", key="file-1")
    again = await upload(client, png(3), "image/png", key="file-1")
    other = await upload(client, png(4), "image/png", key="file-1")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    problem(other, 422, "idempotency_mismatch")


async def test_a_link_opens_one_file_without_a_token_and_no_other(client: Outside) -> None:
    media = await kept(client, png(), "image/png")
    link = await client.done("POST", f"/media/{media['id']}/link", {})
    assert link["expires_at"].endswith("Z")
    opened = await client.unsigned(link["url"])
    assert (opened.status, opened.body) == (200, png())
    forged = link["url"][:-4] + ("aaaa" if not link["url"].endswith("aaaa") else "bbbb")
    problem(await client.unsigned(forged), 404, "not_found")


async def test_a_file_above_the_limit_is_refused_without_being_held_in_memory(client: Outside) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(110):
            yield bytes(1024 * 1024)

    before = client.gateway.memory()
    form = aiohttp.FormData()
    form.add_field("file", endless(), filename="large.bin", content_type="application/octet-stream")
    problem(await client.gateway.ask("POST", UPLOAD, data=form), 413, "too_large")
    assert client.gateway.memory() - before < 50_000_000


async def test_an_uploaded_picture_is_sent_and_a_received_one_is_fetched(client: Outside) -> None:
    phone, conversation = await client.met()
    media = await kept(client, png(), "image/png")
    content = {"type": "image", "media": {"id": media["id"]}, "caption": "Look"}
    body = {"conversation_id": conversation["id"], "content": content}
    answer = await client.done("POST", "/messages/send", body, wait="accepted")
    assert answer["message"]["delivery"]["state"] == "accepted"
    assert client.graph.files[client.graph.sent[-1]["image"]["id"]][1] == png()
    drawing = await kept(client, b"<svg/>", "image/svg+xml")
    wrong = {**body, "content": {"type": "image", "media": {"id": drawing["id"]}}}
    refused = problem(await client.ask("POST", "/messages/send", wrong), 422, "capability_unsupported")
    assert refused["hint"]
    client.graph.keep("7000001", png(5), "image/png")
    await client.sends(phone, {"type": "image", "image": {"id": "7000001", "mime_type": "image/png", "sha256": "x"}})
    async with asyncio.timeout(8):
        while (message := (await client.messages(conversation["id"]))[-1])["content"]["media"]["state"] != "stored":
            await asyncio.sleep(0.05)
    given = await client.ask("GET", f"/media/{message['content']['media']['id']}/download")
    assert given.body == png(5)
