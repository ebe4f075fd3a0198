"""What Messenger and Instagram share: the envelope of their webhooks, what people send, and how it is answered.

``envelope`` reads a webhook's entries to events and hands each kind to the channel's own readers; ``COMMON_KINDS`` are
the readers that every such channel needs. The other modules are pieces of those readers and of the sends. A library: no
hooks, no entry point.
"""

from patchbay_meta.messaging.kinds import COMMON_KINDS
from patchbay_meta.messaging.recipients import COMMENT, POST, USER_REF

__all__ = ["COMMENT", "COMMON_KINDS", "POST", "USER_REF"]
