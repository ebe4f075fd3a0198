"""Media: uploads, look-ups, downloads, and the files that customers send."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib
from typing import TYPE_CHECKING

import aiohttp
import pytest

from patchbay_simulator import Customer, File, GraphSimulator, SimulationError
from patchbay_simulator.files import make

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

NUMBER = "401000000000001"


def form(data: bytes, mime_type: str) -> aiohttp.FormData:
    made = aiohttp.FormData({"messaging_product": "whatsapp", "type": mime_type})
    made.add_field("file", io.BytesIO(data), filename="file", content_type=mime_type)
    return made


async def download(graph: Client, url: str, *, token: bool = True) -> tuple[int, bytes]:
    async with graph.session.get(url, headers=graph.headers() if token else {}) as response:
        return response.status, await response.read()


async def test_an_upload_can_be_sent_looked_up_downloaded_and_deleted(
    meta: GraphSimulator, mara: Customer, graph: Client
) -> None:
    data = make("image").data
    status, body = await graph.call("POST", f"{NUMBER}/media", data=form(data, "image/jpeg"))
    assert status == 200
    mara.say("hi")
    assert (await graph.send("image", {"id": body["id"], "caption": "Look"}))[0] == 200
    assert (await mara.expect(type="image")).text == "Look"
    _, found = await graph.call("GET", body["id"], params={"phone_number_id": NUMBER})
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert (found["file_size"], found["mime_type"], found["id"]) == (len(data), "image/jpeg", body["id"])
    assert "token=" in found["url"]
    assert await download(graph, found["url"]) == (200, data)
    assert await graph.call("DELETE", body["id"]) == (200, {"success": True})
    assert (await graph.call("GET", body["id"]))[1]["error"]["error_subcode"] == 33
    assert (await download(graph, found["url"]))[0] == 404


async def test_a_download_needs_the_token_and_a_fresh_url(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    mara.attach("document")
    (media_id,) = meta.world.media
    _, found = await graph.call("GET", media_id)
    assert (await download(graph, found["url"], token=False))[0] == 401
    assert (await download(graph, found["url"].replace("token=", "token=0")))[0] == 404
    meta.clock.advance(299)
    assert (await download(graph, found["url"]))[0] == 200
    meta.clock.advance(2)
    assert (await download(graph, found["url"]))[0] == 404
    _, found = await graph.call("GET", media_id)
    assert (await download(graph, found["url"]))[0] == 200


async def test_media_ids_expire(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    mara.attach("image")
    (inbound,) = meta.world.media
    _, uploaded = await graph.call("POST", f"{NUMBER}/media", data=form(b"%PDF", "application/pdf"))
    meta.clock.advance(7 * 86_400 + 1)
    assert (await graph.call("GET", inbound))[0] == 400
    assert (await graph.call("GET", uploaded["id"]))[0] == 200
    meta.clock.advance(23 * 86_400)
    assert (await graph.call("GET", uploaded["id"]))[0] == 400
    assert (await graph.send("document", {"id": uploaded["id"]}))[1]["error"]["code"] == 100


@pytest.mark.parametrize(
    ("data", "mime_type", "code"),
    [(b"GIF89a", "image/gif", 100), (b"x" * (5 * 2**20 + 1), "image/png", 131053), (b"", "image/png", 131053)],
    ids=["refused type", "too large", "empty"],
)
async def test_files_that_meta_refuses_are_refused(graph: Client, data: bytes, mime_type: str, code: int) -> None:
    _, body = await graph.call("POST", f"{NUMBER}/media", data=form(data, mime_type))
    assert body["error"]["code"] == code


async def test_an_upload_without_a_file_is_refused(graph: Client) -> None:
    with aiohttp.MultipartWriter("form-data") as writer:
        part = writer.append("whatsapp")
        part.set_content_disposition("form-data", name="messaging_product")
    _, body = await graph.call("POST", f"{NUMBER}/media", data=writer)
    assert body["error"]["code"] == 100


@pytest.mark.parametrize(
    ("kind", "type_", "mime_type", "magic"),
    [
        ("image", "image", "image/jpeg", b"\xff\xd8\xff"),
        ("photo", "image", "image/png", b"\x89PNG"),
        ("voice", "audio", "audio/ogg; codecs=opus", b"OggS"),
        ("audio", "audio", "audio/ogg; codecs=opus", b"OggS"),
        ("video", "video", "video/mp4", b"\x00\x00\x00"),
        ("document", "document", "application/pdf", b"%PDF"),
        ("sticker", "sticker", "image/webp", b"RIFF"),
    ],
)
async def test_a_customer_sends_a_real_file_that_can_be_fetched_by_url_and_by_id(
    meta: GraphSimulator,
    mara: Customer,
    graph: Client,
    receiver: Receiver,
    kind: str,
    type_: str,
    mime_type: str,
    magic: bytes,
) -> None:
    mara.attach(kind, caption=None if kind in ("voice", "audio", "sticker") else "See this")
    await meta.idle()
    (message,) = receiver.items("messages")
    media = message[type_]
    assert (message["type"], media["mime_type"]) == (type_, mime_type)
    assert media.get("voice") == {"voice": True, "audio": False}.get(kind)
    status, data = await download(graph, media["url"])
    assert status == 200
    assert data.startswith(magic)
    assert base64.b64decode(media["sha256"]) == hashlib.sha256(data).digest()
    _, found = await graph.call("GET", media["id"])
    assert found["sha256"] == hashlib.sha256(data).hexdigest()


async def test_a_customer_can_send_bytes_of_the_tests_own(meta: GraphSimulator, mara: Customer, graph: Client) -> None:
    mara.attach("document", file=File(b"MZ not a PDF", "application/pdf", "invoice.pdf"))
    (media_id,) = meta.world.media
    _, found = await graph.call("GET", media_id)
    assert (await download(graph, found["url"]))[1] == b"MZ not a PDF"
    with pytest.raises(SimulationError, match="no kind"):
        mara.attach("hologram")


async def test_stored_media_are_bounded(meta: GraphSimulator, mara: Customer) -> None:
    meta.world.media_max_bytes = 10_000
    for _ in range(10):
        mara.attach("document", file=File(b"x" * 3_000, "application/pdf", "x.pdf"))
    assert len(meta.world.media) == 3
    assert meta.world.media_bytes == 9_000


@pytest.mark.parametrize("number", [0, 1, 7, 300])
def test_made_files_hold_together(number: int) -> None:
    png = make("photo", number).data
    at, kinds, pixels = 8, [], b""
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(kind + data)
        kinds.append(kind)
        pixels += data if kind == b"IDAT" else b""
        at += length + 12
    assert kinds[0] == b"IHDR"
    assert kinds[-1] == b"IEND"
    assert len(zlib.decompress(pixels)) == 64 * (1 + 64 * 3)
    pdf = make("document", number).data
    table = int(pdf.rsplit(b"startxref\n", 1)[1].split()[0])
    offsets = [int(line.split()[0]) for line in pdf[table:].splitlines()[3:] if line.endswith(b"n ")]
    assert [pdf[offset:].split(maxsplit=1)[0] for offset in offsets] == [b"%d" % i for i in range(1, len(offsets) + 1)]
    webp = make("sticker", number).data
    assert struct.unpack_from("<I", webp, 4)[0] == len(webp) - 8
    jpeg = make("image", number).data
    assert jpeg.endswith(b"\xff\xd9")
    assert make("voice", number).data.count(b"OggS") == 3


def test_files_differ_by_number() -> None:
    kinds = ("image", "photo", "voice", "video", "document", "sticker")
    assert all(make(kind, 1).data != make(kind, 2).data for kind in kinds)
