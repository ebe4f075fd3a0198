"""Two contacts that are one person, and back again. No IO.

A merge moves lines: the identities of the source, their threads, those threads' conversations. Threads are per
identity, so no two of them ever become one, and undoing means to move the same lines back, with whatever has happened
on them since.
"""

from __future__ import annotations

from collections.abc import Iterable

from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MERGES, NOTES, THREADS
from patchbay.errors import FieldError, Invalid, StateConflict
from patchbay.inbox.audiences import of_contact
from patchbay.inbox.contacts import changeable, every, whole_person
from patchbay.inbox.landing import emit_conversation
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.contact import Contact, Merge
from patchbay.ports import Query, Where
from patchbay.views import contact_view


def merge_contacts(uow: UnitOfWork, source_id: str, target_id: str, *, expected: int | None = None) -> Contact:
    """Merge the source into the target, in one commit; the source as it is then.

    ``expected`` is the source's version. Raises ``Invalid`` for a contact and itself, ``StateConflict`` where either is
    merged or erased already: so there are no rings.
    """
    if source_id == target_id:
        message = "A contact cannot be merged into itself."
        raise Invalid(message, errors=[FieldError("/target_contact_id", "invalid", message)])
    source = whole_person(uow, changeable(uow, source_id, expected))
    target = whole_person(uow, changeable(uow, target_id, None))
    identities = every(uow, IDENTITIES, Where("contact_id", "eq", source.id))
    threads = every(uow, THREADS, Where("contact_id", "eq", source.id))
    conversations = every(uow, CONVERSATIONS, Where("contact_id", "eq", source.id))
    notes = every(uow, NOTES, Where("contact_id", "eq", source.id))
    merge = uow.add(
        MERGES,
        Merge(
            id=uow.ids.new("mrg"),
            created_at=uow.now,
            updated_at=uow.now,
            source_contact_id=source.id,
            target_contact_id=target.id,
            source_status=source.status,
            identity_ids=tuple(identity.id for identity in identities),
            thread_ids=tuple(thread.id for thread in threads),
            conversation_ids=tuple(conversation.id for conversation in conversations),
            note_ids=tuple(note.id for note in notes),
        ),
    )
    for identity in identities:
        uow.put(IDENTITIES, identity, contact_id=target.id)
    for thread in threads:
        uow.put(THREADS, thread, contact_id=target.id)
    moved = [uow.put(CONVERSATIONS, conversation, contact_id=target.id) for conversation in conversations]
    for note in notes:
        uow.put(NOTES, note, contact_id=target.id)
    source = uow.put(CONTACTS, source, status="merged", merged_into_id=target.id)
    _tell(uow, "contact.merged", source, target, merge)
    for conversation in moved:
        if conversation.status != "closed":
            emit_conversation(uow, "conversation.updated", conversation, changed=["contact"])
    return source


def unmerge_contact(uow: UnitOfWork, source_id: str, *, expected: int | None = None) -> Contact:
    """Undo the merge of this contact, in one commit; the contact as it is then.

    What was linked to its lines meanwhile comes along. Raises ``StateConflict`` for a contact that is not merged, and
    while the target is itself merged into another: merges are undone in the reverse order.
    """
    source = uow.reach(CONTACTS, source_id)
    require_version(source.version, expected)
    merge = _standing(uow, source)
    target = changeable(uow, merge.target_contact_id, None)
    with_target = Where("contact_id", "eq", target.id)
    theirs = every(uow, IDENTITIES, with_target)
    lines = {identity.line_id for identity in theirs if identity.id in merge.identity_ids}
    for identity in theirs:
        if identity.line_id in lines:
            uow.put(IDENTITIES, identity, contact_id=source.id)
    threads = [
        thread
        for thread in every(uow, THREADS, with_target)
        if thread.identity_id in lines or thread.id in merge.thread_ids
    ]
    for thread in threads:
        uow.put(THREADS, thread, contact_id=source.id)
    on_them = {thread.id for thread in threads}
    moved = [
        uow.put(CONVERSATIONS, conversation, contact_id=source.id)
        for conversation in every(uow, CONVERSATIONS, with_target)
        if conversation.thread_id in on_them
    ]
    for note in every(uow, NOTES, with_target):
        if note.id in merge.note_ids:
            uow.put(NOTES, note, contact_id=source.id)
    uow.put(MERGES, merge, undone_at=uow.now)
    source = uow.put(CONTACTS, source, status=merge.source_status, merged_into_id=None)
    _tell(uow, "contact.unmerged", source, target, merge)
    for conversation in moved:
        if conversation.status != "closed":
            emit_conversation(uow, "conversation.updated", conversation, changed=["contact"])
    return source


def _standing(uow: UnitOfWork, source: Contact) -> Merge:
    """The merge that made the contact what it is."""
    if source.status == "merged":
        merges: Iterable[Merge] = uow.find(
            Query(MERGES, (Where("source_contact_id", "eq", source.id),), sort="-id", limit=50)
        )
        for merge in merges:
            if merge.undone_at is None:
                return merge
    raise StateConflict("The contact is not merged into another one.")


def _tell(uow: UnitOfWork, event: str, source: Contact, target: Contact, merge: Merge) -> None:
    data = {  # not which conversations moved: those who hear of the contact do not reach all of them
        **contact_view(source),
        "target": contact_view(target),
        "merge": {"id": merge.id, "identity_ids": list(merge.identity_ids)},
    }
    uow.emit(
        event, "contact", source.id, data, audience=of_contact(uow, target if event == "contact.merged" else source)
    )
