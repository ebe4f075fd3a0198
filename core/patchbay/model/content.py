"""What a message says: one tagged union for all channels, discriminated by ``type``.

The same classes are what the API accepts and shows, what the store keeps and what channels translate from and to.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

MediaState = Literal["pending", "fetching", "stored", "purged", "failed", "expired", "quarantined", "remote"]
InteractiveKind = Literal[
    "buttons",
    "list",
    "cta_url",
    "flow",
    "location_request",
    "contact_request",
    "carousel",
    "product",
    "product_list",
    "quick_replies",
    "generic",
    "address",
    "catalog",
    "voice_call",
    "call_permission_request",
]
ReplyKind = Literal["button", "list", "quick_reply", "postback", "flow", "contact_share", "address", "call_permission"]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A value inside a content."""


class MediaRef(Part, frozen=True, kw_only=True):
    """A file that a content carries: one that is stored, by the ``id`` of its media document, or one to be sent that
    the provider fetches itself from ``url`` (https); then ``state`` is ``remote`` and nothing of it is kept here.

    Both are missing only in what a channel parsed and the core has not bound yet.
    """

    id: str = ""
    url: str | None = None
    mime_type: str | None = None
    size: int | None = None
    filename: str | None = None
    state: MediaState = "pending"


class Content(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type", gc=False
):
    """The base of all contents; never made by itself."""


class Text(Content, frozen=True, kw_only=True, tag="text"):
    text: str
    preview_url: bool = False


class Image(Content, frozen=True, kw_only=True, tag="image"):
    media: MediaRef
    caption: str | None = None


class Video(Content, frozen=True, kw_only=True, tag="video"):
    media: MediaRef
    caption: str | None = None


class Audio(Content, frozen=True, kw_only=True, tag="audio"):
    media: MediaRef
    voice: bool = False


class DocumentFile(Content, frozen=True, kw_only=True, tag="document"):
    """A file of any kind; its name is ``media.filename``."""

    media: MediaRef
    caption: str | None = None


class Sticker(Content, frozen=True, kw_only=True, tag="sticker"):
    media: MediaRef
    animated: bool = False


class Location(Content, frozen=True, kw_only=True, tag="location"):
    """Degrees, WGS 84."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None


class ContactPhone(Part, frozen=True, kw_only=True):
    phone: str
    type: str | None = None
    wa_id: str | None = None


class ContactCard(Part, frozen=True, kw_only=True):
    """One shared card. ``extra`` holds what providers add (emails, urls, addresses, org, birthday), as they gave it."""

    formatted_name: str = ""
    first_name: str | None = None
    last_name: str | None = None
    phones: tuple[ContactPhone, ...] = ()
    vcard: str | None = None
    extra: dict[str, Any] = {}


class Contacts(Content, frozen=True, kw_only=True, tag="contacts"):
    contacts: tuple[ContactCard, ...]
    origin: str | None = None


class Button(Part, frozen=True, kw_only=True):
    """A button: a reply (``id`` comes back), or a link where ``url`` is given."""

    id: str = ""
    title: str = ""
    url: str | None = None
    payload: str | None = None


class Row(Part, frozen=True, kw_only=True):
    id: str
    title: str
    description: str | None = None


class Section(Part, frozen=True, kw_only=True):
    """Rows of a list, or products of a product list (``product_ids`` are retailer ids)."""

    title: str | None = None
    rows: tuple[Row, ...] = ()
    product_ids: tuple[str, ...] = ()


class Header(Part, frozen=True, kw_only=True):
    """Exactly one of ``text`` and ``media``; ``kind`` says which media it is."""

    kind: Literal["text", "image", "video", "document"] = "text"
    text: str | None = None
    media: MediaRef | None = None


class Card(Part, frozen=True, kw_only=True):
    """One card of a carousel or a generic template."""

    title: str | None = None
    subtitle: str | None = None
    body: str | None = None
    header: Header | None = None
    image_url: str | None = None
    url: str | None = None
    product_id: str | None = None
    buttons: tuple[Button, ...] = ()


class Interactive(Content, frozen=True, kw_only=True, tag="interactive"):
    """A message with something to tap. Which fields a ``kind`` needs is the channel's to say, before queueing.

    ``button`` is the label that opens a list, a flow or a link; ``parameters`` holds what a kind needs beyond the named
    fields (flow id and token, address form), in the provider's words.
    """

    kind: InteractiveKind
    body: str = ""
    header: Header | None = None
    footer: str | None = None
    button: str | None = None
    buttons: tuple[Button, ...] = ()
    sections: tuple[Section, ...] = ()
    cards: tuple[Card, ...] = ()
    url: str | None = None
    catalog_id: str | None = None
    product_id: str | None = None
    parameters: dict[str, Any] = {}


class InteractiveReply(Content, frozen=True, kw_only=True, tag="interactive_reply"):
    """What the person tapped or filled in; ``data`` is the form's answer where there is one."""

    kind: ReplyKind
    id: str = ""
    title: str = ""
    description: str | None = None
    data: dict[str, Any] = {}


