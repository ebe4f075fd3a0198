"""Who a webhook speaks of: from the keys it gave to one line, one contact and one thread. No IO."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from patchbay.channel import IdentityKey, Person
from patchbay.collections import CONTACTS, IDENTITIES, THREADS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity, Profile, Proof
from patchbay.model.conversation import Thread
from patchbay.model.ids import identity_id, thread_id
from patchbay.views import contact_view, identity_view

SEEN_EVERY = timedelta(hours=1)  # how exact ``last_seen_at`` is: a write per message would buy nothing
MERGE_HOPS = 16  # merges of merges; more would be a ring, which a merge refuses
_REMEMBERED = 16_384  # ids of people who write again and again


class Line(NamedTuple):
    """A person on one account: the identity that owns the line, the contact, the thread."""

    identity: Identity
    contact: Contact
    thread: Thread


def resolved_scope(account: ChannelAccount, key: IdentityKey) -> str:
    """How far a key of this account is unique, as stored: "" for everywhere."""
    return _resolved(key, account.id, account.portfolio_id)


def key_id(account: ChannelAccount, key: IdentityKey) -> str:
    """The id of the identity that a key names."""
    return _key_id(key, account.id, account.portfolio_id)


@lru_cache(_REMEMBERED)
def _key_id(key: IdentityKey, account_id: str, portfolio_id: str | None) -> str:
    return identity_id(_resolved(key, account_id, portfolio_id), key.kind, key.value)


def _resolved(key: IdentityKey, account_id: str, portfolio_id: str | None) -> str:
    match key.scope:
        case "global":
            return ""
        case "portfolio":
            return portfolio_id or ""
        case "account":
            return account_id


def meet(uow: UnitOfWork, account: ChannelAccount, person: Person, *, proof: Proof = "platform") -> Line:
    """The line of a person, made where this is the first we see of them.

    All keys of one payload are one person, by the platform's word: unknown keys join the line of the known one. A key
    that is another contact's is recorded as a conflict and changes nothing.
    """
    found = {key: uow.get(IDENTITIES, key_id(account, key)) for key in person.keys}
    known = [identity for identity in found.values() if identity is not None]
    owner: Identity | None = None
    if known:
        first = known[0]
        if first.status == "superseded":
            first = next((identity for identity in known if identity.status != "superseded"), first)
        owner = uow.need(IDENTITIES, first.line_id)
        contact = current_contact(uow, first.contact_id)
    else:
        contact = _new_contact(uow, person)
    for key, identity in found.items():
        if identity is None:
            owner = _new_identity(uow, account, key, person, contact, owner, proof)
        else:
            _refresh(uow, identity, person, contact)
    if owner is None:
        raise ValueError("a person needs at least one key")
    if person.name and person.name != contact.display_name and known:
        contact = _renamed(uow, contact, person.name, known)
    return Line(uow.need(IDENTITIES, owner.line_id), contact, thread_of(uow, account, owner, contact))


def current_contact(uow: UnitOfWork, id: str) -> Contact:
    """The contact, or the one it was merged into."""
    contact = uow.need(CONTACTS, id)
    for _ in range(MERGE_HOPS):
        if contact.merged_into_id is None:
            break
        contact = uow.need(CONTACTS, contact.merged_into_id)
    return contact


def thread_of(uow: UnitOfWork, account: ChannelAccount, owner: Identity, contact: Contact) -> Thread:
    """The thread between a line and an account, made where there is none."""
    id, thread = place_of(uow, account.id, owner.line_id)
    if thread is None:
        thread = uow.add(
            THREADS,
            Thread(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                account_id=account.id,
                channel=account.channel,
                identity_id=owner.line_id,
                contact_id=contact.id,
            ),
        )
    elif thread.contact_id != contact.id:
        thread = uow.put(THREADS, thread, contact_id=contact.id)
    return thread


def place_of(uow: UnitOfWork, account_id: str, line_id: str) -> tuple[str, Thread | None]:
    """The id of the thread between an account and a line, and the thread where there is one. One whose person was
    erased is nobody's any more: whoever writes by the same key has another beside it."""
    id = thread_id(account_id, line_id)
    thread = uow.get(THREADS, id)
    while thread is not None and thread.identity_id != line_id:
        id = thread_id(account_id, id)
        thread = uow.get(THREADS, id)
    return id, thread


