"""The message of a send to a page or an Instagram account: texts, attachments, templates, quick replies. No IO.

Sources: Messenger Platform, Send API and Templates; Instagram Messaging, Send messages. Where no unit is said, limits
are in characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from patchbay_simulator.config import Channel
from patchbay_simulator.errors import GraphError
from patchbay_simulator.interactive import Choice

TEXT_LIMIT = 2000  # Messenger
TEXT_BYTES_LIMIT = 1000  # Instagram: bytes of UTF-8
QUICK_REPLIES = 13
TITLE_SHOWN = 20  # longer titles of quick replies are cut, not refused
PAYLOAD_LIMIT = 1000
BUTTON_TEXT_LIMIT = 640
ELEMENTS = 10
ELEMENT_TEXT_LIMIT = 80
IMAGES = 10  # Instagram, in one send
UNITS: Mapping[Channel, frozenset[str]] = {
    "messenger": frozenset({"text", "attachment", "attachments", "sticker_id", "template"}),
    "instagram": frozenset({"text", "attachment", "attachments"}),
}
MEDIA = ("image", "video", "audio", "file")
ATTACHMENTS: Mapping[Channel, frozenset[str]] = {
    "messenger": frozenset({*MEDIA, "template"}),
    "instagram": frozenset({*MEDIA, "template", "like_heart", "MEDIA_SHARE"}),
}
TEMPLATES: Mapping[Channel, frozenset[str]] = {
    "messenger": frozenset({"button", "generic", "media", "product", "receipt", "coupon", "customer_feedback"}),
    "instagram": frozenset({"button", "generic", "product"}),
}


def bad(message: str, subcode: int | None = None) -> GraphError:
    return GraphError(100, message=f"(#100) {message}", subcode=subcode)


def parsed(value: Any, name: str) -> Mapping[str, Any]:
    """An object, which forms carry as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise bad(f"Param {name} must be a JSON object.") from None
    if not isinstance(value, Mapping):
        raise bad(f"Param {name} must be a JSON object.")
    return value


def listed(value: Any, name: str) -> list[Mapping[str, Any]]:
    """A list of objects; none is an empty one."""
    if not isinstance(value or [], list):
        raise bad(f"Param {name} must be an array.")
    return [parsed(each, name) for each in value or []]


def unit_of(channel: Channel, message: Mapping[str, Any]) -> str:
    found = sorted(unit for unit in UNITS[channel] if message.get(unit))
    if len(found) != 1:
        raise bad(f"Message takes exactly one of {', '.join(sorted(UNITS[channel]))}.", 2018034)
    return found[0]


Seen = tuple[str, str, tuple[Choice, ...]]


def _check_text(channel: Channel, message: Mapping[str, Any], _uploaded: bool) -> Seen:
    text = message["text"]
    if not isinstance(text, str):
        raise bad("Param message[text] must be a string.")
    length, limit = (len(text), TEXT_LIMIT) if channel == "messenger" else (len(text.encode()), TEXT_BYTES_LIMIT)
    if length > limit:
        raise bad(f"Length of param message[text] must be less than or equal to {limit}")
    return "text", text, ()


def _check_attachment(channel: Channel, message: Mapping[str, Any], uploaded: bool) -> Seen:
    attachment = parsed(message["attachment"], "message[attachment]")
    kind = str(attachment.get("type"))
    if kind not in ATTACHMENTS[channel]:
        raise bad(f"Param message[attachment][type] must be one of {{{', '.join(sorted(ATTACHMENTS[channel]))}}}")
    if kind == "template":
        return _check_template(channel, parsed(attachment.get("payload"), "message[attachment][payload]"))
    if kind == "MEDIA_SHARE":
        if not parsed(attachment.get("payload"), "message[attachment][payload]").get("id"):
            raise bad("The parameter message[attachment][payload][id] is required.")
    elif kind != "like_heart":
        check_media(attachment, uploaded)
    return kind, "", ()


def _check_attachments(channel: Channel, message: Mapping[str, Any], _uploaded: bool) -> Seen:
    images = listed(message["attachments"], "message[attachments]")
    if channel == "instagram" and len(images) > IMAGES:
        raise bad(f"Param message[attachments] takes at most {IMAGES} images.")
    for image in images:
        if image.get("type") != "image":
            raise bad("Param message[attachments] takes images only.")
        check_media(image, False)
    return "image", "", ()


