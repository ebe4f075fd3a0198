"""What the Send API takes, from its reference: the judge of requests that a certified channel makes. No IO.

It shares no code with what makes them. Sources: Messenger Platform, Send API; Sender actions; Quick replies; Templates:
button, generic, media, product; Utility messages; Instagram Platform, the same pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ACTIONS = {"typing_on": (), "typing_off": (), "mark_seen": (), "react": ("message_id", "reaction")}
FILES = {"image", "video", "audio", "file"}
COMPONENTS = {"BODY", "BUTTONS", "HEADER", "TITLE"}
BUTTON = {"web_url": ("title", "url"), "postback": ("title", "payload")}


class Refused(Exception):
    """Why the Send API would refuse it."""

    def __init__(self, said: str, subcode: int | None = None) -> None:
        super().__init__(said)
        self.subcode = subcode


@dataclass(frozen=True)
class Rules:
    """What one platform takes. ``members`` are those of ``message``, ``templates`` the types of template; ``size``
    measures a text, of which ``text_limit`` are taken. ``attachments`` are those that hold no file, with the members of
    their payload; ``images`` is how many one message may hold."""

    types: frozenset[str]
    attachments: Mapping[str, tuple[str, ...]]
    members: frozenset[str]
    templates: frozenset[str]
    text_limit: int
    size: Callable[[str], int]
    images: int


def check_send(body: Mapping[str, Any], rules: Rules, person: str) -> None:
    """Judge the body of a send to this person. Raises ``Refused``."""
    whom = body.get("recipient")
    if not isinstance(whom, Mapping) or len(whom) != 1 or not set(whom) <= {"id", "user_ref", "comment_id", "post_id"}:
        raise Refused(f"recipient: {whom!r}")
    if whom.get("id", person) != person:
        raise Refused("No matching user found", 2018001)
    if "sender_action" in body:
        _check_action(body)
        return
    if not set(body) <= {
        "recipient",
        "message",
        "messaging_type",
        "tag",
        "reply_to",
        "notification_type",
        "persona_id",
    }:
        raise Refused(f"There is no such member: {sorted(body)}")
    if body.get("messaging_type") not in rules.types:
        raise Refused(f"messaging_type: {body.get('messaging_type')!r}")
    if "reply_to" in body and not body["reply_to"].get("mid"):
        raise Refused("reply_to has no mid")
    message = body.get("message")
    if not isinstance(message, Mapping):
        raise Refused("There is neither a message nor a sender_action")
    _check_message(message, rules, utility=body["messaging_type"] == "UTILITY")


def _check_action(body: Mapping[str, Any]) -> None:
    action, payload = body["sender_action"], body.get("payload", {})
    if not set(body) <= {"recipient", "sender_action", "payload"}:
        raise Refused(f"A sender action holds nothing else: {sorted(body)}")
    wanted = ("message_id",) if action == "unreact" else ACTIONS.get(action)
    if wanted is None or set(payload) != set(wanted) or not all(payload.values()):
        raise Refused(f"The sender action {action!r} with {sorted(payload)}")


def _check_message(message: Mapping[str, Any], rules: Rules, *, utility: bool) -> None:
    if unknown := set(message) - rules.members:
        raise Refused(f"A message has no {sorted(unknown)}")
    held = [name for name in ("text", "attachment", "attachments", "sticker_id", "template") if name in message]
    if len(held) != 1 or utility != (held == ["template"]):
        raise Refused(f"A message holds one thing, not {held}", 2018034)
    text = message.get("text", "?")
    if not text.strip():
        raise Refused("The text is empty", 2018034)
    if rules.size(text) > rules.text_limit:
        raise Refused(f"The text is longer than {rules.text_limit}")
    if len(message.get("metadata", "")) >= 1000:
        raise Refused("metadata is too long")
    if "quick_replies" in message:
        _check_quick_replies(message)
    if "template" in message:
        _check_utility(message["template"])
    if "attachment" in message:
        _check_attachment(message["attachment"], rules)
    if "attachments" in message:
        _count(message["attachments"], rules.images, "images")
        for one in message["attachments"]:
            if one.get("type") != "image":
                raise Refused("Only images come together")
            _check_attachment(one, rules)


def _check_quick_replies(message: Mapping[str, Any]) -> None:
    replies = message["quick_replies"]
    _count(replies, 13, "quick replies")
    for one in replies:
        if one.get("content_type") != "text" or not 1 <= len(one.get("payload", "")) <= 1000:
            raise Refused(f"A quick reply: {one}")
        _length(one, "title", 20)


def _check_utility(template: Mapping[str, Any]) -> None:
    if not template.get("name") or not template.get("language", {}).get("code"):
        raise Refused("The template has no name or no language")
    for component in template.get("components", ()):
        parameters = component.get("parameters", ())
        if component.get("type") not in COMPONENTS or not all(one.get(one.get("type")) for one in parameters):
            raise Refused(f"A component: {component}")


def _check_attachment(attachment: Mapping[str, Any], rules: Rules) -> None:
    kind, payload = attachment.get("type"), attachment.get("payload", {})
    if kind in FILES:
        by_id = set(payload) == {"attachment_id"} and payload["attachment_id"].isdecimal()
        if not by_id and not (set(payload) == {"url"} and payload["url"].startswith("https://")):
            raise Refused(f"The file of the {kind}: {payload}", 2018008)
        return
    if isinstance(kind, str) and kind in rules.attachments:
        if set(payload) != set(rules.attachments[kind]):
            raise Refused(f"The attachment {kind}: {payload}")
        return
    template = payload.get("template_type")
    if kind != "template" or template not in rules.templates:
        raise Refused(f"There is no attachment {kind!r} with the template {template!r}")
    if template == "button":
        _length(payload, "text", 640)
        _check_buttons(payload.get("buttons", []))
        return
    elements = payload.get("elements", [])
    _count(elements, 1 if template == "media" else 10, "elements")
    for element in elements:
        _check_element(template, element)


def _check_element(template: str, element: Mapping[str, Any]) -> None:
    if template == "product":
        if set(element) != {"id"} or not element["id"]:
            raise Refused(f"A product: {element}")
        return
    if template == "media":
        if element.get("media_type") not in ("image", "video") or not element.get("attachment_id", "").isdecimal():
            raise Refused(f"The file of a media template: {element}", 2018008)
        _check_buttons(element.get("buttons", []))
        return
    _length(element, "title", 80)
    if not set(element) - {"title"}:
        raise Refused("An element has nothing beside its title")
    if "subtitle" in element:
        _length(element, "subtitle", 80)
    if "default_action" in element and set(element["default_action"]) != {"type", "url"}:
        raise Refused(f"A default action: {element['default_action']}")
    if "buttons" in element:
        _check_buttons(element["buttons"])


def _check_buttons(buttons: Any) -> None:
    _count(buttons, 3, "buttons")
    for button in buttons:
        if set(button) != {"type", *BUTTON.get(button.get("type"), ("?",))}:
            raise Refused(f"A button: {button}")
        _length(button, "title", 20)
        if "payload" in button:
            _length(button, "payload", 1000)


def _length(held: Mapping[str, Any], name: str, most: int) -> None:
    if not 1 <= len(held.get(name) or "") <= most:
        raise Refused(f"{name} has to have 1 to {most} characters")


def _count(held: Any, most: int, what: str) -> None:
    if not isinstance(held, list) or not 1 <= len(held) <= most:
        raise Refused(f"There have to be 1 to {most} {what}")
