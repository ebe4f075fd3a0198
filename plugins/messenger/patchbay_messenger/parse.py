"""A webhook of Messenger to items: which kind of event, and which field of a change, is read by whom. No IO.

The envelope is ``patchbay_meta.messaging``'s, and so is whatever Instagram has too.
Source: Messenger Platform, Webhooks, "Webhook Events Reference".
"""

from __future__ import annotations

from patchbay.channel.inbound import Item, Malformed
from patchbay_messenger.parse_account import account_linking, policy
from patchbay_messenger.parse_feed import feed, mention
from patchbay_messenger.parse_shop import customer_feedback, order, response_feedback
from patchbay_messenger.parse_templates import template_status
from patchbay_meta.messaging import COMMON_KINDS
from patchbay_meta.messaging.envelope import Platform, read_webhook, single
from patchbay_meta.messaging.handover import app_roles
from patchbay_meta.messaging.receipts import deliveries

PLATFORM = Platform(
    object="page",
    person="psid",
    kinds={
        **COMMON_KINDS,
        "delivery": deliveries,
        "account_linking": single(account_linking),
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
