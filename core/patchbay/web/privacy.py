"""What people may ask about their data, and how long it is kept: exports, erasures, retention, keys."""

from __future__ import annotations

from typing import Any

from patchbay.errors import FieldError, Invalid
from patchbay.inbox.contacts import changeable, whole_person
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import queue_job
from patchbay.model.job import Job
from patchbay.privacy import erase, export, reseal, retention
from patchbay.web.call import Call
from patchbay.web.contacts import the_contact
from patchbay.web.jobs import queued
from patchbay.web.operations import Answer, Operations
from patchbay.web.schemas.privacy import EraseSchema, JobSchema, ResealSchema, RetentionRunSchema

OPERATIONS = Operations(
    "Data protection",
    {
        "contacts.export": "Export everything that is known about a person",
        "contacts.erase": "Erase a person: everything they said, for good",
        "retention.manage": "Try and run the retention rules",
        "keys.manage": "Seal stored secrets with a new key",
    },
    scoped=("contacts.export", "contacts.erase"),
)
_one = "/contacts/{contact_id}"


@OPERATIONS.post(
    f"{_one}/export",
    "contacts.export",
    answer=JobSchema,
    creates=True,
    status=202,
    errors=("conflict", "contact_erased"),
)
async def export_contact(call: Call) -> Answer:
    """Export a contact.

    A job: it makes a zip of everything that is known, which is kept for 7 days. Whoever reaches some of the person's
    conversations only, cannot.
    """
    id = (await the_contact(call)).id

    def command(uow: UnitOfWork) -> Job:
        return _queue(uow, call, export.KIND, whole_person(uow, changeable(uow, id, None)).id)

    return await call.perform(command, queued)


@OPERATIONS.post(
    f"{_one}/erase",
    "contacts.erase",
    body=EraseSchema,
    answer=JobSchema,
    creates=True,
    status=202,
    errors=("conflict", "contact_erased"),
)
async def erase_contact(call: Call) -> Answer:
    """Erase a contact, for good.

    A job: what was said, files, names, notes, and what speaks of them in search, journal and log. That there was
    something, when and in which order stays. It cannot be undone. Merged contacts go with the one they are part of.
    """
    id, confirm = (await the_contact(call)).id, call.body["confirm"]

    def command(uow: UnitOfWork) -> Job:
        contact = changeable(uow, id, None)
        if confirm not in (contact.id, contact.display_name):
            message = "Give the contact's display name or its id as it is."
            raise Invalid("This is not confirmed.", errors=[FieldError("/confirm", "not_confirmed", message)])
        return _queue(uow, call, erase.KIND, whole_person(uow, contact).id)

    return await call.perform(command, queued)


@OPERATIONS.post(
    "/retention/run", "retention.manage", body=RetentionRunSchema, answer=JobSchema, creates=True, status=202
)
async def run_retention(call: Call) -> Answer:
    """Run the retention rules, or count what they would take.

    A job; its `result.counts` say how much of each kind.
    """
    arguments = {"dry_run": call.body["dry_run"]}
    return await call.perform(lambda uow: _queue(uow, call, retention.KIND, None, arguments), queued)


@OPERATIONS.post(
    "/keys/reseal", "keys.manage", body=ResealSchema, answer=JobSchema, creates=True, status=202, errors=("conflict",)
)
async def reseal_secrets(call: Call) -> Answer:
    """Seal every stored secret with the first key.

    A job. Keys that were added to the key file meanwhile are read first; with `new_key` one is made there.
    """
    arguments = {"new_key": call.body["new_key"]}
    if call.body["new_key"]:
        reseal.require_key_file(call.gateway.settings)
    return await call.perform(lambda uow: _queue(uow, call, reseal.KIND, None, arguments), queued)


def _queue(
    uow: UnitOfWork, call: Call, kind: str, subject_id: str | None, arguments: dict[str, Any] | None = None
) -> Job:
    return queue_job(
        uow, kind, created_by=call.principal.id, actor=call.actor, subject_id=subject_id, arguments=arguments
    )