class Template(Content, frozen=True, kw_only=True, tag="template"):
    """An approved template. ``variables`` fill the body by number or name; ``components`` override them in the
    provider's own form, for headers, buttons and carousels."""

    name: str
    language: str
    variables: dict[str, str] = {}
    components: tuple[dict[str, Any], ...] = ()


class StoryReply(Content, frozen=True, kw_only=True, tag="story_reply"):
    text: str = ""
    story_id: str | None = None
    url: str | None = None
    media: MediaRef | None = None


class StoryMention(Content, frozen=True, kw_only=True, tag="story_mention"):
    text: str = ""
    url: str | None = None
    media: MediaRef | None = None


class Share(Content, frozen=True, kw_only=True, tag="share"):
    url: str | None = None
    title: str | None = None
    media: MediaRef | None = None


class OrderItem(Part, frozen=True, kw_only=True):
    """``price`` is a decimal as text, per unit."""

    product_id: str
    quantity: int
    price: str | None = None
    currency: str | None = None


class Order(Content, frozen=True, kw_only=True, tag="order"):
    catalog_id: str | None = None
    text: str = ""
    items: tuple[OrderItem, ...] = ()


class SystemNotice(Content, frozen=True, kw_only=True, tag="system_notice"):
    """Something that happened on the thread and that nobody wrote: a call, a changed number, a hand-over."""

    notice: str
    text: str = ""
    data: dict[str, Any] = {}


class Native(Content, frozen=True, kw_only=True, tag="native"):
    """A message to be sent in the provider's own form, for what no other type says. It is judged by the provider alone;
    ``text`` is what is shown of it here."""

    payload: dict[str, Any]
    text: str = ""


class Unsupported(Content, frozen=True, kw_only=True, tag="unsupported"):
    """What the channel could not read, or what was erased: shown in the timeline, never dropped."""

    provider_type: str
    reason: str = ""


AnyContent = (
    Text
    | Image
    | Video
    | Audio
    | DocumentFile
    | Sticker
    | Location
    | Contacts
    | Interactive
    | InteractiveReply
    | Template
    | StoryReply
    | StoryMention
    | Share
    | Order
    | SystemNotice
    | Native
    | Unsupported
)
MediaContent = Image | Video | Audio | DocumentFile | Sticker


def type_of(content: AnyContent) -> str:
    """The content's ``type``, as on the wire."""
    return str(content.__struct_config__.tag)


def media_of(content: AnyContent) -> MediaRef | None:
    """The one media that the content carries, if it carries any."""
    match content:
        case Image() | Video() | Audio() | DocumentFile() | Sticker() | StoryReply() | StoryMention() | Share():
            return content.media
        case Interactive(header=Header(media=MediaRef() as media)):
            return media
        case _:
            return None


def with_media(content: AnyContent, media: MediaRef) -> AnyContent:
    """The content with its media reference replaced; contents without media are returned as they are."""
    match content:
        case Image() | Video() | Audio() | DocumentFile() | Sticker() | StoryReply() | StoryMention() | Share():
            return replace(content, media=media)
        case Interactive(header=Header() as header) if header.media is not None:
            return replace(content, header=replace(header, media=media))
        case _:
            return content


def text_content(content: AnyContent) -> str:
    """The plain text of any content: what a preview, a search and a notification show. "" when there is none."""
    match content:
        case Text():
            return content.text
        case Image() | Video() | DocumentFile():
            return content.caption or ""
        case Location():
            return content.name or content.address or ""
        case Contacts():
            return ", ".join(card.formatted_name for card in content.contacts if card.formatted_name)
        case Interactive():
            return content.body
        case InteractiveReply():
            return content.title
        case StoryReply() | StoryMention() | Order() | SystemNotice() | Native():
            return content.text
        case Share():
            return content.title or content.url or ""
        case Template():
            return content.name
        case _:
            return ""