def check_media(attachment: Mapping[str, Any], uploaded: bool) -> None:
    payload = parsed(attachment.get("payload") or {}, "message[attachment][payload]")
    url, id_ = payload.get("url"), payload.get("attachment_id")
    if (url is not None) + (id_ is not None) + uploaded != 1:
        raise bad("An attachment takes exactly one of url, attachment_id and filedata.")
    if url is not None and not str(url).startswith(("http://", "https://")):
        raise bad("Param message[attachment][payload][url] must be a valid URL.")


def _check_sticker(_channel: Channel, _message: Mapping[str, Any], _uploaded: bool) -> Seen:
    return "sticker", "", ()


def _check_utility(_channel: Channel, message: Mapping[str, Any], _uploaded: bool) -> Seen:
    template = parsed(message["template"], "message[template]")
    if not template.get("name") or not parsed(template.get("language") or {}, "message[template][language]").get(
        "code"
    ):
        raise bad("Param message[template] takes name and language[code].")
    values = [
        str(parameter.get("text", ""))
        for component in listed(template.get("components"), "message[template][components]")
        for parameter in listed(component.get("parameters"), "message[template][components][parameters]")
    ]
    return "template", " ".join([str(template["name"]), *values]), ()


def _check_template(channel: Channel, payload: Mapping[str, Any]) -> Seen:
    kind = str(payload.get("template_type"))
    if kind not in TEMPLATES[channel]:
        raise bad(f"Param template_type must be one of {{{', '.join(sorted(TEMPLATES[channel]))}}}")
    if kind == "button":
        text = _limited(payload, "text", BUTTON_TEXT_LIMIT)
        return "template", text, _buttons(payload.get("buttons"), least=1)
    if kind not in ("generic", "media"):
        return "template", kind, ()
    elements = listed(payload.get("elements"), "elements")
    most = ELEMENTS if kind == "generic" else 1
    if not 1 <= len(elements) <= most:
        raise bad(f"Param elements must have 1 to {most} items.")
    titles: list[str] = []
    choices: tuple[Choice, ...] = ()
    for element in elements:
        if kind == "generic":
            titles.append(_limited(element, "title", ELEMENT_TEXT_LIMIT))
            if len(str(element.get("subtitle") or "")) > ELEMENT_TEXT_LIMIT:
                raise bad(f"Param elements[subtitle] must be at most {ELEMENT_TEXT_LIMIT} characters.")
        choices += _buttons(element.get("buttons"))
    return "template", ", ".join(titles), choices


def _limited(body: Mapping[str, Any], name: str, limit: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise bad(f"Param {name} must be a string of 1 to {limit} characters.")
    return value


def _buttons(given: Any, *, least: int = 0) -> tuple[Choice, ...]:
    buttons = listed(given, "buttons")
    if not least <= len(buttons) <= 3:
        raise bad(f"Param buttons must have {least} to 3 items.")
    found: list[Choice] = []
    for button in buttons:
        if button.get("type") not in ("postback", "web_url", "phone_number"):
            continue  # the platform names the others itself
        title = _limited(button, "title", TITLE_SHOWN)
        if button["type"] == "postback":
            found.append(Choice("postback", _limited(button, "payload", PAYLOAD_LIMIT), title))
    return tuple(found)


def quick_replies(channel: Channel, message: Mapping[str, Any]) -> tuple[Choice, ...]:
    replies = listed(message.get("quick_replies"), "message[quick_replies]")
    if len(replies) > QUICK_REPLIES:
        raise bad(f"Param message[quick_replies] must have at most {QUICK_REPLIES} items.")
    if replies and channel == "instagram" and not message.get("text"):
        raise bad("Quick replies go with a text.")
    found: list[Choice] = []
    for reply in replies:
        if reply.get("content_type") != "text":
            continue  # a phone or an e-mail address; Instagram shows none since 2026-10-05
        title = str(reply.get("title") or "")
        if not title:
            raise bad("Param message[quick_replies][title] is required.")
        found.append(Choice("quick_reply", _limited(reply, "payload", PAYLOAD_LIMIT), title[:TITLE_SHOWN]))
    return tuple(found)


CHECKS = {
    "text": _check_text,
    "attachment": _check_attachment,
    "attachments": _check_attachments,
    "sticker_id": _check_sticker,
    "template": _check_utility,
}
