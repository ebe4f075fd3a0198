"""The kinds of event that every channel of the Send API has, each with its reader. No IO.

A channel adds what it alone has, and puts its own reader where it reads one otherwise::

    kinds = {**COMMON_KINDS, "message": messages(contents), "delivery": deliveries}
"""

from __future__ import annotations

from collections.abc import Mapping

from patchbay_meta.messaging.attachments import ATTACHMENTS
from patchbay_meta.messaging.event import Updates, single
from patchbay_meta.messaging.handover import handover
from patchbay_meta.messaging.messages import edits, messages, pieces
from patchbay_meta.messaging.reactions import reaction
from patchbay_meta.messaging.receipts import reads
from patchbay_meta.messaging.taps import optin, postbacks, referral

COMMON_KINDS: Mapping[str, Updates] = {
    "message": messages(lambda event, raw: pieces(raw, ATTACHMENTS)),
    "message_edit": edits,
    "reaction": single(reaction),
    "read": reads,
    "postback": postbacks,
    "referral": single(referral),
    "optin": single(optin),
    "pass_thread_control": single(handover),
    "take_thread_control": single(handover),
    "request_thread_control": single(handover),
}
