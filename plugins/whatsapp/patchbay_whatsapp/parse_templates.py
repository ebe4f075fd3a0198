"""Templates: approved, refused, rated, changed. No IO.

Source: WhatsApp Cloud API, Webhooks reference, the "message_template_*" and "template_*" fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.channel.inbound import UNDATED, InboundEvent, TemplateChanged
from patchbay_meta.reading import Odd, digest, each, kept, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.wire import WireTemplate

_BUTTON_PREFIX = "message_template_button_"


def templates(change: Change) -> Iterator[Update]:
    """The value itself is one change of one template."""
    id = text(change.value, "message_template_id") or ""
    at = change.occurred_at.isoformat() if change.occurred_at else None
    yield Update(digest(f"template:{id}", change.field, at, change.value), change.value, _template)


def _template(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    """What changed is told from the keys, for Meta's own example stands under another field."""
    wire = WireTemplate.of(raw)
    changed = _changed(change.field, raw)
    data = {name: value for name, value in raw.items() if not name.startswith("message_template_")}
    return TemplateChanged(
        occurred_at=change.occurred_at or UNDATED,
        external_id=wire.message_template_id,
        name=wire.message_template_name,
        language=wire.message_template_language.replace("-", "_"),
        status=changed.get("status"),
        category=changed.get("category"),
        quality=changed.get("quality"),
        reason=changed.get("reason"),
        data=kept({**data, **({"components": _components(raw)} if _has_components(raw) else {})}),
    )


def _changed(field: str, raw: dict[str, Any]) -> dict[str, str | None]:
    if "new_quality_score" in raw:
        return {"quality": text(raw, "new_quality_score")}
    if event := text(raw, "event"):
        return {"status": event.lower(), "category": text(raw, "message_template_category"), "reason": _reason(raw)}
    if "new_category" in raw:
        # Announced, not done: then the new category is the one that still holds, and the right one is to come.
        return {} if "correct_category" in raw else {"category": text(raw, "new_category")}
    if "correct_category" in raw or _has_components(raw):
        return {}
    raise Odd("nothing is said about the template")


def _reason(raw: dict[str, Any]) -> str | None:
    """Why, in one sentence: the code, then what a person may read."""
    code = text(raw, "reason")
    parts = [
        None if code == "NONE" else code,
        text(part(raw, "rejection_info"), "reason"),
        text(part(raw, "other_info"), "title"),
        text(part(raw, "other_info"), "description"),
    ]
    return ": ".join(word for word in parts if word) or None


def _has_components(raw: dict[str, Any]) -> bool:
    return "message_template_element" in raw


def _components(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """The flattened components in the form that the template API uses."""
    components: list[dict[str, Any]] = []
    if title := text(raw, "message_template_title"):
        components.append({"type": "HEADER", "format": "TEXT", "text": title})
    if body := text(raw, "message_template_element"):
        components.append({"type": "BODY", "text": body})
    if footer := text(raw, "message_template_footer"):
        components.append({"type": "FOOTER", "text": footer})
    buttons = [
        {name.removeprefix(_BUTTON_PREFIX): value for name, value in button.items()}
        for button in each(raw, "message_template_buttons")
        if isinstance(button, dict)
    ]
    if buttons:
        components.append({"type": "BUTTONS", "buttons": buttons})
    return components
