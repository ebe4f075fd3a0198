"""Files: handed over once, sent by their id afterwards, found by it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from patchbay.channel import MediaSource, UploadedMedia
from patchbay.errors import AccountBroken, MediaRefused, SendError, Unavailable
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    DocumentFile,
    Header,
    Image,
    Interactive,
    MediaRef,
    Sticker,
    Video,
)
from patchbay.model.media import MediaKind, ProviderMedia
from patchbay.testing.outbound import outgoing, stored_file
from patchbay.testing.play import answer, play

from people import BOT, CHANNEL, MARA, call, refused, taken

REF = MediaRef(id="med_1")

FILES: list[tuple[AnyContent, MediaKind, str, str, dict[str, str], Any]] = [
    (
        Image(media=REF, caption="Look"),
        "image",
        "image/png",
        "photo",
        {"caption": "Look"},
        [{"file_id": "s"}, {"file_id": "F"}],
    ),
    (Image(media=REF), "image", "image/gif", "animation", {}, {"file_id": "F"}),
    (Video(media=REF, caption="V"), "video", "video/mp4", "video", {"caption": "V"}, {"file_id": "F"}),
    (Audio(media=REF), "audio", "audio/mpeg", "audio", {}, {"file_id": "F"}),
    (Audio(media=REF, voice=True), "audio", "audio/ogg", "voice", {}, {"file_id": "F"}),
    (DocumentFile(media=REF), "document", "application/pdf", "document", {}, {"file_id": "F"}),
    (Sticker(media=REF), "sticker", "image/webp", "sticker", {}, {"file_id": "F"}),
]


@pytest.mark.parametrize(("content", "kind", "mime_type", "field", "params", "held"), FILES)
def test_a_file_goes_along_once_and_by_its_id_afterwards(
    content: AnyContent, kind: MediaKind, mime_type: str, field: str, params: dict[str, str], held: Any
) -> None:
    media = stored_file(kind, mime_type)
    CHANNEL.check(BOT, content, MARA, media)
    first = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken(**{field: held}))
    assert call(first.request) == f"send{field.capitalize()}"
    assert first.request.form == {"chat_id": "7001", **params}
    file = first.request.file
    assert file is not None
    assert (file.field, file.media, file.content_type) == (field, media, mime_type)
    assert first.result.uploaded == UploadedMedia("med_1", f"{field}:F", timedelta(days=365))

    again = outgoing(content, MARA, media=media, provider_media_id=f"{field}:F")
    second = play(CHANNEL.send(BOT, again), taken())
    assert second.request.json == {"chat_id": 7001, **params, field: "F"}
    assert second.result.uploaded is None


def test_a_file_keeps_its_name() -> None:
    media = stored_file("document", "application/pdf", filename="stored.pdf")
    content = DocumentFile(media=MediaRef(id="med_1", filename="Offer.pdf"))
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken())
    assert sent.request.file is not None
    assert sent.request.file.filename == "Offer.pdf"
    assert sent.result.uploaded is None  # the answer named no file


def test_an_id_of_another_kind_is_of_no_use() -> None:
    message = outgoing(
        DocumentFile(media=REF), MARA, media=stored_file("image", "image/png"), provider_media_id="photo:F"
    )
    sent = play(CHANNEL.send(BOT, message), taken(document={"file_id": "D"}))
    assert sent.request.file is not None
    assert sent.result.uploaded is not None
    assert sent.result.uploaded.provider_media_id == "document:D"


def test_a_file_that_telegram_forgot_is_handed_over_again() -> None:
    message = outgoing(Image(media=REF), MARA, media=stored_file("image", "image/png"), provider_media_id="photo:old")
    forgot = refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
    sent = play(CHANNEL.send(BOT, message), forgot, taken(photo=[{"file_id": "new"}]))
    assert [request.file is not None for request in sent.requests] == [False, True]
    assert sent.result.uploaded is not None
    assert sent.result.uploaded.provider_media_id == "photo:new"


def test_buttons_stand_below_a_picture() -> None:
    buttons = (Button(id="y", title="Yes"), Button(id="n", title="No"))
    content = Interactive(kind="buttons", header=Header(kind="document", media=REF), body="Sign?", buttons=buttons)
    media = stored_file("document", "application/pdf")
    CHANNEL.check(BOT, content, MARA, media)
    sent = play(CHANNEL.send(BOT, outgoing(content, MARA, media=media)), taken())
    assert call(sent.request) == "sendDocument"
    assert sent.request.form is not None
    assert sent.request.form["caption"] == "Sign?"
    assert json.loads(sent.request.form["reply_markup"])["inline_keyboard"][1] == [{"text": "No", "callback_data": "n"}]


def test_a_file_is_found_by_its_id() -> None:
    media = stored_file("document", None, None, provider=ProviderMedia(media_id="F"))
    found = answer(ok=True, result={"file_id": "F", "file_size": 9, "file_path": "documents/fi le{token}.pdf"})
    got = play(CHANNEL.fetch_media(BOT, media), found)
    assert (call(got.request), got.request.json) == ("getFile", {"file_id": "F"})
    url = "https://api.telegram.org/file/bot{token}/documents/fi%20le%7Btoken%7D.pdf"
    assert got.result == MediaSource(url=url, authorise=True, size=9)


FETCHES: list[tuple[Any, type[SendError]]] = [
    (refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable"), Unavailable),
    (refused(400, "Bad Request: file is too big"), MediaRefused),
    (refused(400, "Bad Request: invalid file_id"), MediaRefused),
    (refused(401, "Unauthorized"), AccountBroken),
    (refused(502, "Bad Gateway"), Unavailable),
    (answer(ok=True, result={"file_path": "/var/lib/telegram/a.pdf"}), MediaRefused),
    (answer(ok=True, result={"file_path": "documents/../../etc"}), MediaRefused),
    (answer(ok=True, result={"file_path": "a", "file_size": 21 * 2**20}), MediaRefused),
    (answer(ok=True, result=None), MediaRefused),
]


@pytest.mark.parametrize(("said", "error"), FETCHES)
def test_a_file_that_cannot_be_had(said: Any, error: type[SendError]) -> None:
    media = stored_file("document", None, provider=ProviderMedia(media_id="F"))
    with pytest.raises(SendError) as caught:
        play(CHANNEL.fetch_media(BOT, media), said)
    assert type(caught.value) is error


def test_a_file_without_an_id_is_gone() -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.fetch_media(BOT, stored_file("document", None)))
