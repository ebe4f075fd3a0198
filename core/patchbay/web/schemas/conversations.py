"""Conversations, and the tags that a deployment offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from marshmallow import Schema, fields

from patchbay.model.contact import Contact
from patchbay.model.conversation import (
    ControllerType,
    Conversation,
    ConversationStatus,
    Priority,
    Thread,
    Window,
    WindowKind,
)
from patchbay.views import unread_count
from patchbay.web.schemas.fields import Attributes, OneOf, Time, derived


@dataclass(frozen=True)
class ConversationRow:
    """A conversation with what its view takes from elsewhere; what the schema's ``dump`` reads."""

    conversation: Conversation
    contact: Contact | None
    thread: Thread | None
    reader: str | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self.conversation, name)

    @property
    def contact_summary(self) -> dict[str, str]:
        name = "" if self.contact is None else self.contact.display_name
        return {"id": self.conversation.contact_id, "display_name": name}


class ContactSummarySchema(Schema):
    id = fields.String(required=True)
    display_name = fields.String(required=True)


class ControllerSchema(Schema):
    """Who answers now."""

    type = OneOf(get_args(ControllerType), required=True)
    id = fields.String(required=True, allow_none=True)


class WindowSchema(Schema):
    """Until when a free-form reply may be sent, end excluded."""

    kind = OneOf(get_args(WindowKind), required=True)
    expires_at = Time(required=True, allow_none=True)


class LastMessageSchema(Schema):
    id = fields.String(required=True)
    direction = OneOf(("inbound", "outbound"), required=True)
    preview = fields.String(required=True)
    occurred_at = Time(required=True)


class ConversationSchema(Schema):
    """One piece of work on a thread: what an agent opens and closes."""

    id = fields.String(required=True)
    number = fields.Integer(required=True, metadata={"description": "For people."})
    channel = fields.String(required=True)
    account_id = fields.String(required=True)
    thread_id = fields.String(required=True)
    status = OneOf(get_args(ConversationStatus), required=True)
    priority = OneOf(get_args(Priority), required=True)
    subject = fields.String(required=True, allow_none=True)
    contact = fields.Nested(ContactSummarySchema, required=True, attribute="contact_summary")
    assignee_id = fields.String(required=True, allow_none=True)
    department_id = fields.String(required=True, allow_none=True)
    controller = fields.Nested(ControllerSchema, required=True)
    tags = fields.List(fields.String(), required=True)
    attributes = Attributes(required=True)
    unread_count = derived(fields.Integer(required=True), lambda row: unread_count(row.conversation, row.reader))
    window = derived(
        fields.Nested(WindowSchema, required=True), lambda row: Window() if row.thread is None else row.thread.window
    )
    waiting_since = Time(required=True, allow_none=True)
    first_response_at = Time(required=True, allow_none=True)
    last_message = fields.Nested(LastMessageSchema, required=True, allow_none=True)
    last_activity_at = Time(required=True)
    last_seq = fields.Integer(required=True)
    snoozed_until = Time(required=True, allow_none=True)
    closed_at = Time(required=True, allow_none=True)
    close_reason = fields.String(required=True, allow_none=True)
    previous_conversation_id = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class TagSchema(Schema):
    """A label. `id` is its slug: what conversations and contacts carry."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    color = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)
