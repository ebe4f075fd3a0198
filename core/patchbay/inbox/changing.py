"""What people write on a conversation: subject, priority, attributes, tags, department. No IO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.collections import CONVERSATIONS
from patchbay.errors import FieldError, Invalid
from patchbay.inbox.activities import ANYTHING, Expected, act, begin
from patchbay.inbox.states import has_work
from patchbay.inbox.tags import require_tags
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.conversation import Conversation

MAX_TAGS = 50  # on one conversation or contact
MAX_ATTRIBUTES = 100


def change_conversation(
    uow: UnitOfWork, conversation_id: str, changes: Mapping[str, Any], *, expected: Expected = ANYTHING
) -> Conversation:
    """Change any of subject, priority, tags, department_id and attributes; attributes are merged, None removes one.

    Raises ``Invalid`` naming the field, ``StateConflict`` when a closed conversation would move to a department.
    """
    conversation, _ = begin(uow, conversation_id, "change", expected)
    after = dict(changes)
    if "attributes" in after:
        after["attributes"] = merged_attributes(conversation.attributes, after["attributes"])
    if "tags" in after:
        after["tags"] = tags_of(uow, after["tags"], known=conversation.tags)
    after = {name: value for name, value in after.items() if value != getattr(conversation, name)}
    if "department_id" in after:
        has_work("move", conversation)
    if not after:
        return conversation
    before = {name: _plain(getattr(conversation, name)) for name in after}
    return act(
        uow,
        conversation,
        "changed",
        "conversation.updated",
        was=before,
        now={name: _plain(value) for name, value in after.items()},
        **after,
    )


def tag_conversation(uow: UnitOfWork, conversation_id: str, tag: str, *, expected: Expected = ANYTHING) -> Conversation:
    """Put a tag on. Raises ``NotFound`` for a tag that the deployment does not offer."""
    conversation, _ = begin(uow, conversation_id, "change", expected)
    if tag in conversation.tags:
        return conversation
    require_tags(uow, (tag,), None)
    tags = tags_of(uow, (*conversation.tags, tag), known=(*conversation.tags, tag))
    return act(uow, conversation, "tagged", "conversation.updated", now=tag, tags=tags)


def untag_conversation(
    uow: UnitOfWork, conversation_id: str, tag: str, *, expected: Expected = ANYTHING
) -> Conversation:
    """Take a tag off."""
    conversation = uow.reach(CONVERSATIONS, conversation_id)
    require_version(conversation.version, expected.version)
    if tag not in conversation.tags:
        return conversation
    tags = tuple(known for known in conversation.tags if known != tag)
    return act(uow, conversation, "untagged", "conversation.updated", was=tag, tags=tags)


def merged_attributes(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes after a change: what is None goes, the rest comes or is replaced. Raises ``Invalid`` past the most."""
    after = {**before, **changes}
    after = {name: value for name, value in after.items() if value is not None}
    if len(after) > MAX_ATTRIBUTES:
        message = f"{MAX_ATTRIBUTES} attributes at most."
        raise Invalid("Too many attributes.", errors=[FieldError("/attributes", "length", message)])
    return after


def tags_of(uow: UnitOfWork, tags: Sequence[str], *, known: Sequence[str]) -> tuple[str, ...]:
    """The tags without repetitions, in order. Raises ``Invalid`` for one that is not offered, unless it was ``known``
    here before: a tag that was deleted stays where it is."""
    wanted = tuple(dict.fromkeys(tags))
    if len(wanted) > MAX_TAGS:
        raise Invalid("Too many tags.", errors=[FieldError("/tags", "length", f"{MAX_TAGS} tags at most.")])
    require_tags(uow, wanted, "/tags", known=known)
    return wanted


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
