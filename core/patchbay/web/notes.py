"""Notes on conversations and about contacts."""

from __future__ import annotations

from typing import Any

from patchbay.collections import CONTACTS, NOTES
from patchbay.inbox.notes import (
    add_contact_note,
    add_conversation_note,
    belongs,
    change_note,
    delete_note,
    note_on,
)
from patchbay.inbox.unit import missing
from patchbay.model.message import Note
from patchbay.ports import Where
from patchbay.views import note_view
from patchbay.web.call import Call
from patchbay.web.conversations import the_conversation
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay.web.schemas.message_requests import NewNoteSchema, NotePatchSchema
from patchbay.web.schemas.messages import NoteSchema
from patchbay.web.timeline import on_thread

OPERATIONS = Operations(
    "Notes",
    {
        "notes.read": "See notes",
        "notes.write": "Write notes, and change one's own",
        "notes.moderate": "Change and delete the notes of others",
    },
    scoped=True,
)
MODERATE = "notes.moderate"
_on_conversation = "/conversations/{conversation_id}/notes"
_on_contact = "/contacts/{contact_id}/notes"


@OPERATIONS.get(
    _on_conversation,
    "notes.read",
    answer=Listing(NoteSchema),
    query=listing(sorts=("seq",), default_sort="seq"),
)
async def list_conversation_notes(call: Call) -> Answer:
    """List the notes of a conversation."""
    where = on_thread(await the_conversation(call))
    return page_answer(call, await call.gateway.store.find(query_of(call, NOTES, where=where)), note_view)


@OPERATIONS.post(_on_conversation, "notes.write", body=NewNoteSchema, answer=NoteSchema, creates=True)
async def create_conversation_note(call: Call) -> Answer:
    """Write a note into the timeline of a conversation. It never leaves."""
    conversation = await the_conversation(call)
    return await call.perform(
        lambda uow: add_conversation_note(uow, conversation.id, **call.body),
        created(f"{API_ROOT}/conversations/{conversation.id}/notes", note_view),
        lane=conversation.thread_id,
    )


@OPERATIONS.get(f"{_on_conversation}/{{note_id}}", "notes.read", answer=NoteSchema)
async def show_conversation_note(call: Call) -> Answer:
    """Show a note of a conversation."""
    return await _show(call)


@OPERATIONS.patch(
    f"{_on_conversation}/{{note_id}}", "notes.write", body=NotePatchSchema, answer=NoteSchema, versioned=True
)
async def change_conversation_note(call: Call) -> Answer:
    """Change a note of a conversation; the notes of others with the permission `notes.moderate`."""
    return await _change(call)


@OPERATIONS.delete(f"{_on_conversation}/{{note_id}}", "notes.write", versioned=True)
async def delete_conversation_note(call: Call) -> Answer:
    """Delete a note of a conversation; the timeline keeps its place."""
    return await _delete(call)


@OPERATIONS.get(
    _on_contact,
    "notes.read",
    answer=Listing(NoteSchema),
    query=listing(sorts=("created_at",), default_sort="created_at"),
)
async def list_contact_notes(call: Call) -> Answer:
    """List the notes about a contact."""
    id = (await call.need(CONTACTS, call.path["contact_id"])).id
    where = (Where("contact_id", "eq", id),)
    return page_answer(call, await call.gateway.store.find(query_of(call, NOTES, where=where)), note_view)


@OPERATIONS.post(_on_contact, "notes.write", body=NewNoteSchema, answer=NoteSchema, creates=True)
async def create_contact_note(call: Call) -> Answer:
    """Write a note about a contact."""
    id = (await call.need(CONTACTS, call.path["contact_id"])).id
    return await call.perform(
        lambda uow: add_contact_note(uow, id, **call.body),
        created(f"{API_ROOT}/contacts/{id}/notes", note_view),
    )


@OPERATIONS.get(f"{_on_contact}/{{note_id}}", "notes.read", answer=NoteSchema)
async def show_contact_note(call: Call) -> Answer:
    """Show a note about a contact."""
    return await _show(call)


@OPERATIONS.patch(f"{_on_contact}/{{note_id}}", "notes.write", body=NotePatchSchema, answer=NoteSchema, versioned=True)
async def change_contact_note(call: Call) -> Answer:
    """Change a note about a contact; the notes of others with the permission `notes.moderate`."""
    return await _change(call)


@OPERATIONS.delete(f"{_on_contact}/{{note_id}}", "notes.write", versioned=True)
async def delete_contact_note(call: Call) -> Answer:
    """Delete a note about a contact."""
    return await _delete(call)


def _place(call: Call) -> dict[str, Any]:
    return {"conversation_id": call.path.get("conversation_id"), "contact_id": call.path.get("contact_id")}


async def _the_note(call: Call) -> Note:
    """The note that the path names. Raises ``NotFound``."""
    note = await call.need(NOTES, call.path["note_id"])
    if not belongs(note, **_place(call)):
        raise missing(NOTES, note.id)
    return note


async def _show(call: Call) -> Answer:
    return _answer(await _the_note(call))


async def _change(call: Call) -> Answer:
    id, place, may = call.path["note_id"], _place(call), await call.may(MODERATE, NOTES, await _the_note(call))
    note = await call.run(
        lambda uow: change_note(
            uow, note_on(uow, id, **place), call.body, may_moderate=may, expected=call.expected_version
        )
    )
    return _answer(note)


async def _delete(call: Call) -> Answer:
    id, place, may = call.path["note_id"], _place(call), await call.may(MODERATE, NOTES, await _the_note(call))
    await call.run(
        lambda uow: delete_note(uow, note_on(uow, id, **place), may_moderate=may, expected=call.expected_version)
    )
    return Answer()


def _answer(note: Note) -> Answer:
    return Answer(note_view(note), version=note.version)
