"""Optimistic locking: what a caller believed the version to be. No IO."""

from __future__ import annotations

from patchbay.errors import VersionConflict


def require_version(current: int, expected: int | None) -> None:
    """Raises ``VersionConflict`` with the current version unless it is the expected one; None expects nothing."""
    if expected is not None and current != expected:
        raise VersionConflict(
            f"It is at version {current}, not at the one that If-Match names.",
            extra={"current_version": current},
            headers={"ETag": f'"{current}"'},
        )
