"""Previews: what would be sent, in which parts, or why nothing would be. Nothing is sent."""

from __future__ import annotations

from typing import Any

from patchbay.inbox.previewing import preview, preview_on_each
from patchbay.inbox.unit import UnitOfWork
from patchbay.web.call import Call
from patchbay.web.contacts import the_contact
from patchbay.web.conversations import conversation_by_id
from patchbay.web.messages import ORIGINS, conditions, content_of
from patchbay.web.operations import Answer, Operations
from patchbay.web.schemas.message_requests import (
    ContactPreviewRequestSchema,
    ContactPreviewSchema,
    PreviewRequestSchema,
    PreviewSchema,
)

OPERATIONS = Operations("Messages")


@OPERATIONS.post(
    "/messages/preview", "messages.send", body=PreviewRequestSchema, answer=PreviewSchema, errors=("not_found",)
)
async def preview_a_message(call: Call) -> Answer:
    """Show what would be sent, in which parts, or why nothing would be. Nothing is sent."""
    conversation = await conversation_by_id(call, call.body["conversation_id"])
    channels, said, more = call.gateway.registry.channels, content_of(call), conditions(call)
    return Answer(await call.run(lambda uow: preview(uow, channels, conversation.id, said, **more)))


@OPERATIONS.post(
    "/contacts/{contact_id}/preview",
    "messages.send",
    body=ContactPreviewRequestSchema,
    answer=ContactPreviewSchema,
    errors=("not_found",),
)
async def preview_on_each_channel(call: Call) -> Answer:
    """Show what a message to a contact would be on each channel that they use. Nothing is sent."""
    contact = await the_contact(call)
    channels, said, options = call.gateway.registry.channels, content_of(call), call.body.get("options")
    origin = ORIGINS[call.principal.type]

    def preview_each(uow: UnitOfWork) -> list[dict[str, Any]]:
        return preview_on_each(uow, channels, contact.id, said, origin=origin, options=options)

    return Answer({"data": await call.run(preview_each)})
