"""People to whom nothing may be sent: blocked ones, and those who were erased. No IO."""

from __future__ import annotations

from patchbay.errors import StateConflict
from patchbay.inbox.people import current_contact
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.contact import Contact


def refuse_erased(uow: UnitOfWork, contact_id: str) -> Contact:
    """The contact, or the one that it is part of now. Raises ``StateConflict`` (contact_erased)."""
    contact = current_contact(uow, contact_id)
    if contact.status == "erased":
        raise StateConflict("The contact was erased.", code="contact_erased")
    return contact


def refuse_blocked(uow: UnitOfWork, contact_id: str) -> None:
    """Raises ``StateConflict`` (contact_blocked, contact_erased) for a person to whom nothing may be sent."""
    contact = refuse_erased(uow, contact_id)
    if contact.status == "blocked":
        raise StateConflict(
            "The contact is blocked.",
            code="contact_blocked",
            hint=f"POST /api/v1/contacts/{contact.id}/unblock first.",
        )
