"""Media: uploads, what a file is, its bytes, and links to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from patchbay.collections import MEDIA
from patchbay.errors import FieldError, Invalid, NotFound, Unreadable, UnsupportedMediaType
from patchbay.model.media import Media
from patchbay.model.times import rfc3339
from patchbay.views import media_view
from patchbay.web.bodies import TooSlow, refuse_encoded, too_large
from patchbay.web.call import Call
from patchbay.web.downloads import send_file
from patchbay.web.filenames import clean_filename, clean_type
from patchbay.web.operations import API_ROOT, Answer, Operations, Public, created
from patchbay.web.schemas.message_requests import LinkRequestSchema, LinkSchema
from patchbay.web.schemas.messages import MediaSchema

if TYPE_CHECKING:
    from patchbay.settings import HttpSettings

OPERATIONS = Operations(
    "Media",
    {"media.read": "See and download files, and make links to them", "media.write": "Upload files"},
    scoped=True,
)
CHUNK = 64 * 1024
SLOWEST = 10 * 1024  # bytes a second, after the first ``read_timeout_s``
FRAMING = 16 * 1024  # bytes that boundaries and part headers may add to a file
LINKS = "media links"  # what the key that signs them is derived for
LINKED = Public("the signature in the path is the permission, for as long as the link is good")


@OPERATIONS.post("/media/upload", "media.write", answer=MediaSchema, creates=True, raw_body=True, errors=("too_large",))
async def upload_media(call: Call) -> Answer:
    """Upload a file.

    `multipart/form-data` with one part, `file`. It is streamed to the media store; what it is is told by its bytes.
    """
    service, http = call.gateway.media, call.gateway.settings.http
    reader, part = await file_part(call.request, http)
    filename, declared = clean_filename(part.filename), clean_type(part.headers.get("Content-Type"))
    try:
        blob = await service.keep(_chunks(call, part))
        await _refuse_more(reader)
    except (HttpProcessingError, web.RequestPayloadError, ValueError) as error:
        raise Unreadable("The body broke off or is framed wrongly.") from error
    printed = sha256("\x1f".join((blob.sha256, filename or "", declared or "")).encode()).hexdigest()
    return await call.perform(
        lambda uow: service.stage(uow, blob=blob, filename=filename, declared=declared),
        created(f"{API_ROOT}/media", media_view),
        fingerprint=printed,
    )


async def file_part(request: web.Request, http: HttpSettings) -> tuple[MultipartReader, BodyPartReader]:
    """The body, and its part ``file``, unread.

    Raises: ``UnsupportedMediaType``, ``TooLarge``, ``TooSlow``, ``Unreadable``, ``Invalid``.
    """
    refuse_encoded(request)
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as multipart/form-data.", headers={"Accept": "multipart/form-data"})
    if request.content_length is not None and request.content_length > http.document_max_bytes + FRAMING:
        raise too_large(http.document_max_bytes)
    try:
        async with asyncio.timeout(http.read_timeout_s):
            reader = await request.multipart()
            part = await reader.next()
    except TimeoutError as error:
        raise TooSlow("The file did not begin in time.", headers={"Connection": "close"}) from error
    except (HttpProcessingError, web.RequestPayloadError, ValueError) as error:
        raise Unreadable("The body is no multipart/form-data.") from error
    if not isinstance(part, BodyPartReader) or part.name != "file":
        message = "One part named file is needed, and nothing else."
        raise Invalid(message, errors=[FieldError("/file", "required", message)])
    return reader, part


async def _chunks(call: Call, part: BodyPartReader) -> AsyncIterator[bytes]:
    """The file as it comes. Raises ``TooSlow`` for who sends less than 10 KiB a second."""
    clock, patience = call.gateway.clock, call.gateway.settings.http.read_timeout_s
    began, received = clock.monotonic(), 0
    while True:
        try:
            async with asyncio.timeout(patience):
                chunk = await part.read_chunk(CHUNK)
        except TimeoutError as error:
            raise _too_slow() from error
        if not chunk:
            return
        received += len(chunk)
        if received < SLOWEST * (clock.monotonic() - began - patience):
            raise _too_slow()
        yield chunk


def _too_slow() -> TooSlow:
    return TooSlow(f"Send at least {SLOWEST} bytes a second.", headers={"Connection": "close"})


async def _refuse_more(reader: MultipartReader) -> None:
    """Read what ends the body. Raises ``Invalid`` when another part comes instead."""
    if await reader.next() is not None:
        message = "One part named file is needed, and nothing else."
        raise Invalid(message, errors=[FieldError("/", "unknown_field", message)])


@OPERATIONS.get("/media/{media_id}", "media.read", answer=MediaSchema)
async def show_media(call: Call) -> Answer:
    """Show what is known of a file."""
    media = await the_media(call)
    return Answer(media_view(media), version=media.version)


@OPERATIONS.get(
    "/media/{media_id}/download",
    "media.read",
    produces=("application/octet-stream",),
    errors=("media_not_stored", "range_not_satisfiable"),
)
async def download_media(call: Call) -> web.StreamResponse:
    """Download a file.

    Takes `Range` and `If-Range`; the `ETag` is the SHA-256 of the bytes.
    """
    media = await the_media(call)
    return await send_file(call.request, call.gateway.media, media)


@OPERATIONS.post(
    "/media/{media_id}/link", "media.read", body=LinkRequestSchema, answer=LinkSchema, errors=("media_not_stored",)
)
async def link_media(call: Call) -> Answer:
    """Make a link to a file that needs no token until it expires."""
    media = await the_media(call)
    call.gateway.media.open(media)  # refuses what is not stored
    now = call.gateway.clock.now()
    expires = (now + timedelta(seconds=call.body["expires_in_s"])).replace(microsecond=0)
    token = call.gateway.vault.signer(LINKS).sign(media.id, expires)
    root = (call.gateway.settings.http.public_url or "").rstrip("/")
    return Answer({"url": f"{root}/media/links/{token}", "expires_at": rfc3339(expires)})


@OPERATIONS.get(
    "/media/links/{signed}",
    LINKED,
    root="",
    produces=("application/octet-stream",),
    errors=("media_not_stored", "range_not_satisfiable"),
)
async def open_link(call: Call) -> web.StreamResponse:
    """Download a file by a link."""
    id = call.gateway.vault.signer(LINKS).verify(call.path["signed"], call.gateway.clock.now())
    if id is None:
        raise NotFound("This link is not good, or no longer.")
    return await send_file(call.request, call.gateway.media, await call.need(MEDIA, id))


async def the_media(call: Call) -> Media:
    """The file that the path names. Raises ``NotFound``."""
    return await call.need(MEDIA, call.path["media_id"])
