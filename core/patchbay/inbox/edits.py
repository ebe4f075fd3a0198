"""Edits keep revisions, deletions leave a tombstone, the latest reaction of each actor wins. No IO."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import MessageDeleted, MessageEdited, ReactionChanged
from patchbay.collections import CONVERSATIONS, MESSAGES, THREADS
from patchbay.inbox.attach import attached
from patchbay.inbox.landing import Arrival, conversation_of, emit_conversation, emit_message, refreshed_preview
from patchbay.inbox.locate import locate
from patchbay.inbox.people import meet
from patchbay.inbox.receipts import FINAL
from patchbay.inbox.receive import Applied, parked
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import AnyContent, Unsupported, media_of, text_content, type_of, with_media
from patchbay.model.ids import part_ref
from patchbay.model.message import Actor, Deleted, Message, Reaction, Revision

REVOKED = Unsupported(provider_type="deleted", reason="The sender deleted this message.")


def edit_message(uow: UnitOfWork, arrival: Arrival, event: MessageEdited) -> Applied:
    """Fold an edit in by the provider's time: one that comes late becomes a revision in between."""
    message = locate(uow, arrival.account.id, event.target)
    if message is None:
        return parked(uow, arrival, event.target, event, "the edited message is not here yet")
    if any(revision.key == event.external_id for revision in message.revisions):
        return Applied(outcome="duplicate", ref=message.id)
    latest, revisions = _folded(message, event, _with_file(uow, message, event))
    message = uow.put(MESSAGES, message, content=latest, text=_text_of(message, latest), revisions=revisions)
    bound = attached(uow, message, event.media, revision=len(revisions))
    if bound is not message:
        message = uow.put(MESSAGES, bound)
    conversation = refreshed_preview(uow, message)
    emit_message(uow, "message.edited", message, conversation)
    return Applied(ref=message.id, reason=None if message.deleted is None else "the message was deleted meanwhile")


def _with_file(uow: UnitOfWork, message: Message, event: MessageEdited) -> AnyContent:
    """What the edit says, with its file where the provider says which bytes these are: the one that the message has,
    one that it had, or another that is fetched."""
    if event.media is None or event.media.unique_id is None:
        return event.content
    return attached(uow, replace(message, content=event.content), event.media).content


def _folded(message: Message, event: MessageEdited, content: AnyContent) -> tuple[AnyContent, tuple[Revision, ...]]:
    """What the message says and said, the edit put where its time belongs, and always before a deletion."""
    changes = [(revision.replaced_at, revision.key or "") for revision in message.revisions]
    said = [revision.content for revision in message.revisions] + [message.content]
    edits = changes if message.deleted is None else changes[:-1]
    edit = (event.occurred_at, event.external_id)
    place = sum(known < edit for known in edits)
    changes.insert(place, edit)
    said.insert(place + 1, _edited_content(said[place], content))
    revisions = tuple(
        Revision(content=before, replaced_at=at, key=key) for before, (at, key) in zip(said[:-1], changes, strict=True)
    )
    return said[-1], revisions


def _text_of(message: Message, content: AnyContent) -> str:
    return "" if message.deleted is not None else text_content(content)


def _edited_content(before: AnyContent, after: AnyContent) -> AnyContent:
    """An edit of a caption keeps the media that is here already, unless it says that it is another."""
    known, named = media_of(before), media_of(after)
    if known is not None and named is not None and not named.id and type_of(before) == type_of(after):
        return with_media(after, known)
    return after


def delete_message(uow: UnitOfWork, arrival: Arrival, event: MessageDeleted) -> Applied:
    """Leave a tombstone; what it said stays among the revisions until retention or erasure takes it."""
    message = locate(uow, arrival.account.id, event.target)
    if message is None:
        return parked(uow, arrival, event.target, event, "the deleted message is not here yet")
    gone = Deleted(at=event.occurred_at, by="native_app" if event.by_business else "contact")
    if message.deleted is not None:
        return Applied(outcome="duplicate", ref=message.id)
    if message.direction == "outbound":
        message, known = _part_deleted(uow, message, event.target, gone)
        if known:
            return Applied(outcome="duplicate", ref=message.id)
        if not _all_deleted(message):
            gone_ids = [ref.external_id for ref in message.external_refs if ref.deleted is not None]
            conversation = conversation_of(uow, message)
            changed = ["deleted_parts"]
            emit_message(uow, "message.updated", message, conversation, changed=changed, deleted_parts=gone_ids)
            return Applied(ref=message.id, reason="other parts of the message are still there")
        gone = max((ref.deleted for ref in message.external_refs if ref.deleted is not None), key=lambda one: one.at)
    message = uow.put(
        MESSAGES,
        message,
        deleted=gone,
        revisions=(
            *message.revisions,
            Revision(content=message.content, replaced_at=gone.at, key=event.external_id),
        ),
        content=REVOKED,
        text="",
    )
    conversation = refreshed_preview(uow, message)
    emit_message(uow, "message.deleted", message, conversation)
    for part in range(1, message.siblings + 1):
        delete_message(uow, arrival, replace(event, target=part_ref(event.target, part)))
    return Applied(ref=message.id)


