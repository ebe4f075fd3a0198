"""The options of a message: which type it is of, and what else Meta is told. No IO.

Source: Messenger Platform, Send API, ``messaging_type``, ``tag``, ``notification_type``; Message tags: since 27 April
2026 HUMAN_AGENT is the only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from patchbay.channel import Draft
from patchbay.errors import Unsupported
from patchbay.model.content import AnyContent, Template
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.limits import parts
from patchbay_meta.messaging.recipients import private_reply_to

HUMAN_AGENT = "HUMAN_AGENT"
TAGGED, UTILITY, RESPONSE = "MESSAGE_TAG", "UTILITY", "RESPONSE"
_OWN = ("tag", "messaging_type", "notification_type", "persona_id")


def members(content: AnyContent, options: Mapping[str, Any], to: Dialect) -> dict[str, str]:
    """What the options add to the body. Options of other channels are theirs; raises ``Unsupported`` for those of the
    Send API that this message cannot have."""
    asked = {name: _allowed(name, options[name], to) for name in _OWN if options.get(name) is not None}
    tag = asked.get("tag")
    if isinstance(content, Template):
        if tag is not None:
            _refuse("tag", "A template takes no tag.", "Leave it out: it needs no open window.")
        kind = UTILITY
    else:
        kind = asked.get("messaging_type", RESPONSE) if tag is None else TAGGED
    if asked.get("messaging_type", kind) != kind:
        _refuse("messaging_type", f"The type of this message is {kind}.", "Leave the option out.")
    return {**asked, "messaging_type": kind}


def check_draft(draft: Draft, to: Dialect) -> None:
    """Raise ``Unsupported`` for what options and a quoted comment do not go with."""
    members(draft.content, draft.options, to)
    if draft.automated and draft.options.get("tag") == HUMAN_AGENT:
        _refuse("tag", "HUMAN_AGENT is for what a person wrote.", "Let a person answer, or leave it out.")
    if draft.quoted is None or private_reply_to(draft.quoted.external_id) is None:
        return
    if draft.options.get("tag") is not None:
        _refuse("tag", "An answer in private to a comment takes no tag.", "Leave it out.")
    if (count := len(parts(draft.content, to))) > 1:
        reason = f"A comment takes one private reply; this would be {count}."
        raise Unsupported(reason, hint="Make it shorter, or send the rest once the person has answered.")


def _allowed(name: str, value: Any, to: Dialect) -> str:
    if name not in to.capabilities.options:
        _refuse(name, f"{to.name} has no {name}.", "Leave it out.")
    accepted = to.capabilities.options[name]
    if not isinstance(value, str) or not value or (accepted is not None and value not in accepted):
        hint = "Use its id." if accepted is None else f"Use {' or '.join(sorted(accepted))}."
        _refuse(name, f"{to.name} has no such {name}.", hint)
    return value


def _refuse(name: str, reason: str, hint: str) -> NoReturn:
    raise Unsupported(reason, pointer=f"/options/{name}", hint=hint)
