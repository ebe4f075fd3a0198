"""Whom events are for: the rows they are about, and those that they were about until now. No IO."""

from __future__ import annotations

from patchbay.collections import CONVERSATIONS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.contact import Contact
from patchbay.model.conversation import Conversation
from patchbay.model.event import Audience
from patchbay.ports import Query, Where

LOOKED_AT = 100  # conversations of a contact, the latest: whose they are is whom the contact concerns


def of_conversation(conversation: Conversation, before: Conversation | None = None) -> Audience:
    """Those whose row it is; and those it was taken from by this very change, who would go on showing it otherwise."""
    department_id = None if before is None else before.department_id
    assignee_id = None if before is None else before.assignee_id
    return Audience(
        account_id=conversation.account_id,
        thread_id=conversation.thread_id,
        conversation_id=conversation.id,
        department_id=conversation.department_id,
        assignee_id=conversation.assignee_id,
        department_ids=(department_id,) if department_id not in (None, conversation.department_id) else (),
        user_ids=(assignee_id,) if assignee_id not in (None, conversation.assignee_id) else (),
    )


def of_contact(uow: UnitOfWork, contact: Contact) -> Audience:
    """Those who have a conversation with the person, or made the contact."""
    query = Query(CONVERSATIONS, (Where("contact_id", "eq", contact.id),), sort="-number", limit=LOOKED_AT)
    found = uow.find(query)
    departments = {each.department_id for each in found} - {None}
    users = {contact.created_by, *(each.assignee_id for each in found)} - {None}
    return Audience(
        department_ids=tuple(sorted(id for id in departments if id is not None)),
        user_ids=tuple(sorted(id for id in users if id is not None)),
    )
