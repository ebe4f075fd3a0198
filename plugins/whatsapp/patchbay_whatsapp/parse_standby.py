"""Standby: copies of what happens on threads that another responder owns. No IO.

Everything sits one level deeper, under ``value.standby``, and an echo shows the body of the send request rather than a
message. Source: WhatsApp Cloud API, Webhooks reference, "standby".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from patchbay.channel.inbound import InboundEvent, MessageEchoed, ReactionChanged
from patchbay.model.content import (
    AnyContent,
    Button,
    Header,
    Interactive,
    Row,
    Section,
    Template,
    Text,
    Unsupported,
)
from patchbay_meta.reading import Odd, digest, each, kept, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.contents import MEDIA_TYPES, Said, contacts, location, media_content, remote_media
from patchbay_whatsapp.parse_messages import messages
from patchbay_whatsapp.parse_statuses import statuses
from patchbay_whatsapp.people import NOBODY, group_key, person_of
from patchbay_whatsapp.wire import WireReaction, WireSent
from patchbay_whatsapp.wire_heads import WireMedia

SENT_MEDIA_LIFETIME_S = 30 * 86_400  # Cloud API, Media reference: uploaded ids live 30 days
STANDBY = {"standby": True}


def standby(change: Change) -> tuple[Change, Iterator[Update]]:
    """The change that is inside, and its updates."""
    inner = replace(change, value=part(change.value, "standby"), context=STANDBY, _people=None)
    return inner, _updates(inner)


def _updates(inner: Change) -> Iterator[Update]:
    yield from messages(inner)
    for raw in each(inner.value, "message_echoes"):
        id = text(raw, "id") if isinstance(raw, dict) else None
        yield Update(f"echo:{id}" if id else digest("echo", raw), raw, _echo)
    yield from statuses(inner)


def _echo(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    id = text(raw, "id")
    if id is None:
        raise Odd("the echo has no id")
    request = raw.get("message")
    wire = WireSent.of(request)
    body = part(raw, "message")
    group = group_key(wire.to) if wire.recipient_type == "group" and wire.to else None
    recipient = None if group else person_of(change, wire.to, wire.recipient, None)
    if wire.type == "reaction":
        reaction = WireReaction.of(body.get("reaction"))
        if recipient is None:
            raise Odd(NOBODY)
        return ReactionChanged(
            occurred_at=change.moment(raw),
            external_id=id,
            target=reaction.message_id,
            person=recipient,
            emoji=reaction.emoji or None,
            by_business=True,
        )
    if recipient is None and group is None:
        raise Odd(NOBODY)
    content, media = sent(wire.type, body)
    return MessageEchoed(
        occurred_at=change.moment(raw),
        external_id=id,
        recipient=recipient,
        content=content,
        media=media,
        group=group,
        reply_to=text(wire.context, "message_id") if wire.context else None,
        reference=wire.biz_opaque_callback_data or None,
        context=dict(change.context or {}),
    )


def sent(kind: str, body: dict[str, Any]) -> Said:
    """The content of a send request's body."""
    payload = body.get(kind)
    if kind in MEDIA_TYPES:
        wire = WireMedia.of(payload)
        file = replace(wire, url=wire.url or wire.link)
        media = remote_media(file, lifetime_s=SENT_MEDIA_LIFETIME_S if wire.id else None)
        return Said(media_content(kind, wire), media)
    match kind, payload:
        case "text", {"body": str(written)}:
            return Said(Text(text=written, preview_url=part(body, "text").get("preview_url") is True))
        case "template", {"name": str(name)}:
            return Said(_template(name, part(body, "template")))
        case "interactive", {"type": str(form)}:
            return Said(_interactive(form, part(body, "interactive")))
        case "location", _:
            return location(payload, body)
        case "contacts", _:
            return contacts(payload, body)
        case "text" | "template" | "interactive", _:
            raise Odd(f"{kind} is not of its shape")
        case _:
            reason = "What was sent is of a kind that is not known here."
            return Said(Unsupported(provider_type=kind, reason=reason))


def _template(name: str, template: dict[str, Any]) -> Template:
    components = tuple(kept(one) for one in each(template, "components") if isinstance(one, dict))
    language = text(part(template, "language"), "code") or ""
    return Template(name=name, language=language, components=components)


def _interactive(form: str, given: dict[str, Any]) -> AnyContent:
    """Buttons, lists and links; of other forms the words are shown."""
    body = text(part(given, "body"), "text") or ""
    footer = text(part(given, "footer"), "text")
    action = part(given, "action")
    heading = text(part(given, "header"), "text")
    header = Header(text=heading) if heading else None
    match form:
        case "button":
            buttons = tuple(
                Button(id=text(reply, "id") or "", title=text(reply, "title") or "")
                for reply in (part(button, "reply") for button in each(action, "buttons") if isinstance(button, dict))
            )
            return Interactive(kind="buttons", body=body, header=header, footer=footer, buttons=buttons)
        case "list":
            sections = tuple(_section(one) for one in each(action, "sections") if isinstance(one, dict))
            label = text(action, "button")
            return Interactive(kind="list", body=body, header=header, footer=footer, button=label, sections=sections)
        case "cta_url":
            link = part(action, "parameters")
            label, url = text(link, "display_text"), text(link, "url")
            return Interactive(kind="cta_url", body=body, header=header, footer=footer, button=label, url=url)
        case "location_request_message":
            return Interactive(kind="location_request", body=body, header=header, footer=footer)
        case _:
            return Unsupported(provider_type=f"interactive.{form}", reason=body)


def _section(given: dict[str, Any]) -> Section:
    rows = tuple(
        Row(id=text(row, "id") or "", title=text(row, "title") or "", description=text(row, "description"))
        for row in each(given, "rows")
        if isinstance(row, dict)
    )
    return Section(title=text(given, "title"), rows=rows)
