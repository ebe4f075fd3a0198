"""Giving a file out over HTTP, in a way that no browser can be talked into running it.

Ranges and conditions: RFC 9110, sections 13 and 14. Content-Disposition: RFC 6266.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from patchbay.errors import NotFound, RequestError
from patchbay.model.media import Media
from patchbay.web.filenames import clean_filename

if TYPE_CHECKING:
    from patchbay.web.keys import MediaFiles

RASTER = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/heic"})
SAFETY = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_ASCII = re.compile(r"[^A-Za-z0-9!#$&+.^_`|~ ()\-]")  # what a quoted filename may hold without escapes


class RangeNotSatisfiable(RequestError):
    code = "range_not_satisfiable"
    status = 416
    title = "The range cannot be served"


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` up to and without ``end`` of ``size``."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        return self.end - self.start


async def send_file(request: web.Request, files: MediaFiles, media: Media) -> web.StreamResponse:
    """The file, or the part of it that was asked for; 304 for who has it already.

    Raises ``StateConflict`` (media_not_stored), ``RangeNotSatisfiable``, ``NotFound``.
    """
    whole = files.open(media)  # refuses what is not stored
    size, digest = media.size or 0, media.sha256 or ""
    headers = {**SAFETY, "ETag": f'"{digest}"', "Content-Disposition": disposition(media)}
    if holds(request.headers.get("If-None-Match"), digest):
        return web.Response(status=304, headers=headers)
    span = asked_span(request.headers.get("Range"), request.headers.get("If-Range"), digest, size)
    response = web.StreamResponse(status=200 if span is None else 206, headers=headers)
    response.content_type = media.mime_type or "application/octet-stream"
    if span is not None:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    response.content_length = size if span is None else span.length
    if request.method == "HEAD":
        await response.prepare(request)
        await response.write_eof()
        return response
    chunks = whole if span is None else files.open(media, span.start, span.length)
    first = await _first(chunks)  # before the headers leave: what is missing is still a 404
    await response.prepare(request)
    if first:
        await response.write(first)
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def _first(chunks: AsyncIterator[bytes]) -> bytes:
    try:
        return await anext(chunks, b"")
    except FileNotFoundError as error:
        raise NotFound("The bytes of this file are gone.") from error


def disposition(media: Media) -> str:
    """``attachment``, except for what browsers only show or play: raster images, audio, video."""
    kind = media.mime_type or ""
    shown = kind in RASTER or kind.startswith(("audio/", "video/"))
    said = "inline" if shown else "attachment"
    name = clean_filename(media.filename)  # a provider's names come as people made them
    if name is None:
        return said
    plain = _ASCII.sub("_", name)
    if plain == name:
        return f'{said}; filename="{plain}"'
    return f"{said}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def holds(if_none_match: str | None, digest: str) -> bool:
    """Whether the client has these bytes."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or digest in _ETAG.findall(if_none_match)


def asked_span(asked: str | None, if_range: str | None, digest: str, size: int) -> Span | None:
    """The part that is asked for; None for the whole: no range, several, one that cannot be read, or one of a file
    that is another by now. Raises ``RangeNotSatisfiable``."""
    if asked is None or (if_range is not None and if_range.strip() != f'"{digest}"'):
        return None
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        start = int(found[1])
        end = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None  # RFC 9110: such a range is not valid, and to be ignored
    else:
        start, end = max(0, size - int(found[2])), size
    if start >= end:
        raise RangeNotSatisfiable(
            f"The file has {size} bytes.", headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        )
    return Span(start, end, size)