def _part_deleted(uow: UnitOfWork, message: Message, external_id: str, gone: Deleted) -> tuple[Message, bool]:
    """Our message with the part of this id marked as deleted, and whether it was before."""
    named = next((ref for ref in message.external_refs if ref.external_id == external_id), None)
    if named is None or named.deleted is not None:
        return message, named is not None
    refs = tuple(replace(ref, deleted=gone) if ref is named else ref for ref in message.external_refs)
    return uow.put(MESSAGES, message, external_refs=refs), False


def _all_deleted(message: Message) -> bool:
    """Whether the person has nothing of it any more: each part was deleted, as often as it arrived."""
    left = any(ref.deleted is None and ref.state not in FINAL for ref in message.external_refs)
    return not left and len({ref.part for ref in message.external_refs if ref.deleted is not None}) == message.parts


def change_reaction(uow: UnitOfWork, arrival: Arrival, event: ReactionChanged) -> Applied:
    """Fold a reaction in: per actor the latest by provider time wins, and a removal is one too (invariant 11)."""
    account = arrival.account
    message = locate(uow, account.id, event.target)
    if message is None:
        return parked(uow, arrival, event.target, event, "the message reacted to is not here yet")
    line = None
    if event.by_business:
        actor = Actor(type="native_app", id=account.id)
    else:
        line = meet(uow, account, event.person)
        actor = Actor(type="contact", id=line.contact.id, name=line.contact.display_name)
    reaction = Reaction(
        actor=actor,
        emoji=event.emoji,
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        line_id=None if line is None else line.identity.id,
    )
    applied = react(uow, message, reaction)
    if applied.outcome != "duplicate" and not event.by_business:  # also one that was taken back before it came
        _open_window(uow, arrival, message, event)
    return applied


def _open_window(uow: UnitOfWork, arrival: Arrival, message: Message, event: ReactionChanged) -> None:
    """Where a reaction renews the reply window, as on Messenger, the thread follows and the log tells."""
    thread = uow.need(THREADS, message.thread_id)
    window = arrival.channel.window(thread.window, event, message.id)
    if window == thread.window:
        return
    thread = uow.put(THREADS, thread, window=window)
    if thread.open_conversation_id is not None:
        emit_conversation(uow, "conversation.updated", uow.need(CONVERSATIONS, thread.open_conversation_id))


def react(uow: UnitOfWork, message: Message, reaction: Reaction) -> Applied:
    """Put a reaction beside those of others."""
    held = next((known for known in message.reactions if _same(known, reaction)), None)
    if held is not None:
        order = (held.occurred_at, held.external_id or "")
        if held.external_id is not None and held.external_id == reaction.external_id:
            return Applied(outcome="duplicate", ref=message.id)
        if order > (reaction.occurred_at, reaction.external_id or ""):
            return Applied(outcome="ignored", ref=message.id, reason="a later reaction of the same person is here")
    others = tuple(known for known in message.reactions if not _same(known, reaction))
    message = uow.put(MESSAGES, message, reactions=(*others, reaction))
    gone = reaction.emoji is None
    if gone and (held is None or held.emoji is None):
        return Applied(ref=message.id)
    emit_message(
        uow,
        "message.reaction_removed" if gone else "message.reaction_added",
        message,
        conversation_of(uow, message),
        actor=reaction.actor,
        reaction={"emoji": held.emoji if gone and held is not None else reaction.emoji, "actor_id": reaction.actor.id},
    )
    return Applied(ref=message.id)


def _same(one: Reaction, other: Reaction) -> bool:
    """Whether both are the one reaction that the provider keeps: a person's by the line it came from, whichever contact
    that belongs to now; the business's, from here or from the phone, by the account."""
    if one.line_id is not None and other.line_id is not None:
        return one.line_id == other.line_id
    return one.actor.id == other.actor.id
