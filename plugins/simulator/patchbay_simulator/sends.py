"""Reading a send: what ``POST /{phone_number_id}/messages`` may say, judged as Meta judges it. No IO.

Sources: WhatsApp Cloud API, Send messages; Interactive messages; Messages reference. Limits are in characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from patchbay_simulator.errors import GraphError
from patchbay_simulator.interactive import check_interactive

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
REFERENCE_LIMIT = 512  # biz_opaque_callback_data
MEDIA_TYPES = ("image", "video", "audio", "document", "sticker")
GROUP_TYPES = frozenset({"text", "template", *MEDIA_TYPES})  # Groups API, Send messages
_BSUID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()\-.]{4,24}")

Recipient = Literal["phone", "bsuid", "group"]


@dataclass(frozen=True)
class Send:
    """A message that may leave. ``to`` is digits, a BSUID or a group id, ``input`` what the caller wrote."""

    type: str
    recipient: Recipient
    to: str
    input: str
    content: Any
    reference: str | None = None
    reply_to: str | None = None
    media_ids: tuple[str, ...] = ()
    voice: bool = False
    key_hash: str | None = None


@dataclass(frozen=True)
class MarkRead:
    """``status: read``, with a typing indicator or without."""

    message_id: str
    typing: bool


@dataclass
class _Found:
    media_ids: list[str] = field(default_factory=list)


def read_send(body: Mapping[str, Any]) -> Send | MarkRead:
    """The send that a request body asks for. Raises ``GraphError``."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
    if "status" in body:
        return _mark_read(body)
    recipient, to, given = _recipient(body)
    kind = body.get("type", "text")
    if kind not in _CHECKS:
        raise GraphError(100, f"type must be one of {', '.join(sorted(_CHECKS))}.", message="(#100) Invalid parameter")
    if recipient == "group" and kind not in GROUP_TYPES:
        raise GraphError(131051, f"Groups do not take messages of type {kind}.")
    content = body.get(kind)
    if content is None:
        raise GraphError(131008, f"The parameter {kind} is required for type {kind}.")
    found = _Found()
    _CHECKS[kind](kind, content, found)
    reference = body.get("biz_opaque_callback_data")
    if reference is not None and (not isinstance(reference, str) or len(reference) > REFERENCE_LIMIT):
        raise GraphError(131009, f"biz_opaque_callback_data is a string of at most {REFERENCE_LIMIT} characters.")
    context = body.get("context")
    reply_to = _text(_object(context, "context"), "message_id", "context.message_id", 128) if context else None
    return Send(
        type=kind,
        recipient=recipient,
        to=to,
        input=given,
        content=content,
        reference=reference,
        reply_to=reply_to,
        media_ids=tuple(found.media_ids),
        voice=kind == "audio" and content.get("voice") is True,
        key_hash=body.get("recipient_identity_key_hash"),
    )


def _mark_read(body: Mapping[str, Any]) -> MarkRead:
    if body["status"] != "read":
        raise GraphError(131009, "status can only be read.")
    typing = body.get("typing_indicator")
    if typing is not None and _object(typing, "typing_indicator").get("type") != "text":
        raise GraphError(131009, "typing_indicator.type can only be text.")
    return MarkRead(_text(body, "message_id", "message_id", 128), typing is not None)


def _recipient(body: Mapping[str, Any]) -> tuple[Recipient, str, str]:
    kind = body.get("recipient_type", "individual")
    if kind not in ("individual", "group"):
        raise GraphError(131009, "recipient_type is individual or group.")
    if "to" in body:  # where both are given, "to" wins
        to = body["to"]
        if not isinstance(to, str) or not to:
            raise GraphError(100, message="(#100) The parameter to is required.")
        if kind == "group":
            return "group", to, to
        if not _PHONE.fullmatch(to):
            raise GraphError(131009, "to is not a phone number.")
        return "phone", re.sub(r"\D", "", to), to
    bsuid = body.get("recipient")
    if bsuid is None:
        raise GraphError(100, message="(#100) The parameter to is required.")
    if not isinstance(bsuid, str) or not _BSUID.fullmatch(bsuid):
        raise GraphError(131009, "recipient is not a business-scoped user id.")
    return "bsuid", bsuid, bsuid


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise GraphError(100, message=f"(#100) Param {name} must be a JSON object.")
    return value


def _text(body: Mapping[str, Any], key: str, name: str, limit: int) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise GraphError(131008, f"The parameter {name} is required.")
    if len(value) > limit:
        raise GraphError(
            100, f"{name} is longer than {limit} characters.", message=f"(#100) Param {name} must be at most {limit}."
        )
    return value


