"""Files: handing one to WhatsApp, and finding where a received one can be downloaded. No IO.

Source: WhatsApp Cloud API, Media reference: an uploaded file lives 30 days, a received one 7, a link 5 minutes.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Generator
from datetime import timedelta

from patchbay.channel import ApiRequest, ApiResponse, FilePart, MediaSource, UploadedMedia
from patchbay.errors import MediaRefused, SendError, Unavailable
from patchbay.model.media import Media
from patchbay_meta.graph import integer, segment
from patchbay_meta.hosts import may_download, may_see_token
from patchbay_whatsapp.capabilities import UPLOAD_DAYS
from patchbay_whatsapp.errors import ERRORS
from patchbay_whatsapp.limits import plain_type

GONE = "WhatsApp does not have the file any more."
ASK_AGAIN = "Ask the person to send it again."
_GONE_CODES = frozenset({"131052"})
_OPUS = "audio/ogg; codecs=opus"  # the only content of audio/ogg that is taken
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "text/plain": "txt",
    "application/pdf": "pdf",
}


def upload(phone_number_id: str, media: Media) -> Generator[ApiRequest, ApiResponse, UploadedMedia]:
    """Hand a stored file to WhatsApp. It can be sent from this number only."""
    kind = plain_type(media.mime_type or media.declared_mime_type) or "application/octet-stream"
    content_type = _OPUS if kind == "audio/ogg" else kind
    name = media.filename or f"{media.kind}.{_EXTENSIONS.get(kind, 'bin')}"
    response = yield ApiRequest(
        method="POST",
        path=f"/{segment(phone_number_id)}/media",
        form={"messaging_product": "whatsapp", "type": content_type},
        file=FilePart(field="file", media=media, filename=name, content_type=content_type),
    )
    ERRORS.check(response)
    media_id = response.body.get("id")
    if isinstance(media_id, int) and not isinstance(media_id, bool):
        media_id = str(media_id)
    if not isinstance(media_id, str) or not media_id:
        raise Unavailable("WhatsApp took the file and gave it no id.", limit=3)
    return UploadedMedia(media_id=media.id, provider_media_id=media_id, lifetime=timedelta(days=UPLOAD_DAYS))


def find(phone_number_id: str, media: Media, graph: str) -> Generator[ApiRequest, ApiResponse, MediaSource]:
    """Where the file can be downloaded for the next 5 minutes. Raises ``MediaRefused`` when it is gone for good.

    ``graph`` is the base URL that the account talks to; the token goes nowhere but there and to Meta's own hosts.
    """
    if not media.provider.media_id:
        return _source(media.provider.url, graph, media.mime_type, media.size, media.provider.sha256)
    response = yield ApiRequest(
        method="GET", path=f"/{segment(media.provider.media_id)}", query={"phone_number_id": phone_number_id}
    )
    if (error := ERRORS.error(response)) is not None:
        if not _is_gone(response, error):
            raise error
        raise MediaRefused(
            GONE,
            provider_code=error.provider_code,
            provider_subcode=error.provider_subcode,
            details=error.details,
            hint=ASK_AGAIN,
        ) from error
    body = response.body
    mime_type, sha256 = body.get("mime_type"), body.get("sha256")
    return _source(
        body.get("url"),
        graph,
        mime_type if isinstance(mime_type, str) else None,
        integer(body.get("file_size")),
        sha256 if isinstance(sha256, str) else None,
    )


def _is_gone(response: ApiResponse, error: SendError) -> bool:
    unknown_object = (error.provider_code, error.provider_subcode) == ("100", "33")
    return response.status == 404 or error.provider_code in _GONE_CODES or unknown_object


def _source(url: object, graph: str, mime_type: str | None, size: int | None, sha256: str | None) -> MediaSource:
    if not isinstance(url, str) or not url:
        raise MediaRefused(GONE, hint=ASK_AGAIN)
    if not may_download(url, graph):
        raise MediaRefused("WhatsApp named an address that is not safe to download from.", hint=ASK_AGAIN)
    return MediaSource(
        url=url, authorise=may_see_token(url, graph), mime_type=mime_type, size=size, sha256=hex_digest(sha256)
    )


def hex_digest(digest: str | None) -> str | None:
    """A SHA-256 in hex: look-ups give it so, webhooks in base64. None for what is neither."""
    if not digest:
        return None
    if len(digest) == 64:
        return digest.lower()
    try:
        raw = b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == 32 else None
