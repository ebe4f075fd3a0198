"""What can be sent over Messenger, checked before anything is queued. No IO.

Sources: Messenger Platform, Utility messages; Media template: a file with buttons and no text. What Messenger shares
with Instagram is in ``patchbay_meta.messaging.limits``. Whether a template exists, and fits, only Meta can say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchbay.channel import Recipient
from patchbay.model.content import AnyContent, Header, Interactive, MediaRef, Template
from patchbay.model.media import Media
from patchbay_messenger.capabilities import DIALECT
from patchbay_meta.messaging.interactive import check_buttons, check_interactive
from patchbay_meta.messaging.limits import check_common, check_file, check_text, refuse

TEMPLATE_NAME_LIMIT = 512
TEMPLATE_TEXT_LIMIT = 1024  # of one variable
COMPONENT_TYPES = ("BODY", "BUTTONS", "HEADER", "TITLE")
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?", re.ASCII)


def check(content: AnyContent, recipient: Recipient, media: Media | None) -> None:
    """Return if Messenger takes this content for this recipient; else raise ``Unsupported``."""
    check_common(content, recipient, media, DIALECT)
    match content:
        case Interactive(kind="buttons", header=Header(media=MediaRef() as ref) as header):
            check_media_template(content, header, ref, media)
        case Interactive():
            check_interactive(content, DIALECT)
        case Template():
            check_template(content)


def check_media_template(content: Interactive, header: Header, ref: MediaRef, media: Media | None) -> None:
    """Judge an image or a video with buttons below it."""
    if header.kind not in ("image", "video"):
        refuse("/header/kind", "Above buttons stands an image or a video.", "Send it before, as a message of its own.")
    for part in ("body", "footer"):
        if getattr(content, part):
            refuse(f"/{part}", f"Below a file there is no {part}.", "Send it as a text before.")
    check_file(header.kind, ref, media, DIALECT, "/header/media")
    check_buttons(content.buttons)


def check_template(content: Template) -> None:
    """Judge the parts of a utility message."""
    if len(content.name) > TEMPLATE_NAME_LIMIT or not _NAME.fullmatch(content.name):
        refuse("/name", "A template's name is made of a-z, 0-9 and _, up to 512 characters.", "Use the name as synced.")
    if not _LANGUAGE.fullmatch(content.language):
        refuse("/language", "A language is written like en or en_US.", "Use the language as synced.")
    wanted = [str(number) for number in range(1, len(content.variables) + 1)]
    if sorted(content.variables) != sorted(wanted):
        refuse("/variables", "Variables are numbered from 1 and none is left out.", "Give them as 1, 2 and so on.")
    for name, value in content.variables.items():
        check_text(value, f"/variables/{name}", TEMPLATE_TEXT_LIMIT)
    for place, component in enumerate(content.components):
        _component(component, f"/components/{place}")


def _component(component: Mapping[str, Any], pointer: str) -> None:
    kind = component.get("type")
    if not isinstance(kind, str) or kind.upper() not in COMPONENT_TYPES:
        refuse(f"{pointer}/type", f"A component is one of {', '.join(COMPONENT_TYPES)}.", "Correct it.")
    if not isinstance(component.get("parameters", []), list | tuple):
        refuse(f"{pointer}/parameters", "Parameters are a list.", "Correct it.")
