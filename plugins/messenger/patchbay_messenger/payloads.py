"""What Messenger sends beyond the shared forms. No IO.

Sources: Messenger Platform, Utility messages: ``message.template``; Media template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.model.content import AnyContent, Header, Interactive, MediaRef, Template
from patchbay_messenger.capabilities import DIALECT
from patchbay_meta.messaging.interactive import button_form
from patchbay_meta.messaging.interactive import template as form
from patchbay_meta.messaging.send import content_part, file_kind


def message(content: AnyContent, attachment_id: str | None) -> Mapping[str, Any]:
    """The value of ``message``."""
    match content:
        case Template():
            return {"template": template(content)}
        case Interactive(kind="buttons", header=Header(media=MediaRef())):
            return media_template(content, attachment_id)
        case _:
            return content_part(content, attachment_id, DIALECT)


def media_template(content: Interactive, attachment_id: str | None) -> Mapping[str, Any]:
    """An image or a video with buttons below it."""
    if not attachment_id:
        raise ValueError("a file is sent by its id")
    shown = {"media_type": file_kind(content), "attachment_id": attachment_id}
    return form("media", elements=[{**shown, "buttons": [button_form(button) for button in content.buttons]}])


def template(content: Template) -> Mapping[str, Any]:
    """The template by its name. A body among the components replaces the one that the variables would make."""
    components = [{**component, "type": str(component.get("type")).upper()} for component in content.components]
    if content.variables and not any(component["type"] == "BODY" for component in components):
        texts = [content.variables[number] for number in sorted(content.variables, key=int)]
        components.append({"type": "BODY", "parameters": [{"type": "text", "text": text} for text in texts]})
    shown: dict[str, Any] = {"name": content.name, "language": {"code": content.language}}
    return {**shown, "components": components} if components else shown
