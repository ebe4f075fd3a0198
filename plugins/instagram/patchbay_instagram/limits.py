"""What can be sent over Instagram, checked before anything is queued. No IO.

Everything that Instagram has is in ``patchbay_meta.messaging.limits``; its numbers are in ``capabilities``.
"""

from __future__ import annotations

from patchbay.channel import Recipient
from patchbay.model.content import AnyContent, Interactive
from patchbay.model.media import Media
from patchbay_instagram.capabilities import DIALECT
from patchbay_meta.messaging.interactive import check_interactive
from patchbay_meta.messaging.limits import check_common


def check(content: AnyContent, recipient: Recipient, media: Media | None) -> None:
    """Return if Instagram takes this content for this recipient; else raise ``Unsupported``."""
    check_common(content, recipient, media, DIALECT)
    if isinstance(content, Interactive):
        check_interactive(content, DIALECT)
