"""Contacts as people keep them: made, changed, deleted, and the identities they are given by hand. No IO."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.collections import ACCOUNTS, CONTACTS, CONVERSATIONS, IDENTITIES, MERGES, NOTES, THREADS, Collection
from patchbay.errors import FieldError, Forbidden, Invalid, StateConflict
from patchbay.inbox.audiences import of_contact
from patchbay.inbox.changing import merged_attributes, tags_of
from patchbay.inbox.loaded import D
from patchbay.inbox.recipients import normal_phone
from patchbay.inbox.rows import is_within
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Contact, Identity, IdentityKind
from patchbay.model.event import Audience
from patchbay.model.ids import identity_id
from patchbay.ports import Query, Where
from patchbay.views import contact_view, identity_view

CHOICES = ("stop", "granted")  # what a person can say to a purpose
_AT_ONCE = 200
_GLOBAL: tuple[IdentityKind, ...] = ("phone", "email")
_PORTFOLIO: tuple[IdentityKind, ...] = ("wa_bsuid", "wa_parent_bsuid")


def create_contact(
    uow: UnitOfWork,
    *,
    display_name: str = "",
    locale: str | None = None,
    time_zone: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    consent: Mapping[str, str] | None = None,
) -> Contact:
    """A person whom no channel named yet. Raises ``Invalid`` naming the field."""
    contact = Contact(
        id=uow.ids.new("ctc"),
        created_at=uow.now,
        updated_at=uow.now,
        display_name=display_name,
        locale=locale,
        time_zone=time_zone,
        attributes=merged_attributes({}, attributes or {}),
        tags=tags_of(uow, tags, known=()),
        consent=dict(consent or {}),
        created_by=uow.rows.user_id or uow.actor.id,
    )
    uow.add(CONTACTS, contact)
    audience = Audience(user_ids=() if contact.created_by is None else (contact.created_by,))
    uow.emit("contact.created", "contact", contact.id, contact_view(contact), audience=audience)
    return contact


def change_contact(
    uow: UnitOfWork, contact_id: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> Contact:
    """Change what is written about a person; attributes and consent are merged, None removes one of them."""
    contact = changeable(uow, contact_id, expected)
    after = dict(changes)
    if "attributes" in after:
        after["attributes"] = merged_attributes(contact.attributes, after["attributes"])
    if "consent" in after:
        consent = {**contact.consent, **after["consent"]}
        after["consent"] = {purpose: choice for purpose, choice in consent.items() if choice is not None}
    if "tags" in after:
        after["tags"] = tags_of(uow, after["tags"], known=contact.tags)
    after = {name: value for name, value in after.items() if value != getattr(contact, name)}
    if not after:
        return contact
    return _changed(uow, contact, "contact.updated", **after)


def delete_contact(uow: UnitOfWork, contact_id: str, *, expected: int | None = None) -> None:
    """Remove a person with whom nobody ever spoke. Raises ``StateConflict`` for anybody else."""
    contact = changeable(uow, contact_id, expected)
    if uow.find(Query(THREADS, (Where("contact_id", "eq", contact.id),), limit=1)):
        raise StateConflict(
            "There is a history with this contact.",
            hint="Merge it into another contact instead.",
        )
    into = uow.find(Query(MERGES, (Where("target_contact_id", "eq", contact.id),), limit=_AT_ONCE))
    if any(merge.undone_at is None for merge in into):
        raise StateConflict("Another contact was merged into this one.", hint="Unmerge that one first.")
    for identity in every(uow, IDENTITIES, Where("contact_id", "eq", contact.id)):
        uow.remove(IDENTITIES, identity)
    for note in every(uow, NOTES, Where("contact_id", "eq", contact.id)):
        uow.remove(NOTES, note)
    uow.remove(CONTACTS, contact)
    uow.emit("contact.deleted", "contact", contact.id, contact_view(contact), audience=of_contact(uow, contact))


def link_identity(
    uow: UnitOfWork,
    channels: Container[str],
    contact_id: str,
    *,
    kind: IdentityKind,
    value: str,
    channel: str | None = None,
    account_id: str | None = None,
    username: str | None = None,
) -> Identity:
    """A key by which a channel knows the person, on an agent's word.

    It owns a line of its own: only the platform can say that two keys are one line. Phones and e-mail addresses are
    known everywhere, other kinds only within an account, which has to be named. Raises ``Invalid`` naming the field,
    ``StateConflict`` (already_exists) with whose it is.
    """
    contact = changeable(uow, contact_id, None)
    account = None if account_id is None else uow.get(ACCOUNTS, account_id)
    if account_id is not None and account is None:
        raise _invalid("/account_id", "not_found", f"There is no channel account {account_id!r}.")
    scope = _scope(account, kind)
    channel = account.channel if account is not None else channel
    if channel is None or channel not in channels:
        raise _invalid("/channel", "not_found", "Name a channel that is plugged in, or one of its accounts.")
    value = _normal(kind, value)
    id = identity_id(scope, kind, value)
    known = uow.get(IDENTITIES, id)
    if known is not None:
        owner = uow.get(CONTACTS, known.contact_id)
        is_shown = owner is not None and (uow.rows.all or is_within(uow.rows, CONTACTS, owner, uow))
        raise StateConflict(
            "This identity is known already.",
            code="already_exists",
            extra={"identity_id": id, "contact_id": known.contact_id} if is_shown else {},
            hint="Merge the contacts if they are one person." if is_shown and owner != contact else None,
        )
    identity = Identity(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        contact_id=contact.id,
        line_id=id,
        channel=channel,
        kind=kind,
        scope=scope,
        value=value,
        username=username,
        proof="agent",
        first_seen_at=uow.now,
        last_seen_at=uow.now,
    )
    uow.add(IDENTITIES, identity)
    uow.emit(
        "contact.identity_linked", "contact", contact.id, identity_view(identity), audience=of_contact(uow, contact)
    )
    return identity


def changeable(uow: UnitOfWork, contact_id: str, expected: int | None) -> Contact:
    """The contact, if it is one that can be changed. Raises ``NotFound``, ``VersionConflict``, ``StateConflict``."""
    contact = uow.reach(CONTACTS, contact_id)
    require_version(contact.version, expected)
    if contact.status == "merged":
        raise StateConflict(
            "The contact was merged into another one.",
            extra={"merged_into_id": contact.merged_into_id},
            hint="Use that one, or unmerge this one.",
        )
    if contact.status == "erased":
        raise StateConflict("The contact was erased.", code="contact_erased")
    return contact


def whole_person(uow: UnitOfWork, contact: Contact) -> Contact:
    """The contact, of whom the rows hold everything. Raises ``Forbidden`` where others speak with them, too."""
    if not uow.rows.all:
        spoken = every(uow, CONVERSATIONS, Where("contact_id", "eq", contact.id))
        if not all(uow.rows.hold(each.department_id, each.assignee_id) for each in spoken):
            raise Forbidden("Others speak with this person, too: this takes the permission for all rows.")
    return contact


def every(uow: UnitOfWork, collection: Collection[D], *where: Where) -> list[D]:
    """All matches, read in pieces, as this unit would leave them."""
    found: list[D] = []
    after: tuple[Where, ...] = ()
    while True:
        some = uow.find(Query(collection, (*where, *after), sort="id", limit=_AT_ONCE))
        found.extend(some)
        if len(some) < _AT_ONCE:
            return found
        after = (Where("id", "gt", some[-1].id),)


def _changed(uow: UnitOfWork, contact: Contact, event: str, **changes: Any) -> Contact:
    contact = uow.put(CONTACTS, contact, **changes)
    data = {**contact_view(contact), "changed": sorted(changes)}
    uow.emit(event, "contact", contact.id, data, audience=of_contact(uow, contact))
    return contact


def _scope(account: ChannelAccount | None, kind: IdentityKind) -> str:
    if kind in _GLOBAL:
        return ""
    if account is None:
        raise _invalid("/account_id", "required", f"A {kind} is known to one account only; name it.")
    return (account.portfolio_id or "") if kind in _PORTFOLIO else account.id


def _normal(kind: IdentityKind, value: str) -> str:
    if kind == "phone":
        return normal_phone(value, "/value")
    value = value.strip()
    if kind == "email":
        value = value.lower()
        name, at, domain = value.rpartition("@")
        if not (name and at and "." in domain) or any(character.isspace() for character in value):
            raise _invalid("/value", "email", "An e-mail address has a name, an @ and a domain.")
    if not value:
        raise _invalid("/value", "length", "Must not be empty.")
    return value


def _invalid(pointer: str, code: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(pointer, code, message)])
