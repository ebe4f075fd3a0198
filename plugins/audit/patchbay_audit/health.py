"""What ``/health`` says of the trail: whether its end is being anchored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from patchbay.errors import PatchbayError
from patchbay_audit.trail import Trail

LATE: Final = 3  # periods without an anchor while there are new entries


class TrailHealth:
    """Unhealthy when anchors are late, or cannot be written to the file: what they vouch for would be on one disk."""

    name = "audit"

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    async def check(self) -> Mapping[str, Any]:
        """``{"added": entries since the start, "unanchored": those that no anchor of ours vouches for yet}``."""
        trail = self._trail
        if trail.file_error is not None:
            raise PatchbayError(f"Anchors cannot be written to {trail.file.path.name}: {trail.file_error}.")
        since_s = trail.since_anchor_s()
        if trail.unanchored and since_s > LATE * trail.settings.anchor_every_s:
            raise PatchbayError(f"The trail was last anchored {since_s:.0f} s ago.")
        return {"added": trail.recorder.added, "unanchored": trail.unanchored}
