"""What an act changed, as its entry tells it: per document, the fields that differ. No IO."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from patchbay.collections import CURSORS, IDEMPOTENCY, OUTBOX, PARKED, THREADS, UPLOADS, WITHHELD
from patchbay.ports import Change
from patchbay_audit.masking import shown_field

MOST_CHANGES: Final = 100  # documents that one entry tells of; of others, how many there were
MOST_SUBJECTS: Final = 20
OWN: Final = "audit_"  # the trail's own collections begin so

# Bookkeeping: it follows from the change that it stands beside, or says how far some work has come.
LEFT_OUT: Final = frozenset(
    collection.name for collection in (CURSORS, IDEMPOTENCY, OUTBOX, PARKED, THREADS, UPLOADS, WITHHELD)
)
_OF_EVERY_DOCUMENT: Final = frozenset({"id", "version", "created_at", "updated_at"})


def told(changes: Sequence[Change]) -> tuple[list[dict[str, Any]], list[dict[str, str]], int]:
    """``changes`` and ``subjects`` of an entry, and how many documents more were changed than it tells of."""
    kept = [change for change in changes if is_told(change.collection.name)]
    shown = [
        {"collection": change.collection.name, "fields": _fields(change), "id": change.id}
        for change in kept[:MOST_CHANGES]
    ]
    subjects = [{"id": change.id, "type": singular(change.collection.name)} for change in kept[:MOST_SUBJECTS]]
    return shown, subjects, max(0, len(kept) - MOST_CHANGES)


def is_told(collection: str) -> bool:
    """Whether changes of a collection are told of."""
    return collection not in LEFT_OUT and not collection.startswith(OWN)


def singular(collection: str) -> str:
    """What one document of a collection is called: ``conversation``, ``identity``, ``rbac_user``."""
    return f"{collection.removesuffix('ies')}y" if collection.endswith("ies") else collection.removesuffix("s")


def _fields(change: Change) -> dict[str, dict[str, Any]]:
    """``{name: {"before", "after"}}`` of the fields that differ; of a document that was made or removed, those that
    held something."""
    before, after = change.before, change.after
    one = before if after is None else after
    names: Iterable[str] = () if one is None else one.__struct_fields__
    collection = change.collection.name
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if name in _OF_EVERY_DOCUMENT:
            continue
        old, new = getattr(before, name, None), getattr(after, name, None)
        if old is new or old == new or (not old and not new and None in (before, after)):
            continue
        found[name] = {
            "after": shown_field(collection, name, new),
            "before": shown_field(collection, name, old),
        }
    return found
