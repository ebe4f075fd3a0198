"""Erasing, as commands: what is left of each document. Ids, order, times and directions stay. No IO.

Each may be done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from patchbay.collections import (
    ACTIVITIES,
    CONTACTS,
    CONVERSATIONS,
    IDEMPOTENCY,
    IDENTITIES,
    MEDIA,
    MESSAGES,
    NOTES,
    OUTBOX,
    PARKED,
    THREADS,
    UPLOADS,
    WITHHELD,
)
from patchbay.inbox.landing import OPEN_CONVERSATION
from patchbay.inbox.locate import EXTERNAL_REF, ref_value, take
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.contact import Contact, Identity, Profile
from patchbay.model.content import Unsupported
from patchbay.model.conversation import Controller, Conversation, Window
from patchbay.model.media import Media, ProviderMedia
from patchbay.model.message import Actor, Deleted, Message, Note, ReplyTo
from patchbay.model.outbox import LIVE_STATES
from patchbay.ports import Query, Where
from patchbay.privacy.person import Person

ERASED = "erased"  # ``provider_type`` of what is left of a content
MARKER = Unsupported(provider_type=ERASED, reason="The content was erased.")
PURGED = Unsupported(provider_type="expired", reason="The content was kept for as long as the retention rules say.")
HANDING_AROUND = frozenset(
    {"assigned", "unassigned", "claimed", "released", "transferred", "snoozed", "unsnoozed", "closed", "reopened"}
)
ERASED_ANSWER = '{"erased":true}'
Fingerprint = Callable[[str, str, str], str]  # of an identity's scope, kind and value, with a key


def seal_off(uow: UnitOfWork, person: Person, fingerprint: Fingerprint) -> None:
    """Nothing new can reach what is about to be erased: the contact is nobody, its conversations are closed, its
    identities are known by a fingerprint under new ids.

    Whoever writes by the same key later is met as somebody new, on a thread of their own.
    """
    for contact in uow.get_all(CONTACTS, person.contact_ids).values():
        _erase_contact(uow, contact)
    followed: dict[str, str] = {}
    found = uow.get_all(IDENTITIES, person.identity_ids)
    for identity in found.values():
        followed[identity.id] = uow.ids.new("idn")
    for identity in found.values():
        uow.remove(IDENTITIES, identity)
        uow.add(IDENTITIES, _erased_identity(uow, identity, followed, fingerprint))
    for thread in uow.get_all(THREADS, person.thread_ids).values():
        if thread.open_conversation_id is not None:
            uow.free(OPEN_CONVERSATION, thread.id, thread.open_conversation_id)
        uow.put(
            THREADS,
            thread,
            identity_id=followed.get(thread.identity_id, thread.identity_id),
            open_conversation_id=None,
            window=Window(),
        )
    for conversation in uow.get_all(CONVERSATIONS, person.conversation_ids).values():
        _erase_conversation(uow, conversation)


def _erase_contact(uow: UnitOfWork, contact: Contact) -> None:
    bare = Contact(id=contact.id, version=contact.version, created_at=contact.created_at, updated_at=contact.updated_at)
    uow.put(CONTACTS, replace(bare, status="erased", merged_into_id=contact.merged_into_id))


def _erased_identity(
    uow: UnitOfWork, identity: Identity, followed: dict[str, str], fingerprint: Fingerprint
) -> Identity:
    return replace(
        identity,
        id=followed[identity.id],
        version=1,
        updated_at=uow.now,
        line_id=followed.get(identity.line_id, identity.line_id),
        value=fingerprint(identity.scope, identity.kind, identity.value),
        username=None,
        profile=Profile(),
        status="superseded",  # nothing is sent to such a one
        superseded_by=None,
        conflicts=(),
        key_hash=None,
    )


def _erase_conversation(uow: UnitOfWork, conversation: Conversation) -> None:
    last = conversation.last_message
    uow.put(
        CONVERSATIONS,
        conversation,
        status="closed",
        closed_at=conversation.closed_at or uow.now,
        close_reason=ERASED,
        subject=None,
        tags=(),
        attributes={},
        snoozed_until=None,
        waiting_since=None,
        controller=Controller(token=uow.ids.new("ctl")),
        last_message=None if last is None else replace(last, preview=""),
    )


def erase_messages(
    uow: UnitOfWork, message_ids: Sequence[str], marker: Unsupported = MARKER
) -> tuple[list[Media], list[str]]:
    """Erase some messages, and what is known of the files that came with them. The files, as they were; and the ids of
    uploads that they refer to, which others may refer to as well."""
    messages = [message for message in uow.get_all(MESSAGES, message_ids).values() if not is_erased(message)]
    named = {id for message in messages for id in media_ids(message)}
    came = (
        uow.find(Query(MEDIA, (Where("message_id", "in", tuple(m.id for m in messages)),), limit=200))
        if messages
        else []
    )
    own = {media.id: media for media in came}
    for message in messages:
        for ref in message.external_refs:
            uow.free(EXTERNAL_REF, ref_value(message.account_id, ref.external_id), message.id)
        uow.put(MESSAGES, message, **_left_of(uow, message, marker))
    for media in own.values():
        erase_media(uow, media)
    return list(own.values()), sorted(named - set(own))


def is_erased(message: Message) -> bool:
    return isinstance(message.content, Unsupported) and message.content in (MARKER, PURGED)


def _left_of(uow: UnitOfWork, message: Message, marker: Unsupported) -> dict[str, Any]:
    author, reply = message.author, message.reply_to
    state = "cancelled" if message.delivery.state in ("queued", "sending") else message.delivery.state
    return {
        "author": Actor(type="contact", id=author.id) if author.type == "contact" else author,
        "content": marker,
        "text": "",
        "reply_to": None if reply is None or reply.message_id is None else ReplyTo(message_id=reply.message_id),
        "referral": None,
        "context": {},
        "external_refs": (),
        "delivery": replace(message.delivery, state=state, error=None),
        "receipts": (),
        "reactions": (),
        "revisions": (),
        "deleted": message.deleted or Deleted(at=uow.now, by="system"),  # nothing is filled in any more
        "client_ref": None,
        "pricing": {},
        "options": {},
    }


def media_ids(document: Message | Note) -> set[str]:
    """Every file of ours that a message or a note refers to, wherever in it."""
    found: set[str] = set()
    _walk(to_builtins(document), found)
    return found


def _walk(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _walk(inner, found)
    elif isinstance(value, list | tuple):
        for inner in value:
            _walk(inner, found)
    elif isinstance(value, str) and value.startswith("med_"):
        found.add(value)


def erase_media(uow: UnitOfWork, media: Media) -> None:
    """Forget a file: its bytes go once nothing else refers to them."""
    uow.put(
        MEDIA,
        media,
        state="purged",
        sha256=None,
        filename=None,
        provider=ProviderMedia(),
        next_attempt_at=None,
        error=None,
    )
    for upload in uow.find(Query(UPLOADS, (Where("media_id", "eq", media.id),), limit=200)):
        uow.remove(UPLOADS, upload)


def erase_entries(uow: UnitOfWork, entry_ids: Sequence[str]) -> None:
    """Sends that have not left stay; of the others only that they left."""
    for entry in uow.get_all(OUTBOX, entry_ids).values():
        live = entry.state in LIVE_STATES
        if live or entry.response or entry.emoji or entry.last_error:
            uow.put(
                OUTBOX,
                entry,
                state="cancelled" if live else entry.state,
                lease=None,  # who sends it now can say nothing about it any more
                response={},
                emoji=None,
                last_error=None,
            )


def forget_parked(uow: UnitOfWork, parked_ids: Sequence[str]) -> None:
    """Forget what waits for a message."""
    for waiting in uow.get_all(PARKED, parked_ids).values():
        take(uow, waiting)


def forget_withheld(uow: UnitOfWork, withheld_ids: Sequence[str]) -> None:
    """Ask for no content that a provider held back."""
    for withheld in uow.get_all(WITHHELD, withheld_ids).values():
        uow.remove(WITHHELD, withheld)


def blank_answers(uow: UnitOfWork, record_ids: Sequence[str]) -> None:
    """Forget what repeated requests would be answered, and not that they were made."""
    for record in uow.get_all(IDEMPOTENCY, record_ids).values():
        uow.put(IDEMPOTENCY, record, body=ERASED_ANSWER)


def erase_notes(uow: UnitOfWork, notes: Iterable[Note]) -> tuple[list[Media], list[str]]:
    """Empty notes; the files they referred to are uploads."""
    named: set[str] = set()
    for note in uow.get_all(NOTES, [note.id for note in notes]).values():
        named |= media_ids(note)
        uow.put(NOTES, note, text="", mentions=(), attachments=())
    return [], sorted(named)


def is_empty(note: Note) -> bool:
    return not (note.text or note.mentions or note.attachments)


def erase_activities(uow: UnitOfWork, activity_ids: Sequence[str]) -> None:
    """Leave who did what when; and between whom work went, which says nothing of the person."""
    for activity in uow.get_all(ACTIVITIES, activity_ids).values():
        bare = replace(activity, reason=None, note=None)
        if activity.verb not in HANDING_AROUND:
            bare = replace(bare, from_value=None, to_value=None)
        if bare != activity:
            uow.put(ACTIVITIES, bare)


def erase_in_group(uow: UnitOfWork, message_ids: Sequence[str], person: Person) -> tuple[list[Media], list[str]]:
    """What the person wrote among others, and their name beside reactions to what others wrote."""
    messages = uow.get_all(MESSAGES, message_ids)
    written = [id for id, message in messages.items() if message.author.id in person.contact_ids]
    for message in messages.values():
        reactions = tuple(
            replace(each, actor=Actor(type=each.actor.type, id=each.actor.id))
            if each.actor.id in person.contact_ids
            else each
            for each in message.reactions
        )
        if message.id not in written and reactions != message.reactions:
            uow.put(MESSAGES, message, reactions=reactions)
    for conversation_id in {m.conversation_id for m in messages.values() if m.id in written and m.conversation_id}:
        conversation = uow.get(CONVERSATIONS, conversation_id)
        if conversation is not None and conversation.last_message and conversation.last_message.id in written:
            bare = replace(conversation.last_message, preview="")
            uow.put(CONVERSATIONS, conversation, last_message=bare)
    return erase_messages(uow, written)
