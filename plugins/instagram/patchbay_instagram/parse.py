"""A webhook's bytes to items, for both ways an account can be connected. No IO.

An entry names the professional account by its own id, in some deliveries of page-linked accounts by the page's.
Source: Instagram Platform, Webhooks, "Event notifications" and the reference of its fields.
"""

from __future__ import annotations

from patchbay.channel.inbound import Item, Malformed
from patchbay_instagram.parse_changes import comments, mentions, story_insights
from patchbay_instagram.parse_contents import contents
from patchbay_instagram.parse_edits import edits
from patchbay_meta.messaging.envelope import read_webhook
from patchbay_meta.messaging.event import Platform, single
from patchbay_meta.messaging.handover import handover
from patchbay_meta.messaging.messages import messages
from patchbay_meta.messaging.reactions import reaction
from patchbay_meta.messaging.receipts import reads
from patchbay_meta.messaging.taps import optin, postbacks, referral

PLATFORM = Platform(
    object="instagram",
    person="igsid",
    kinds={
        "message": messages(contents),
        "message_edit": edits,
        "reaction": single(reaction),
        "read": reads,  # there is no report of delivery
        "postback": postbacks,
        "referral": single(referral),
        "optin": single(optin),
        "pass_thread_control": single(handover),
        "take_thread_control": single(handover),
        "request_thread_control": single(handover),
    },
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
