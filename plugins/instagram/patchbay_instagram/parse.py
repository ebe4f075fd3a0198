"""A webhook's bytes to items, for both ways an account can be connected. No IO.

An entry names the professional account by its own id, in some deliveries of page-linked accounts by the page's.
Source: Instagram Platform, Webhooks, "Event notifications" and the reference of its fields.
"""

from __future__ import annotations

from patchbay.channel.inbound import Item, Malformed
from patchbay_instagram.parse_changes import comments, mentions, story_insights
from patchbay_instagram.parse_contents import contents
from patchbay_instagram.parse_edits import edits
from patchbay_meta.messaging import COMMON_KINDS
from patchbay_meta.messaging.envelope import read_webhook
from patchbay_meta.messaging.event import Platform
from patchbay_meta.messaging.messages import messages

PLATFORM = Platform(
    object="instagram",
    person="igsid",
    kinds={**COMMON_KINDS, "message": messages(contents), "message_edit": edits},  # there is no report of delivery
    fields={
        "comments": comments,
        "live_comments": comments,
        "mentions": mentions,
        "story_insights": story_insights,
    },
    or_parent=True,
)


def parse(body: bytes) -> tuple[Item | Malformed, ...]:
    """All items of a webhook, in order. Raises ``BadPayload`` when it is no Instagram webhook, and nothing else."""
    return read_webhook(body, PLATFORM)
