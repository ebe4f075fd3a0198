"""Contacts and their identities."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from marshmallow import fields

from patchbay.collections import CONTACTS, IDENTITIES
from patchbay.inbox.consent import set_blocked
from patchbay.inbox.contacts import change_contact, create_contact, delete_contact, link_identity
from patchbay.inbox.merging import merge_contacts, unmerge_contact
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.contact import Contact, ContactStatus, Identity
from patchbay.ports import Where
from patchbay.views import contact_view, identity_view
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay.web.schemas.contact_requests import (
    SHORT,
    ContactPatchSchema,
    MergeSchema,
    NewContactSchema,
    NewIdentitySchema,
)
from patchbay.web.schemas.fields import Listed, OneOf
from patchbay.web.schemas.people import ContactSchema, IdentitySchema
from patchbay.web.schemas.privacy import BlockSchema

OPERATIONS = Operations(
    "Contacts",
    {
        "contacts.read": "See contacts and their identities",
        "contacts.write": "Create, change, block and delete contacts, and add identities",
        "contacts.merge": "Merge contacts, and undo it",
    },
    scoped=True,
)
LISTED: tuple[ContactStatus, ...] = ("active", "blocked")  # unless others are asked for
_one = "/contacts/{contact_id}"


@OPERATIONS.get(
    "/contacts",
    "contacts.read",
    answer=Listing(ContactSchema),
    query=listing(
        sorts=("updated_at", "created_at", "display_name"),
        default_sort="-updated_at",
        text=True,
        tag=fields.String(validate=SHORT),
        status=Listed(OneOf(get_args(ContactStatus)), most=4),
    ),
)
async def list_contacts(call: Call) -> Answer:
    """List contacts; merged and erased ones only when `status` asks for them.

    `q` finds names, phone numbers, usernames and other identities.
    """
    where = [Where("status", "in", tuple(call.query.get("status", LISTED)))]
    if "tag" in call.query:
        where.append(Where("tags", "has", call.query["tag"]))
    query = query_of(call, CONTACTS, where=where, text_owners=(IDENTITIES,))
    return page_answer(call, await call.gateway.store.find(query), contact_view)


@OPERATIONS.post("/contacts", "contacts.write", body=NewContactSchema, answer=ContactSchema, creates=True)
async def create_a_contact(call: Call) -> Answer:
    """Create a contact."""
    return await call.perform(
        lambda uow: create_contact(uow, **call.body), created(f"{API_ROOT}/contacts", contact_view)
    )


@OPERATIONS.get(_one, "contacts.read", answer=ContactSchema)
async def show_contact(call: Call) -> Answer:
    """Show a contact; a merged one names the contact that it is part of."""
    return _answer(await the_contact(call))


@OPERATIONS.patch(
    _one, "contacts.write", body=ContactPatchSchema, answer=ContactSchema, versioned=True, errors=("conflict",)
)
async def change_a_contact(call: Call) -> Answer:
    """Change a contact. Attributes and consent are merged, null removes one; tags are replaced."""
    expected = call.expected_version
    return await _do(call, lambda uow, id: change_contact(uow, id, call.body, expected=expected))


@OPERATIONS.delete(_one, "contacts.write", versioned=True, errors=("conflict",))
async def delete_a_contact(call: Call) -> Answer:
    """Delete a contact with whom nobody ever spoke, with identities and notes."""
    id, expected = (await the_contact(call)).id, call.expected_version
    await call.run(lambda uow: delete_contact(uow, id, expected=expected))
    return Answer()


@OPERATIONS.get(f"{_one}/identities", "contacts.read", answer=Listing(IdentitySchema), query=listing())
async def list_identities(call: Call) -> Answer:
    """List what channels know a contact by."""
    contact = await the_contact(call)
    where = (Where("contact_id", "eq", contact.id),)
    return page_answer(call, await call.gateway.store.find(query_of(call, IDENTITIES, where=where)), identity_view)


@OPERATIONS.post(
    f"{_one}/identities",
    "contacts.write",
    body=NewIdentitySchema,
    answer=IdentitySchema,
    creates=True,
    errors=("conflict",),
)
async def add_identity(call: Call) -> Answer:
    """Add what a channel knows a contact by, on one's own word.

    409 `already_exists` with the contact that has it; merge the two if they are one person.
    """
    id, channels = (await the_contact(call)).id, call.gateway.registry.channels
    return await call.perform(
        lambda uow: link_identity(uow, channels, id, **call.body),
        _added(id),
    )


@OPERATIONS.post(
    f"{_one}/merge", "contacts.merge", body=MergeSchema, answer=ContactSchema, versioned=True, errors=("conflict",)
)
async def merge_a_contact(call: Call) -> Answer:
    """Make a contact part of another one: its identities and conversations move there.

    It can be undone by `unmerge`.
    """
    target, expected = call.body["target_contact_id"], call.expected_version
    return await _do(call, lambda uow, id: merge_contacts(uow, id, target, expected=expected))


@OPERATIONS.post(f"{_one}/unmerge", "contacts.merge", answer=ContactSchema, versioned=True, errors=("conflict",))
async def unmerge_a_contact(call: Call) -> Answer:
    """Take a merged contact out again, with everything on its lines."""
    expected = call.expected_version
    return await _do(call, lambda uow, id: unmerge_contact(uow, id, expected=expected))


@OPERATIONS.post(
    f"{_one}/block",
    "contacts.write",
    body=BlockSchema,
    answer=ContactSchema,
    versioned=True,
    errors=("conflict", "contact_erased"),
)
async def block_contact(call: Call) -> Answer:
    """Send nothing to a contact any more, or nothing to one identity.

    Open conversations are closed. What they write is kept on their timeline and opens no conversation.
    """
    expected, identity = call.expected_version, call.body["identity_id"]
    return await _do(call, lambda uow, id: set_blocked(uow, id, True, identity_id=identity, expected=expected))


@OPERATIONS.post(
    f"{_one}/unblock",
    "contacts.write",
    body=BlockSchema,
    answer=ContactSchema,
    versioned=True,
    errors=("conflict", "contact_erased"),
)
async def unblock_contact(call: Call) -> Answer:
    """Allow sending to a contact again, or to one identity; without one, to all of them.

    What they write next opens a conversation.
    """
    expected, identity = call.expected_version, call.body["identity_id"]
    return await _do(call, lambda uow, id: set_blocked(uow, id, False, identity_id=identity, expected=expected))


async def the_contact(call: Call) -> Contact:
    """The contact that the path names. Raises ``NotFound``."""
    return await call.need(CONTACTS, call.path["contact_id"])


async def _do(call: Call, command: Callable[[UnitOfWork, str], Contact]) -> Answer:
    id = (await the_contact(call)).id
    return _answer(await call.run(lambda uow: command(uow, id)))


def _answer(contact: Contact) -> Answer:
    return Answer(contact_view(contact), version=contact.version)


def _added(contact_id: str) -> Callable[[Identity], Answer]:
    """The answer to an added identity: it is found in the list of its contact's."""

    def respond(identity: Identity) -> Answer:
        location = f"{API_ROOT}/contacts/{contact_id}/identities"
        return Answer(identity_view(identity), status=201, version=identity.version, location=location)

    return respond
