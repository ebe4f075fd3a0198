"""A webhook of Messenger to items: which kind of event, and which field of a change, is read by whom. No IO.

The envelope is ``patchbay_meta.messaging``'s, and so is whatever Instagram has too.
Source: Messenger Platform, Webhooks, "Webhook Events Reference".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchbay.channel.inbound import Item, Malformed
from patchbay_messenger.parse_account import account_linking, policy
from patchbay_messenger.parse_feed import feed, mention
from patchbay_messenger.parse_shop import customer_feedback, order, response_feedback
from patchbay_messenger.parse_templates import template_status
from patchbay_meta.messaging.attachments import ATTACHMENTS
from patchbay_meta.messaging.envelope import Event, Platform, read_webhook, single
from patchbay_meta.messaging.handover import app_roles, handover
from patchbay_meta.messaging.messages import Piece, edits, messages, pieces
from patchbay_meta.messaging.reactions import reaction
from patchbay_meta.messaging.receipts import deliveries, reads
from patchbay_meta.messaging.taps import optin, postbacks, referral


def _parts(event: Event, raw: dict[str, Any]) -> Sequence[Piece]:
    return pieces(raw, ATTACHMENTS)


PLATFORM = Platform(
    object="page",
    person="psid",
    kinds={
        "message": messages(_parts),
        "message_edit": edits,
        "reaction": single(reaction),
        "postback": postbacks,
        "referral": single(referral),
        "optin": single(optin),
        "delivery": deliveries,
        "read": reads,
        "account_linking": single(account_linking),
        "pass_thread_control": single(handover),
        "take_thread_control": single(handover),
        "request_thread_control": single(handover),
        "app_roles": single(app_roles),
        "policy_enforcement": single(policy),
        "policy-enforcement": single(policy),  # so it is spelt in deliveries
        "order": single(order),
        "response_feedback": single(response_feedback),
        "messaging_feedback": single(customer_feedback),
    },
    fields={
        "feed": feed,
        "mention": single(mention),
        "message_template_status_update": single(template_status),
    },
)


def parse(body: bytes) -> tuple[Item | Malformed, ...]:
    """All items of a webhook, in order. Raises ``BadPayload`` when it is no webhook of a page, and nothing else."""
    return read_webhook(body, PLATFORM)
