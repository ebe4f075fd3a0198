"""Uploads, downloads and links over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from patchbay.collections import MEDIA
from patchbay.model.media import Media
from patchbay.model.times import from_unix
from patchbay.ports import Query
from patchbay.web.downloads import RangeNotSatisfiable, asked_span, disposition
from patchbay.web.filenames import MAX_FILENAME, clean_filename
from tests.core.web.resources.conftest import ADMIN, Answered, House

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    + bytes(900)
)
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
HTML = b"<!doctype html><script>alert(1)</script>"
AS_ADMIN = {"Authorization": f"Bearer {ADMIN}"}


async def upload(
    house: House,
    content: bytes,
    filename: str | None = "file.bin",
    kind: str = "application/octet-stream",
    *,
    field: str = "file",
    **headers: str,
) -> Answered:
    form = FormData(quote_fields=False)
    form.add_field(field, content, filename=filename, content_type=kind)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with house.client.post("/api/v1/media/upload", data=form, headers={**AS_ADMIN, **named}) as response:
        return Answered(response, await response.json())


async def download(house: House, path: str, method: str = "GET", **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    who = {} if path.startswith("/media") else AS_ADMIN
    async with house.client.request(method, path, headers={**who, **named}) as response:
        return Answered(response, await response.read())


async def test_an_upload_is_kept_and_told_by_its_bytes(house: House) -> None:
    answer = await upload(house, PNG, "../../etc/kettle.png", "text/html")
    assert answer.status == 201, answer.body
    media = answer.body
    assert (media["kind"], media["mime_type"], media["declared_mime_type"]) == ("image", "image/png", "text/html")
    assert (media["size"], media["sha256"]) == (len(PNG), hashlib.sha256(PNG).hexdigest())
    assert (media["filename"], media["state"]) == ("kettle.png", "stored")
    assert answer.response.headers["Location"] == f"/api/v1/media/{media['id']}"
    shown = await house.get(f"/media/{media['id']}")
    assert (shown.body, shown.etag) == (media, '"1"')
    assert (await house.get("/media/med_none")).status == 404
    assert "media.stored" in await house.told()


async def test_a_download_is_the_bytes_in_headers_that_run_nothing(house: House) -> None:
    media = (await upload(house, PNG, "kettle.png", "image/png")).body
    got = await download(house, f"/api/v1/media/{media['id']}/download")
    headers = got.response.headers
    assert (got.status, got.body) == (200, PNG)
    assert headers["Content-Type"] == "image/png"
    assert headers["ETag"] == f'"{media["sha256"]}"'
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Disposition"] == 'inline; filename="kettle.png"'
    assert headers["Accept-Ranges"] == "bytes"
    same = await download(house, f"/api/v1/media/{media['id']}/download", If_None_Match=headers["ETag"])
    assert (same.status, same.body) == (304, b"")
    head = await download(house, f"/api/v1/media/{media['id']}/download", "HEAD")
    assert (head.status, head.response.headers["Content-Length"]) == (200, str(len(PNG)))
    assert (await download(house, "/api/v1/media/med_none/download")).status == 404


@pytest.mark.parametrize(("content", "name"), [(HTML, "a.png"), (PDF, 'résumé "1".pdf'), (b"<svg onload=x>", "a.svg")])
async def test_what_a_browser_could_run_is_only_ever_saved(house: House, content: bytes, name: str) -> None:
    media = (await upload(house, content, name, "image/png")).body
    got = await download(house, f"/api/v1/media/{media['id']}/download")
    assert got.body == content
    assert got.response.headers["Content-Disposition"].startswith("attachment; filename=")


async def test_parts_of_a_file_can_be_asked_for(house: House) -> None:
    media = (await upload(house, PDF, "a.pdf", "application/pdf")).body
    path, size, tag = f"/api/v1/media/{media['id']}/download", len(PDF), f'"{media["sha256"]}"'
    for asked, start, end in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        ("bytes=5-999999", 5, size),
        ("bytes=-999999", 0, size),
    ):
        got = await download(house, path, Range=asked)
        assert (got.status, got.body) == (206, PDF[start:end]), asked
        assert got.response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert got.response.headers["Content-Length"] == str(end - start)
    for ignored in ("bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b"):
        got = await download(house, path, Range=ignored)
        assert (got.status, got.body) == (200, PDF), ignored
    for hopeless in (f"bytes={size}-", "bytes=-0"):
        got = await download(house, path, Range=hopeless)
        assert (got.status, got.response.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert (await download(house, path, Range="bytes=0-9", If_Range=tag)).status == 206
    assert (await download(house, path, Range="bytes=0-9", If_Range='"other"')).status == 200
    head = await download(house, path, "HEAD", Range="bytes=0-9")
    assert (head.status, head.response.headers["Content-Length"]) == (206, "10")


async def test_the_same_bytes_twice_are_two_files_and_one_copy(house: House) -> None:
    one, two = (await upload(house, PDF, "a.pdf")).body, (await upload(house, PDF, "b.pdf")).body
    assert one["id"] != two["id"]
    assert one["sha256"] == two["sha256"]


async def test_a_hundred_uploads_with_one_key_are_one(house: House) -> None:
    answers = await asyncio.gather(*(upload(house, PDF, "a.pdf", Idempotency_Key="u-1") for _ in range(100)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert (await house.told()).count("media.stored") == 1
    other = await upload(house, PNG, "a.pdf", Idempotency_Key="u-1")
    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_sizes_are_capped_by_what_a_file_is(house: House) -> None:
    image = await upload(house, PNG + bytes(20_000), "a.png")
    assert (image.status, image.code) == (413, "too_large")
    assert (await upload(house, PDF + bytes(20_000), "a.pdf")).status == 201
    announced = await upload(house, PDF + bytes(400_000), "a.pdf")
    assert (announced.status, announced.code) == (413, "too_large")

    async def endless() -> Any:
        boundary = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        yield boundary
        for _ in range(40):
            yield bytes(16_384)

    headers = {**AS_ADMIN, "Content-Type": "multipart/form-data; boundary=x"}
    async with house.client.post("/api/v1/media/upload", data=endless(), headers=headers) as response:
        assert response.status == 413
    stored = await house.gateway.store.find(Query(MEDIA))
    assert [media.kind for media in stored.items] == ["document"]


async def test_what_is_no_upload_is_refused(house: House) -> None:
    assert (await upload(house, PDF, field="document")).pointers == ["/file"]

    async def raw(body: bytes, kind: str, **headers: str) -> tuple[int, str]:
        named = {**AS_ADMIN, "Content-Type": kind, **headers}
        async with house.client.post("/api/v1/media/upload", data=body, headers=named) as response:
            return response.status, (await response.json())["code"]

    assert await raw(b"{}", "application/json") == (415, "unsupported_media_type")
    assert await raw(b"", "multipart/form-data; boundary=x") == (400, "unreadable")
    assert await raw(b"nothing", "multipart/form-data; boundary=x") == (400, "unreadable")
    assert await raw(b"nothing", "multipart/form-data") == (400, "unreadable")
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n'
    assert await raw(part, "multipart/form-data; boundary=x") == (400, "unreadable")
    other = b'--x\r\nContent-Disposition: form-data; name="b"\r\n\r\nabc\r\n--x--\r\n'
    assert await raw(part + other, "multipart/form-data; boundary=x") == (422, "invalid")
    packed = {"Content-Encoding": "gzip"}
    assert (await raw(gzip.compress(part), "multipart/form-data; boundary=x", **packed))[0] == 415
    form = FormData()
    form.add_field("file", PDF, filename="a.pdf")
    assert (await house.client.post("/api/v1/media/upload", data=form)).status == 401
    assert (await house.gateway.store.find(Query(MEDIA))).items == []


async def test_a_link_needs_no_token_until_it_expires(house: House) -> None:
    media = (await upload(house, PNG, "kettle.png")).body
    answer = await house.post(f"/media/{media['id']}/link", {"expires_in_s": 60})
    assert answer.status == 200, answer.body
    url = answer.body["url"]
    got = await download(house, url)
    assert (got.status, got.body) == (200, PNG)
    assert (await download(house, url, Range="bytes=0-3")).body == PNG[:4]
    assert (await download(house, url[:-2] + ("AA" if not url.endswith("AA") else "BB"))).status == 404
    assert (await download(house, "/media/links/a.b.c")).status == 404
    house.clock.shift += timedelta(seconds=61)
    assert (await download(house, url)).status == 404
    assert (await house.post(f"/media/{media['id']}/link", {"expires_in_s": 5})).pointers == ["/expires_in_s"]
    assert (await house.post("/media/med_none/link")).status == 404
    assert (await house.post(f"/media/{media['id']}/link", who="")).status == 401


async def test_a_file_that_is_not_here_yet_says_how_far_it_is(house: House) -> None:
    id = (await upload(house, PNG)).body["id"]
    stored = await house.gateway.store.get(MEDIA, id)
    assert stored is not None
    fetching = replace(stored, state="fetching", sha256=None)
    await house.gateway.inbox.run(lambda uow: uow.put(MEDIA, fetching))
    for answer in (await house.get(f"/media/{id}/download"), await house.post(f"/media/{id}/link")):
        assert (answer.status, answer.code, answer.body["state"]) == (409, "media_not_stored", "fetching")


async def test_an_uploaded_file_can_be_sent_and_attached(house: House) -> None:
    shown = await house.conversation()
    media = (await upload(house, PNG, "kettle.png", "image/png")).body
    attached = await house.post(f"/conversations/{shown['id']}/notes", {"text": "See", "attachments": [media["id"]]})
    assert attached.body["attachments"][0]["state"] == "stored"
    body = {"content": {"type": "image", "media": {"id": media["id"]}, "caption": "The kettle"}}
    sent = await house.post(f"/conversations/{shown['id']}/messages", body)
    assert sent.status == 201, sent.body
    assert sent.body["message"]["content"]["media"]["mime_type"] == "image/png"
    assert sent.body["message"]["text_content"] == "The kettle"


@given(st.text(max_size=400))
def test_a_filename_is_short_and_has_no_path(given_name: str) -> None:
    name = clean_filename(given_name)
    if name is not None:
        assert 0 < len(name.encode("utf-8", "replace")) <= MAX_FILENAME
        assert not set("/\\\x00\r\n") & set(name)
        assert name not in (".", "..")


@given(st.text(alphabet="bytes=-0123456789, ", max_size=30), st.integers(0, 10_000))
def test_any_range_is_within_the_file_or_refused(asked: str, size: int) -> None:
    try:
        span = asked_span(asked, None, "d", size)
    except RangeNotSatisfiable:
        return
    if span is not None:
        assert 0 <= span.start < span.end <= size


@given(st.text(max_size=60))
def test_any_filename_makes_one_header_line(name: str) -> None:
    at = from_unix(0)
    media = Media(id="m", created_at=at, updated_at=at, kind="document", filename=clean_filename(name))
    line = disposition(media)
    assert line.isascii()
    assert not set("\r\n\x00") & set(line)
    assert line.count('"') in (0, 2)