def _check_text(_kind: str, content: Any, _found: _Found) -> None:
    text = _object(content, "text")
    _text(text, "body", "text['body']", TEXT_LIMIT)
    if not isinstance(text.get("preview_url", False), bool):
        raise GraphError(131009, "text['preview_url'] is a boolean.")


def check_media(kind: str, content: Any, found: _Found) -> None:
    """A media object: exactly one of ``id`` and ``link``, and what its kind may carry."""
    media = _object(content, kind)
    if ("id" in media) == ("link" in media):
        raise GraphError(131008, f"{kind} takes exactly one of id and link.")
    if "id" in media:
        found.media_ids.append(_text(media, "id", f"{kind}['id']", 64))
    elif not _text(media, "link", f"{kind}['link']", 2000).startswith(("http://", "https://")):
        raise GraphError(131009, f"{kind}['link'] is not an http or https URL.")
    if media.get("caption") is not None:
        if kind in ("audio", "sticker"):
            raise GraphError(100, message=f"(#100) Unexpected key caption on param {kind}.")
        if not isinstance(media["caption"], str) or len(media["caption"]) > CAPTION_LIMIT:
            raise GraphError(100, message=f"(#100) Param {kind}['caption'] must be at most {CAPTION_LIMIT} characters.")
    if "filename" in media and kind != "document":
        raise GraphError(100, message=f"(#100) Unexpected key filename on param {kind}.")


def _check_location(_kind: str, content: Any, _found: _Found) -> None:
    location = _object(content, "location")
    for name, bound in (("latitude", 90), ("longitude", 180)):
        value = location.get(name)
        if value is None:
            raise GraphError(131008, f"The parameter location['{name}'] is required.")
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            raise GraphError(131009, f"location['{name}'] is not a number.") from None
        if not -bound <= degrees <= bound:
            raise GraphError(131009, f"location['{name}'] is out of range.")


def _check_contacts(_kind: str, content: Any, _found: _Found) -> None:
    if not isinstance(content, list) or not content:
        raise GraphError(131008, "contacts is a list of at least one card.")
    for card in content:
        name = _object(_object(card, "contacts").get("name"), "contacts['name']")
        _text(name, "formatted_name", "contacts['name']['formatted_name']", 1024)
        if not any(name.get(part) for part in ("first_name", "last_name", "middle_name", "suffix", "prefix")):
            raise GraphError(131009, "A name takes formatted_name and at least one more part.")


def _check_reaction(_kind: str, content: Any, _found: _Found) -> None:
    reaction = _object(content, "reaction")
    _text(reaction, "message_id", "reaction['message_id']", 128)
    emoji = reaction.get("emoji")
    if not isinstance(emoji, str) or len(emoji) > 32:
        raise GraphError(131008, "The parameter reaction['emoji'] is required; an empty one removes the reaction.")


def _check_template(_kind: str, content: Any, found: _Found) -> None:
    template = _object(content, "template")
    _text(template, "name", "template['name']", 512)
    _text(_object(template.get("language"), "template['language']"), "code", "template['language']['code']", 20)
    components = template.get("components", [])
    if not isinstance(components, list):
        raise GraphError(100, message="(#100) Param template['components'] must be an array.")
    for component in components:
        parameters = _object(component, "template['components']").get("parameters", [])
        if not isinstance(parameters, list):
            raise GraphError(100, message="(#100) Param template['components']['parameters'] must be an array.")
        for parameter in parameters:
            kind = _object(parameter, "template['components']['parameters']").get("type")
            if kind in ("image", "video", "document"):
                check_media(kind, parameter.get(kind), found)


def _check_interactive(_kind: str, content: Any, found: _Found) -> None:
    for kind, media in check_interactive(_object(content, "interactive")):
        check_media(kind, media, found)


_CHECKS = {
    "text": _check_text,
    **dict.fromkeys(MEDIA_TYPES, check_media),
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
    "template": _check_template,
    "interactive": _check_interactive,
}


def text_of(kind: str, content: Any) -> str:
    """What a person reads of a message: the body, the caption, the template with its parameters."""
    if kind == "text":
        return str(content["body"])
    if kind in MEDIA_TYPES:
        return str(content.get("caption") or "")
    if kind == "interactive":
        return str((content.get("body") or {}).get("text") or "")
    if kind == "location":
        return str(content.get("name") or content.get("address") or "")
    if kind == "contacts":
        return ", ".join(str(card["name"]["formatted_name"]) for card in content)
    if kind == "reaction":
        return str(content.get("emoji", ""))
    values = [
        str(parameter.get("text", ""))
        for component in content.get("components", [])
        for parameter in component.get("parameters", [])
    ]
    return " ".join([str(content.get("name", "")), *values])
