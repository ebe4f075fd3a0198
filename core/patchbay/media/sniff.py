"""What a file is, by its first bytes; what its sender says is only kept. No IO."""

from __future__ import annotations

from codecs import getincrementaldecoder

import filetype

from patchbay.model.media import MediaKind

OCTETS = "application/octet-stream"
# What a browser would run or render as a page; never served as anything but a download.
ACTIVE = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml", b"<body", b"<head", b"<iframe")
TEXT_TYPES = ("text/plain", "text/csv", "text/vcard", "application/json")
# Types that share one container, where the bytes alone cannot tell and the declared type decides between them.
SAME_CONTAINER: dict[str, frozenset[str]] = {
    "video/mp4": frozenset({"audio/mp4", "video/mp4", "video/3gpp", "audio/aac"}),
    "audio/ogg": frozenset({"audio/ogg", "video/ogg", "audio/opus"}),
    "audio/mp4": frozenset({"audio/mp4", "video/mp4"}),
    "audio/x-m4a": frozenset({"audio/mp4"}),
    "application/zip": frozenset(
        {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        }
    ),
}


def sniffed(head: bytes, declared: str | None) -> str:
    """The MIME type of a file that begins so; ``application/octet-stream`` when it cannot be told."""
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(ACTIVE):
        return "image/svg+xml" if b"<svg" in head[:4096].lower() else "text/html"
    said = (declared or "").split(";")[0].strip().lower()
    guess = filetype.guess(head)
    if guess is None:
        return said if said in TEXT_TYPES and _is_text(head) else OCTETS
    found: str = guess.mime
    return said if said in SAME_CONTAINER.get(found, ()) else found


def _is_text(head: bytes) -> bool:
    """Whether it is UTF-8 without controls that no text has; a character may be cut at the end of what was read."""
    try:
        text = getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(sign < " " and sign not in "\t\n\r\f\x1b" for sign in text)


def kind_of(mime_type: str) -> MediaKind:
    """The kind of media that a MIME type makes."""
    match mime_type.split("/")[0]:
        case "image" if mime_type != "image/svg+xml":
            return "image"
        case "video":
            return "video"
        case "audio":
            return "audio"
        case _:
            return "document"
