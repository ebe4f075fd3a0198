"""Reading a send to a page or an Instagram account, judged as Meta judges it. No IO.

What its message may hold is in ``page_contents.py``. Sources: Messenger Platform, Send API and Sender actions;
Instagram Messaging, Send messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patchbay_simulator.config import Channel
from patchbay_simulator.errors import GraphError
from patchbay_simulator.interactive import Choice
from patchbay_simulator.page_contents import CHECKS, MEDIA, bad, check_media, listed, parsed, quick_replies, unit_of

METADATA_LIMIT = 1000  # excluded
MESSAGING_TYPES: Mapping[Channel, frozenset[str]] = {
    "messenger": frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"}),
    "instagram": frozenset({"RESPONSE", "MESSAGE_TAG"}),
}
ACTIONS = frozenset({"typing_on", "typing_off", "mark_seen", "react", "unreact"})
Target = Literal["id", "user_ref", "comment_id", "post_id"]
_TARGETS: tuple[Target, ...] = ("id", "user_ref", "comment_id", "post_id")


@dataclass(frozen=True)
class PageSend:
    """A message that may leave. ``unit`` is the part of the message that is set, ``type`` what a person sees of it."""

    target: Target
    to: str
    unit: str
    type: str
    text: str
    message: Mapping[str, Any]
    choices: tuple[Choice, ...] = ()
    metadata: str | None = None
    reply_to: str | None = None
    tagged: bool = False
    utility: bool = False

    @property
    def attachments(self) -> Sequence[Mapping[str, Any]]:
        """The attachments, however many."""
        if self.unit == "attachment":
            return [parsed(self.message["attachment"], "message[attachment]")]
        return listed(self.message["attachments"], "message[attachments]") if self.unit == "attachments" else ()


@dataclass(frozen=True)
class SenderAction:
    """Typing, seen, or a reaction to a message."""

    to: str
    action: str
    message_id: str = ""
    emoji: str = ""


def addressee(fields: Mapping[str, Any]) -> tuple[str | None, str | None] | None:
    """Whom a page's send names and its metadata, for the ledger; None when it is no such send."""
    try:
        recipient = parsed(fields.get("recipient"), "recipient")
        message = parsed(fields.get("message") or {}, "message")
    except GraphError:
        return None
    to = next((recipient[kind] for kind in _TARGETS if kind in recipient), None)
    metadata = message.get("metadata")
    return str(to) if to is not None else None, metadata if isinstance(metadata, str) else None


def read_page_send(channel: Channel, fields: Mapping[str, Any], *, uploaded: bool = False) -> PageSend | SenderAction:
    """What a request body asks for. ``uploaded``: a file came along. Raises ``GraphError``."""
    target, to = _recipient(fields)
    if "sender_action" in fields:
        return _action(fields, target, to)
    message = parsed(fields.get("message") or {}, "message")
    unit = unit_of(channel, message)
    type_, text, choices = CHECKS[unit](channel, message, uploaded)
    choices += quick_replies(channel, message)
    metadata = message.get("metadata")
    if metadata is not None and (not isinstance(metadata, str) or len(metadata) >= METADATA_LIMIT):
        raise bad(f"Param message[metadata] must be shorter than {METADATA_LIMIT} characters.")
    kind = _messaging_type(channel, fields)
    if (kind == "UTILITY") != (unit == "template"):
        raise bad("Param messaging_type UTILITY goes with message[template], and only with it.")
    reply_to = parsed(fields["reply_to"], "reply_to").get("mid") if fields.get("reply_to") else None
    return PageSend(
        target=target,
        to=to,
        unit=unit,
        type=type_,
        text=text,
        message=message,
        choices=choices,
        metadata=metadata if channel == "messenger" else None,
        reply_to=str(reply_to) if reply_to else None,
        tagged=kind == "MESSAGE_TAG",
        utility=kind == "UTILITY",
    )


def read_upload(channel: Channel, fields: Mapping[str, Any], *, uploaded: bool) -> Mapping[str, Any]:
    """The attachment that ``/message_attachments`` is to keep. Raises ``GraphError``."""
    message = parsed(fields.get("message") or {}, "message")
    if "attachment" not in message:
        raise bad("The parameter message[attachment] is required.")
    attachment = parsed(message["attachment"], "message[attachment]")
    if attachment.get("type") not in MEDIA:
        raise bad(f"Param message[attachment][type] must be one of {', '.join(MEDIA)}.")
    check_media(attachment, uploaded)
    return attachment


def _recipient(fields: Mapping[str, Any]) -> tuple[Target, str]:
    if not fields.get("recipient"):
        raise bad("The parameter recipient is required")
    recipient = parsed(fields["recipient"], "recipient")
    named = [kind for kind in _TARGETS if recipient.get(kind)]
    if len(named) != 1:
        raise bad("Param recipient must name exactly one of id, user_ref, comment_id and post_id.")
    return named[0], str(recipient[named[0]])


def _action(fields: Mapping[str, Any], target: Target, to: str) -> SenderAction:
    action = str(fields["sender_action"])
    if action not in ACTIONS or target != "id":
        raise bad(f"Param sender_action must be one of {', '.join(sorted(ACTIONS))}, to an id.")
    reacts = action in ("react", "unreact")
    if extra := set(fields) - {"recipient", "sender_action", *(("payload",) if reacts else ())}:
        raise bad(f"A sender action goes with its recipient only, not with {', '.join(sorted(extra))}.")
    if not reacts:
        return SenderAction(to, action)
    payload = parsed(fields.get("payload") or {}, "payload")
    if not payload.get("message_id") or (action == "react") != bool(payload.get("reaction")):
        raise bad("Param payload takes message_id, and reaction when reacting.")
    return SenderAction(to, action, str(payload["message_id"]), str(payload.get("reaction", "")))


def _messaging_type(channel: Channel, fields: Mapping[str, Any]) -> str:
    kind = str(fields.get("messaging_type") or "RESPONSE")
    if kind not in MESSAGING_TYPES[channel]:
        raise bad(f"Param messaging_type must be one of {{{', '.join(sorted(MESSAGING_TYPES[channel]))}}}")
    tag = fields.get("tag")
    if (kind == "MESSAGE_TAG") != (tag is not None):
        raise bad("Param tag goes with messaging_type MESSAGE_TAG, and only with it.")
    if tag not in (None, "HUMAN_AGENT"):  # the others ended on 2026-04-27
        raise bad(f"Param tag {tag} is not supported any more; use HUMAN_AGENT.")
    return kind
