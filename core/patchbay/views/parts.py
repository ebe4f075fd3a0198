"""What other resources are shown with: who did it, what was said, which file, what went wrong. No IO."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from patchbay.model.content import AnyContent, MediaRef, Text, media_of
from patchbay.model.message import Actor, Failure

View = dict[str, Any]


def actor_view(actor: Actor) -> View:
    return {"type": actor.type, "id": actor.id, "name": actor.name}


def media_ref_view(media: MediaRef) -> View:
    return {
        "id": media.id,
        "mime_type": media.mime_type,
        "size": media.size,
        "filename": media.filename,
        "state": media.state,
    }


def content_view(content: AnyContent) -> View:
    """The content by its ``type``; fields that are unset are left out, except those of a media reference."""
    if type(content) is Text:
        return {"type": "text", "text": content.text}
    view: View = to_builtins(content)
    media = media_of(content)
    if media is not None:
        holder = view.get("header", view)
        holder["media"] = media_ref_view(media)
        if media.url is not None:
            holder["media"]["url"] = media.url
    return view


def failure_view(failure: Failure | None) -> View | None:
    if failure is None:
        return None
    provider = None
    if failure.provider_code is not None:
        provider = {
            "code": failure.provider_code,
            "subcode": failure.provider_subcode,
            "message": failure.details or failure.message,
        }
    return {
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.retryable,
        "hint": failure.hint,
        "provider": provider,
    }
