"""Notes: what agents tell each other, on a conversation or about a contact. No IO. They cannot leave (invariant 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.collections import ACTIVITIES, CONTACTS, CONVERSATIONS, MEDIA, NOTES
from patchbay.errors import FieldError, Forbidden, Invalid, NotFound
from patchbay.inbox.activities import next_seq
from patchbay.inbox.audiences import of_contact, of_conversation
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.content import MediaRef
from patchbay.model.event import Audience
from patchbay.model.message import Activity, Note
from patchbay.views import note_view


def add_conversation_note(
    uow: UnitOfWork,
    conversation_id: str,
    text: str,
    *,
    mentions: Sequence[str] = (),
    attachments: Sequence[str] = (),
) -> Note:
    """A note in the conversation's timeline, open or closed. ``attachments`` are media ids."""
    conversation = uow.reach(CONVERSATIONS, conversation_id)
    note = Note(
        id=uow.ids.new("note"),
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=conversation.thread_id,
        conversation_id=conversation.id,
        seq=next_seq(uow, conversation.thread_id),
        author=uow.actor,
        text=text,
        mentions=tuple(dict.fromkeys(mentions)),
        attachments=_attached(uow, attachments),
    )
    return _added(uow, note)


def add_contact_note(
    uow: UnitOfWork, contact_id: str, text: str, *, mentions: Sequence[str] = (), attachments: Sequence[str] = ()
) -> Note:
    """A note about a person; it stands in no timeline."""
    contact = uow.reach(CONTACTS, contact_id)
    note = Note(
        id=uow.ids.new("note"),
        created_at=uow.now,
        updated_at=uow.now,
        contact_id=contact.id,
        author=uow.actor,
        text=text,
        mentions=tuple(dict.fromkeys(mentions)),
        attachments=_attached(uow, attachments),
    )
    return _added(uow, note)


def note_on(
    uow: UnitOfWork, note_id: str, *, conversation_id: str | None = None, contact_id: str | None = None
) -> Note:
    """The note, if it belongs there. Raises ``NotFound``."""
    note = uow.reach(NOTES, note_id)
    if not belongs(note, conversation_id, contact_id):
        raise NotFound(f"There is no note {note_id!r}.")
    return note


def belongs(note: Note, conversation_id: str | None, contact_id: str | None) -> bool:
    return note.conversation_id == conversation_id and note.contact_id == contact_id


def change_note(
    uow: UnitOfWork, note: Note, changes: Mapping[str, Any], *, may_moderate: bool, expected: int | None = None
) -> Note:
    """Change text, mentions or attachments (media ids). Raises ``Forbidden`` for who neither wrote it nor moderates."""
    require_version(note.version, expected)
    _require_author(uow, note, may_moderate)
    after = dict(changes)
    if "mentions" in after:
        after["mentions"] = tuple(dict.fromkeys(after["mentions"]))
    if "attachments" in after:
        after["attachments"] = _attached(uow, after["attachments"])
    after = {name: value for name, value in after.items() if value != getattr(note, name)}
    if not after:
        return note
    note = uow.put(NOTES, note, **after)
    uow.emit(
        "note.updated", "note", note.id, {**note_view(note), "changed": sorted(after)}, audience=_audience(uow, note)
    )
    return note


def delete_note(uow: UnitOfWork, note: Note, *, may_moderate: bool, expected: int | None = None) -> None:
    """Remove a note. Its place in the timeline says that one was there: places are never empty (invariant 2)."""
    require_version(note.version, expected)
    _require_author(uow, note, may_moderate)
    uow.remove(NOTES, note)
    if note.thread_id is not None and note.conversation_id is not None:
        uow.add(
            ACTIVITIES,
            Activity(
                id=uow.ids.new("act"),
                created_at=uow.now,
                updated_at=uow.now,
                thread_id=note.thread_id,
                conversation_id=note.conversation_id,
                seq=note.seq,
                verb="note_deleted",
                actor=uow.actor,
            ),
        )
    uow.emit("note.deleted", "note", note.id, {**note_view(note), "text": ""}, audience=_audience(uow, note))


def _added(uow: UnitOfWork, note: Note) -> Note:
    uow.add(NOTES, note)
    uow.emit("note.created", "note", note.id, note_view(note), audience=_audience(uow, note))
    return note


def _audience(uow: UnitOfWork, note: Note) -> Audience:
    if note.conversation_id is not None:
        return of_conversation(uow.need(CONVERSATIONS, note.conversation_id))
    return Audience() if note.contact_id is None else of_contact(uow, uow.need(CONTACTS, note.contact_id))


def _require_author(uow: UnitOfWork, note: Note, may_moderate: bool) -> None:
    wrote = note.author.type == uow.actor.type and note.author.id == uow.actor.id
    if not wrote and not may_moderate:
        raise Forbidden("Only its author may change this note.", extra={"permission": "notes.moderate"})


def _attached(uow: UnitOfWork, media_ids: Sequence[str]) -> tuple[MediaRef, ...]:
    found: list[MediaRef] = []
    for place, id in enumerate(dict.fromkeys(media_ids)):
        try:
            media = uow.reach(MEDIA, id)
        except NotFound:
            message = f"There is no media {id!r}; upload it first."
            raise Invalid(message, errors=[FieldError(f"/attachments/{place}", "not_found", message)]) from None
        found.append(
            MediaRef(
                id=media.id,
                mime_type=media.mime_type,
                size=media.size,
                filename=media.filename,
                state=media.state,
            )
        )
    return tuple(found)
