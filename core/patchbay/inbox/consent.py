"""Who is let alone: blocked people, people who want nothing sent, purposes that somebody stopped. No IO."""

from __future__ import annotations

from typing import Literal

from patchbay.collections import ACCOUNTS, CONTACTS, IDENTITIES, TEMPLATES, THREADS
from patchbay.errors import NotFound, StateConflict
from patchbay.inbox.audiences import of_contact
from patchbay.inbox.contacts import changeable, every
from patchbay.inbox.gone import refuse_blocked
from patchbay.inbox.people import current_contact
from patchbay.inbox.reports import template_id
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.contact import Contact, Identity, IdentityStatus
from patchbay.model.content import AnyContent, Template
from patchbay.model.conversation import Thread
from patchbay.ports import Where
from patchbay.views import contact_view

MARKETING = "marketing"  # the purpose of what is sent to sell; also a category of templates (WhatsApp, "Templates")


def set_blocked(
    uow: UnitOfWork, contact_id: str, blocked: bool, *, identity_id: str | None = None, expected: int | None = None
) -> Contact:
    """Block a person, or one identity and whatever else is on its line; or no longer.

    Nothing is sent to who is blocked, and what they write makes no new work; conversations that are open stay so. To
    unblock a person unblocks each identity. Raises ``NotFound``, ``VersionConflict``, ``StateConflict``.
    """
    contact = changeable(uow, contact_id, expected)
    lines = every(uow, IDENTITIES, Where("contact_id", "eq", contact.id))
    if identity_id is not None:
        named = next((each for each in lines if each.id == identity_id), None)
        if named is None:
            raise NotFound(f"There is no identity {identity_id!r} of this contact.")
        lines = [each for each in lines if each.line_id == named.line_id]
    changed = [] if blocked and identity_id is None else [each for each in lines if _marked(uow, each, blocked)]
    before = contact.status
    if identity_id is None:
        contact = contact if before == _status(blocked) else uow.put(CONTACTS, contact, status=_status(blocked))
    elif changed:
        contact = uow.put(CONTACTS, contact)  # its version says that something about it changed
    if contact.status == before and not changed:
        return contact
    told = "contact.blocked" if blocked else "contact.unblocked"
    names = ["identities"] if changed else []
    names += ["status"] if contact.status != before else []
    data = {**contact_view(contact), "changed": names, "identity_ids": [each.id for each in changed]}
    uow.emit(told, "contact", contact.id, data, audience=of_contact(uow, contact))
    return contact


def _status(blocked: bool) -> Literal["active", "blocked"]:
    return "blocked" if blocked else "active"


def _marked(uow: UnitOfWork, identity: Identity, blocked: bool) -> bool:
    """Whether the identity is another now. One that was superseded stays that."""
    before: tuple[IdentityStatus, ...] = ("active", "stopped") if blocked else ("blocked",)
    if identity.status not in before:
        return False
    uow.put(IDENTITIES, identity, status=_status(blocked))
    return True


def refuse_unwanted(uow: UnitOfWork, thread_id: str, content: AnyContent | None = None) -> None:
    """Raise ``StateConflict`` where nothing may be sent on a thread (contact_blocked, contact_erased, contact_stopped)
    or not this content (consent_stopped)."""
    thread = uow.get(THREADS, thread_id)
    if thread is None:
        return
    contact = current_contact(uow, thread.contact_id)
    identity = uow.get(IDENTITIES, thread.identity_id)
    refuse_blocked(uow, contact.id)
    if identity is not None and identity.status == "blocked":
        raise StateConflict(
            "The contact is blocked on this channel.",
            code="contact_blocked",
            extra={"identity_id": identity.id},
            hint=f"POST /api/v1/contacts/{contact.id}/unblock first.",
        )
    if identity is not None and identity.status == "stopped":
        raise StateConflict("The person asked to be sent nothing here any more.", code="contact_stopped")
    if contact.consent.get(MARKETING) == "stop" and _is_marketing(uow, thread, content):
        raise StateConflict(
            "The person stopped marketing, and this template is marketing.",
            code="consent_stopped",
            hint="Send something else, or record a new consent with PATCH /api/v1/contacts/{id}.",
        )


def _is_marketing(uow: UnitOfWork, thread: Thread, content: AnyContent | None) -> bool:
    account = uow.get(ACCOUNTS, thread.account_id) if isinstance(content, Template) else None
    if account is None or not isinstance(content, Template):
        return False
    template = uow.get(TEMPLATES, template_id(account, content.name, content.language))
    return template is not None and (template.category or "").lower() == MARKETING
