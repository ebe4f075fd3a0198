"""How an outbox entry and the reference that a provider echoes are named. No IO."""

from __future__ import annotations

import re
from typing import NamedTuple

from patchbay.model.ids import derived_id

_REFERENCE = re.compile(r"pb1:([a-z]{1,8}_[0-9a-f]{1,64}):(\d{1,4}):(\d{1,4})")


class Reference(NamedTuple):
    """One attempt at one part of a message."""

    message_id: str
    part: int
    attempt: int


def reference(message_id: str, part: int, attempt: int) -> str:
    """What we ask the provider to echo: it settles a send whose answer was lost, even if we crashed meanwhile."""
    return f"pb1:{message_id}:{part}:{attempt}"


def parse_reference(text: str | None) -> Reference | None:
    """The reference, None when the text is not one of ours."""
    found = _REFERENCE.fullmatch(text) if text else None
    return None if found is None else Reference(found[1], int(found[2]), int(found[3]))


def entry_id(message_id: str, part: int) -> str:
    """The id of the outbox entry of one part: unique by construction."""
    return derived_id("obx", message_id, str(part))
