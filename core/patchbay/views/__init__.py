"""How resources look on the wire: one encoder for REST, sockets, the log and webhooks alike. No IO.

Each ``*_view`` gives plain JSON values in the shape that ``web/schemas`` documents; a test holds both equal. They
are hand-written because they are on the hot path: once per event.
"""

from patchbay.views.accounts import account_view, template_view
from patchbay.views.conversations import conversation_view, unread_count, window_view
from patchbay.views.messages import (
    PREVIEW_LENGTH,
    delivery_view,
    message_view,
    preview_of,
    receipts_view,
    revisions_view,
)
from patchbay.views.parts import View, actor_view, content_view, failure_view, media_ref_view
from patchbay.views.people import contact_view, identity_view
from patchbay.views.records import media_view, raw_event_view, tag_view
from patchbay.views.timeline import activity_view, note_view

__all__ = [
    "PREVIEW_LENGTH",
    "View",
    "account_view",
    "activity_view",
    "actor_view",
    "contact_view",
    "content_view",
    "conversation_view",
    "delivery_view",
    "failure_view",
    "identity_view",
    "media_ref_view",
    "media_view",
    "message_view",
    "note_view",
    "preview_of",
    "raw_event_view",
    "receipts_view",
    "revisions_view",
    "tag_view",
    "template_view",
    "unread_count",
    "window_view",
]
