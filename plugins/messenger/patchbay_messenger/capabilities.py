"""What Messenger carries, and how much of it. No IO.

Sources: Messenger Platform, Send API; Attachment upload (April 2026), for types and sizes of uploaded files.
"""

from __future__ import annotations

from patchbay.channel import Capabilities, MediaRule
from patchbay_meta.graph import GraphErrors
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.errors import OWN_SUBCODES, RULES, SUBCODED, SUBCODES
from patchbay_meta.messaging.limits import ANY_TYPE
from patchbay_meta.messaging.split import in_characters

TEXT_LIMIT = 2000  # characters
FILE_BYTES = 25 * 2**20  # of any uploaded file; an image by its address would have 8 MB

CAPABILITIES = Capabilities(
    contents=frozenset({"text", "image", "video", "audio", "document", "interactive", "template", "native"}),
    interactive=frozenset({"buttons", "cta_url", "quick_replies", "generic", "carousel", "product", "product_list"}),
    reactions=True,
    replies=True,
    typing=True,
    read_receipts=True,
    templates=True,
    text_limit=TEXT_LIMIT,
    window_hint='A person may answer for 7 days after their last message, with options {"tag": "HUMAN_AGENT"};'
    " a comment is answered by reply_to, its id.",
    profiles=True,
    token_care=True,
    starts_with=frozenset({"psid"}),
    options={
        "tag": frozenset({"HUMAN_AGENT"}),
        "messaging_type": frozenset({"RESPONSE", "UPDATE"}),
        "notification_type": frozenset({"REGULAR", "SILENT_PUSH", "NO_PUSH"}),
        "persona_id": None,
    },
    fetches=frozenset({"image", "video", "audio", "document"}),
    media={
        "image": MediaRule(frozenset({"image/jpeg", "image/png", "image/gif"}), FILE_BYTES),
        "video": MediaRule(
            frozenset({"video/mp4", "video/quicktime", "video/x-msvideo", "video/webm", "video/ogg"}), FILE_BYTES
        ),
        "audio": MediaRule(frozenset({"audio/*"}), FILE_BYTES),
        "document": MediaRule(frozenset({ANY_TYPE}), FILE_BYTES),
    },
)
DIALECT = Dialect(
    name="Messenger",
    kind="psid",
    capabilities=CAPABILITIES,
    text_limit=TEXT_LIMIT,
    measure=in_characters,
    unit="characters",
    errors=GraphErrors("Messenger", rules=RULES, subcodes=SUBCODES, subcoded=SUBCODED, by_status=True),
    own_errors=GraphErrors("Messenger", rules=RULES, subcodes=OWN_SUBCODES, by_status=True),
    profile_fields="name,first_name,last_name",
    metadata=True,
    reactions_open_window=True,
    visits_open_window=True,
)
