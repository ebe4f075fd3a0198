"""Messages and their echoes: each part of a message is one item. No IO.

A channel says what its messages consist of and gets the readers of its kinds::

    kinds = {"message": messages(lambda event, raw: pieces(raw, ATTACHMENTS)), "message_edit": edits}

Source: Messenger Platform, Webhooks, "messages", "message_echoes" and "message_edits".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from patchbay.channel.inbound import (
    Ignored,
    InboundEvent,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    Person,
)
from patchbay.model.content import InteractiveReply, Text, Unsupported
from patchbay_meta.messaging.attachments import Attachment, Said, attachment, link
from patchbay_meta.messaging.event import Event, Update, Updates
from patchbay_meta.messaging.people import prior_user_ref, user_ref_key
from patchbay_meta.messaging.referrals import referral_of
from patchbay_meta.reading import Odd, each, kept, part, text

Piece = Callable[[], Said]  # one part of a message, still to be read
WITHHELD = "The platform does not hand on messages of this kind."


def messages(parts_of: Callable[[Event, dict[str, Any]], Sequence[Piece]]) -> Updates:
    """The reader of the kind ``message``; ``parts_of`` says what a message consists of."""

    def updates(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
        mid = text(raw, "mid")
        echo = event.from_business or raw.get("is_echo") is True
        if raw.get("is_deleted") is True:
            key = event.key("delete", mid)
            yield Update(key, lambda: _deleted(event, mid, key))
            return
        key = event.key("echo" if echo else "message", mid)
        nothing = _withheld if raw.get("is_unsupported") is True else _nothing
        pieces: Sequence[Piece] = parts_of(event, raw) or (nothing,)
        for index, piece in enumerate(pieces):
            read = partial(echoed if echo else received, event, raw, piece, index, len(pieces))
            yield Update(f"{key}:{index}" if index else key, read)

    return updates


def received(event: Event, raw: dict[str, Any], piece: Piece, index: int, count: int) -> InboundEvent:
    """A part of what a person wrote."""
    said = piece()
    return MessageReceived(
        occurred_at=event.moment(),
        external_id=_mid(raw),
        sender=_sender(event),
        content=said.content,
        media=said.media,
        reply_to=text(part(raw, "reply_to"), "mid"),
        referral=referral_of(raw),
        context=_context(event, raw, said.context),
        part=index,
        parts=count,
    )


def echoed(event: Event, raw: dict[str, Any], piece: Piece, index: int, count: int) -> InboundEvent:
    """A part of what the business wrote, here or elsewhere; ``metadata`` is what our own send gave."""
    if event.to_itself:
        return Ignored(occurred_at=event.moment(), reason="the business wrote to itself")
    said = piece()
    return MessageEchoed(
        occurred_at=event.moment(),
        external_id=_mid(raw),
        recipient=event.known_person(),
        content=said.content,
        media=said.media,
        reply_to=text(part(raw, "reply_to"), "mid"),
        reference=text(raw, "metadata"),
        context=_context(event, raw, said.context),
        part=index,
        parts=count,
    )


def _deleted(event: Event, mid: str | None, key: str) -> InboundEvent:
    if mid is None:
        raise Odd("it does not say which message was deleted")
    return MessageDeleted(occurred_at=event.moment(), external_id=key, target=mid, by_business=event.from_business)


def edits(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """A message with its whole new text; ``num_edit`` counts, as a number or a text."""
    mid = text(raw, "mid")
    key = event.key("edit", mid, text(raw, "num_edit"))
    yield Update(key, lambda: _edited(event, raw, key))


def _edited(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    said = raw.get("text")
    if not isinstance(said, str):
        raise Odd("the new text is missing")
    return MessageEdited(
        occurred_at=event.moment(),
        external_id=key,
        target=_mid(raw),
        content=Text(text=said),
        by_business=event.from_business,
    )


def pieces(raw: dict[str, Any], readers: Mapping[str, Attachment]) -> list[Piece]:
    """What a message consists of: its text or answer, then its attachments.

    A link in a text comes with a preview of it; that stays with the text. A sticker came once as a picture and for a
    while as both: then it is one.
    """
    attachments = [_as_sticker(raw, one) for one in _without_twins(each(raw, "attachments"))]
    spoken = text(raw, "text")
    found: list[Piece] = []
    if spoken is not None or part(raw, "quick_reply"):
        previews = [one for one in attachments if isinstance(one, dict) and one.get("type") == "fallback"]
        attachments = [one for one in attachments if one not in previews]
        found.append(partial(_spoken, raw, spoken or "", previews))
    found += [partial(attachment, one, readers) for one in attachments]
    return found


def _spoken(raw: dict[str, Any], spoken: str, previews: Sequence[dict[str, Any]]) -> Said:
    if answer := part(raw, "quick_reply"):
        return Said(InteractiveReply(kind="quick_reply", id=text(answer, "payload") or "", title=spoken))
    links = [(url, title) for url, title in map(link, previews) if url or title]
    if not links:
        return Said(Text(text=spoken))
    first, *others = ({"url": url, "title": title} for url, title in links)
    context: dict[str, Any] = {"link": first, **({"links": others} if others else {})}
    return Said(Text(text=spoken), context=context)


def _without_twins(attachments: Sequence[Any]) -> list[Any]:
    """Without the pictures that stand beside the same thing as a sticker."""
    given = [one for one in attachments if isinstance(one, dict)]
    stickers = [part(one, "payload") for one in given if one.get("type") == "sticker"]
    ids = {id for payload in stickers if (id := text(payload, "sticker_id"))}
    urls = {url for payload in stickers if (url := text(payload, "url"))}

    def is_twin(one: Any) -> bool:
        payload = part(one, "payload") if isinstance(one, dict) and one.get("type") == "image" else {}
        return text(payload, "sticker_id") in ids or text(payload, "url") in urls

    return [one for one in attachments if not is_twin(one)]


def _as_sticker(raw: dict[str, Any], one: Any) -> Any:
    """An old picture whose message says that it is a sticker."""
    id = text(raw, "sticker_id")
    if id is None or not isinstance(one, dict) or one.get("type") != "image":
        return one
    return {**one, "payload": {"sticker_id": id, **part(one, "payload")}}


def _mid(raw: dict[str, Any]) -> str:
    mid = text(raw, "mid")
    if mid is None:
        raise Odd("the message has no mid")
    return mid


def _sender(event: Event) -> Person:
    """Who wrote, with the reference that a website knew them by before."""
    person = event.known_person()
    ref = prior_user_ref(event.raw)
    return replace(person, keys=(*person.keys, user_ref_key(ref))) if ref else person


def _context(event: Event, raw: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said about a message and has no field of its own."""
    context = dict(said)
    if app_id := text(raw, "app_id"):
        context["app_id"] = app_id
    if commands := each(raw, "commands"):
        context["commands"] = [name for one in commands if isinstance(one, dict) and (name := text(one, "name"))]
    if part(raw, "reply_to").get("is_self_reply") is True:
        context["is_self_reply"] = True
    if prior := part(event.raw, "prior_message"):
        context["prior_message"] = kept(prior)
    if event.standby:
        context["standby"] = True
    return context


def _withheld() -> Said:
    return Said(Unsupported(provider_type="unsupported", reason=WITHHELD))


def _nothing() -> Said:
    return Said(Unsupported(provider_type="empty", reason="The message came without its content."))