def _new_contact(uow: UnitOfWork, person: Person) -> Contact:
    contact = Contact(
        id=uow.ids.new("ctc"),
        created_at=uow.now,
        updated_at=uow.now,
        display_name=person.name or person.username or (person.keys[0].value if person.keys else ""),
    )
    uow.add(CONTACTS, contact)
    uow.emit("contact.created", "contact", contact.id, contact_view(contact))
    return contact


def _new_identity(
    uow: UnitOfWork,
    account: ChannelAccount,
    key: IdentityKey,
    person: Person,
    contact: Contact,
    owner: Identity | None,
    proof: Proof,
) -> Identity:
    """The identity of a key not seen before; it owns the line where there is none yet. Returns the line's owner."""
    id = key_id(account, key)
    identity = Identity(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        contact_id=contact.id,
        line_id=id if owner is None else owner.line_id,
        channel=account.channel,
        kind=key.kind,
        scope=resolved_scope(account, key),
        value=key.value,
        username=person.username,
        profile=Profile(name=person.name),
        proof=proof,
        key_hash=person.key_hash,
        first_seen_at=uow.now,
        last_seen_at=uow.now,
    )
    uow.add(IDENTITIES, identity)
    uow.emit("contact.identity_linked", "contact", contact.id, identity_view(identity))
    return identity if owner is None else owner


def _refresh(uow: UnitOfWork, identity: Identity, person: Person, contact: Contact) -> None:
    changes: dict[str, object] = {}
    if person.name and person.name != identity.profile.name:
        changes["profile"] = Profile(name=person.name, avatar_media_id=identity.profile.avatar_media_id)
    if person.username and person.username != identity.username:
        changes["username"] = person.username
    if person.key_hash and person.key_hash != identity.key_hash:
        changes["key_hash"] = person.key_hash
    if uow.now - identity.last_seen_at >= SEEN_EVERY:
        changes["last_seen_at"] = uow.now
    owner_id = identity.contact_id
    another = owner_id != contact.id and current_contact(uow, owner_id).id != contact.id
    if another and contact.id not in identity.conflicts:
        changes["conflicts"] = (*identity.conflicts, contact.id)
        conflict = {"identity": identity_view(identity), "contact_ids": [owner_id, contact.id]}
        uow.emit("contact.identity_conflict", "contact", contact.id, conflict)
    if changes:
        uow.put(IDENTITIES, identity, **changes)


def _renamed(uow: UnitOfWork, contact: Contact, name: str, known: list[Identity]) -> Contact:
    """Follow a changed profile name, unless an agent named the contact differently."""
    names = {name for identity in known for name in (identity.profile.name, identity.username, identity.value)}
    if contact.display_name and contact.display_name not in names:
        return contact
    contact = uow.put(CONTACTS, contact, display_name=name)
    uow.emit("contact.updated", "contact", contact.id, {**contact_view(contact), "changed": ["display_name"]})
    return contact


def link_keys(uow: UnitOfWork, account: ChannelAccount, thread_id: str, keys: tuple[IdentityKey, ...]) -> None:
    """Keys that a provider gave in its answer belong to the person we wrote to on this thread: the platform says so."""
    thread = uow.get(THREADS, thread_id)
    owner = None if thread is None else uow.get(IDENTITIES, thread.identity_id)
    if owner is None:
        return
    for key in keys:
        id = key_id(account, key)
        if uow.get(IDENTITIES, id) is not None:
            continue
        identity = Identity(
            id=id,
            created_at=uow.now,
            updated_at=uow.now,
            contact_id=owner.contact_id,
            line_id=owner.line_id,
            channel=account.channel,
            kind=key.kind,
            scope=resolved_scope(account, key),
            value=key.value,
            first_seen_at=uow.now,
            last_seen_at=uow.now,
        )
        uow.add(IDENTITIES, identity)
        uow.emit("contact.identity_linked", "contact", owner.contact_id, identity_view(identity))
