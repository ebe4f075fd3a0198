"""The file of a message to be sent: stored here, or fetched by the provider from an address. No IO."""

from __future__ import annotations

from urllib.parse import urlsplit

from patchbay.channel import Channel
from patchbay.collections import MEDIA
from patchbay.errors import FieldError, Invalid, NotFound, Unsupported
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import AnyContent, Header, Interactive, MediaRef, media_of, type_of, with_media
from patchbay.model.media import Media

ADDRESS_LIMIT = 2000  # characters: what every provider that fetches by itself takes


def with_file(uow: UnitOfWork, channel: Channel, content: AnyContent) -> tuple[AnyContent, Media | None]:
    """The content with its file as it is known, and the stored media, None where there is none.

    Raises ``Invalid`` naming the field, ``Unsupported`` where the channel's provider fetches no such file.
    """
    named = media_of(content)
    if named is None:
        return content, None
    pointer = "/content/header/media" if isinstance(content, Interactive) else "/content/media"
    if named.url is not None:
        _check_address(named, pointer)
        kind = _kind(content)
        if kind not in channel.capabilities.fetches:
            raise Unsupported(
                f"{channel.title} takes no {kind} by its address.",
                pointer=f"{pointer}/url",
                hint="Upload it (POST /media/upload) and give its id.",
            )
        return with_media(content, MediaRef(url=named.url, filename=named.filename, state="remote")), None
    try:
        media = uow.reach(MEDIA, named.id)
    except NotFound:
        message = f"There is no media {named.id!r}; upload it first." if named.id else "Give an id, or a url."
        raise _invalid("The media does not exist.", f"{pointer}/id", "not_found", message) from None
    if media.state != "stored":
        raise _invalid("The media is not stored.", f"{pointer}/id", "not_stored", f"The media is {media.state}.")
    reference = MediaRef(
        id=media.id,
        mime_type=media.mime_type,
        size=media.size,
        filename=named.filename or media.filename,
        state="stored",
    )
    return with_media(content, reference), media


def _kind(content: AnyContent) -> str:
    match content:
        case Interactive(header=Header(kind=kind)):
            return kind
        case _:
            return type_of(content)


def _check_address(named: MediaRef, pointer: str) -> None:
    """Public, and whole: the provider is the one that fetches it, so nothing of it can be tried here."""
    if named.id:
        raise _invalid("A file is given by its id or by its address.", f"{pointer}/url", "ambiguous", "Leave one out.")
    url = named.url or ""
    try:
        parts = urlsplit(url)
        whole = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.password is None
    except ValueError:
        whole = False
    if not whole or len(url) > ADDRESS_LIMIT or any(character <= " " for character in url):
        message = (
            f"An address begins with https://, names a host and no user, and has at most {ADDRESS_LIMIT} characters."
        )
        raise _invalid("The address of the file cannot be used.", f"{pointer}/url", "invalid_url", message)


def _invalid(detail: str, pointer: str, code: str, message: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, code, message)])
