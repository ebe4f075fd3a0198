"""What is done to people, roles and departments: pure commands on a unit of work, and who may do it to whom."""

from __future__ import annotations

from typing import Final

LANE: Final = "rbac: people"  # they take turns: who is the last administrator, and who holds a role, is asked first
