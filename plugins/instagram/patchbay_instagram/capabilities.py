"""What Instagram carries, and how much of it. No IO.

Sources: Instagram Platform, Send messages (July 2026); Attachment upload (April 2026), for types and sizes.
"""

from __future__ import annotations

from patchbay.channel import Capabilities, MediaRule
from patchbay_instagram.errors import ERRORS, OWN_ERRORS
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.split import in_bytes

TEXT_LIMIT = 1000  # bytes of UTF-8, not characters
IMAGE_BYTES = 8 * 2**20
FILE_BYTES = 25 * 2**20

CAPABILITIES = Capabilities(
    contents=frozenset({"text", "image", "video", "audio", "document", "interactive", "native"}),
    interactive=frozenset({"buttons", "cta_url", "quick_replies", "generic", "carousel", "product", "product_list"}),
    reactions=True,
    replies=True,
    typing=True,
    read_receipts=True,
    text_limit=TEXT_LIMIT,
    window_hint='A person may answer for 7 days after their last message, with options {"tag": "HUMAN_AGENT"};'
    " a comment is answered by reply_to, its id.",
    profiles=True,
    token_care=True,
    starts_with=frozenset({"igsid"}),
    options={"tag": frozenset({"HUMAN_AGENT"}), "messaging_type": frozenset({"RESPONSE"})},
    fetches=frozenset({"image", "video", "audio", "document"}),
    media={
        "image": MediaRule(frozenset({"image/png", "image/jpeg"}), IMAGE_BYTES),
        "video": MediaRule(
            frozenset({"video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm"}), FILE_BYTES
        ),
        # M4A and WAV under the names that they go by
        "audio": MediaRule(
            frozenset({"audio/aac", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/wav", "audio/x-wav"}), FILE_BYTES
        ),
        "document": MediaRule(frozenset({"application/pdf"}), FILE_BYTES),
    },
)
DIALECT = Dialect(
    name="Instagram",
    kind="igsid",
    capabilities=CAPABILITIES,
    text_limit=TEXT_LIMIT,
    measure=in_bytes,
    unit="bytes",
    errors=ERRORS,
    own_errors=OWN_ERRORS,
    profile_fields="name,username",
    metadata=False,
    reactions_open_window=False,  # not documented: to be told "closed" costs less than to be refused
    visits_open_window=False,  # as reactions; Send messages names the person's message and the advertisement
    reaction_names={"\u2764": "love", "\u2764\ufe0f": "love"},  # the one that Sender actions, Reactions documents
)
