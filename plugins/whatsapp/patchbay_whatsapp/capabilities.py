"""What WhatsApp carries, and how much of it. No IO.

Sources: WhatsApp Cloud API, Messages reference, unless a line says otherwise; Media reference, for types and sizes.
Lengths are counted in characters, sizes in bytes.
"""

from __future__ import annotations

from patchbay.channel import Capabilities, MediaRule

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
BODY_LIMIT = 1024  # of an interactive message
LIST_BODY_LIMIT = 4096  # newer pages; older ones have 1024
HEADER_TEXT_LIMIT = 60
FOOTER_LIMIT = 60

BUTTONS = 3
BUTTON_TITLE_LIMIT = 20
BUTTON_ID_LIMIT = 256
SECTIONS = 10
SECTION_TITLE_LIMIT = 24
ROWS = 10  # in all sections together
ROW_TITLE_LIMIT = 24
ROW_DESCRIPTION_LIMIT = 72
ROW_ID_LIMIT = 200
LABEL_LIMIT = 20  # of the button that opens a list, a link or a call
FLOW_LABEL_LIMIT = 30
FLOW_MESSAGE_VERSION = "3"
PRODUCTS = 30
CARDS = range(2, 11)
CARD_BODY_LIMIT = 160
CARD_LINE_BREAKS = 2
CALL_TTL_MINUTES = 43_200
ADDRESS_COUNTRIES = ("IN", "SG")
CARD_EXTRAS = ("name", "emails", "urls", "addresses", "org", "birthday")  # of a shared contact, beside its phones
NAME_PARTS = ("first_name", "last_name", "middle_name", "prefix", "suffix")

TEMPLATE_NAME_LIMIT = 512
TEMPLATE_TEXT_LIMIT = 32_768  # of a body that stands alone; 1024 beside other components
TEMPLATE_BUTTON_INDEXES = range(10)
COMPONENT_TYPES = frozenset({"header", "body", "button", "carousel", "limited_time_offer", "order_status"})
BUTTON_SUB_TYPES = frozenset(
    {
        "quick_reply",
        "url",
        "copy_code",
        "flow",
        "catalog",
        "mpm",
        "spm",
        "voice_call",
        "order_details",
        "app",
        "otp",
    }
)

WINDOW_HOURS = 24  # Send messages, "Customer service windows"
UPLOAD_DAYS = 30  # how long an uploaded file can be sent again
STATIC_STICKER_BYTES = 100 * 1024
ANIMATED_STICKER_BYTES = 500 * 1024
ANY_TYPE = "*/*"  # a document may be of any type; those beside it are the documented ones

IMAGE = MediaRule(frozenset({"image/jpeg", "image/png"}), 5 * 2**20)
VIDEO = MediaRule(frozenset({"video/mp4", "video/3gpp"}), 16 * 2**20)
AUDIO = MediaRule(frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * 2**20)
DOCUMENT = MediaRule(
    frozenset(
        {
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            ANY_TYPE,
        }
    ),
    100 * 2**20,
)
STICKER = MediaRule(frozenset({"image/webp"}), ANIMATED_STICKER_BYTES)

CAPABILITIES = Capabilities(
    contents=frozenset(
        {
            "text",
            "image",
            "video",
            "audio",
            "document",
            "sticker",
            "location",
            "contacts",
            "interactive",
            "template",
            "native",
        }
    ),
    interactive=frozenset(
        {
            "buttons",
            "list",
            "cta_url",
            "flow",
            "location_request",
            "contact_request",
            "carousel",
            "product",
            "product_list",
            "address",
            "catalog",
            "voice_call",
            "call_permission_request",
        }
    ),
    reactions=True,
    replies=True,
    typing=True,
    read_receipts=True,
    starts_with=frozenset({"phone", "wa_bsuid", "wa_parent_bsuid"}),
    templates=True,
    text_limit=TEXT_LIMIT,
    window_hint="Send an approved template instead; the window opens when the person writes.",
    fetches=frozenset({"image", "video", "audio", "document", "sticker"}),
    media={"image": IMAGE, "video": VIDEO, "audio": AUDIO, "document": DOCUMENT, "sticker": STICKER},
)
