"""Utility templates: approved or refused. No IO.

Source: Messenger Platform, Utility messages; the field is documented, the keys of its value are WhatsApp's.
"""

from __future__ import annotations

from typing import Any

from patchbay.channel.inbound import InboundEvent, TemplateChanged
from patchbay_meta.messaging.envelope import Event
from patchbay_meta.reading import Odd, kept, text

_NAMED = "message_template_"


def template_status(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    id, name, language, status = (
        text(raw, f"{_NAMED}id"),
        text(raw, f"{_NAMED}name"),
        text(raw, f"{_NAMED}language"),
        text(raw, "event"),
    )
    if name is None or language is None or status is None:
        raise Odd("it does not say what became of which template")
    reason = text(raw, "reason")
    return TemplateChanged(
        occurred_at=event.moment(),
        external_id=id or name,
        name=name,
        language=language.replace("-", "_"),
        status=status.lower(),
        category=text(raw, f"{_NAMED}category"),
        reason=None if reason == "NONE" else reason,
        data=kept({field: value for field, value in raw.items() if not field.startswith(_NAMED)}),
    )
