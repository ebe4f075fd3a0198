"""Which rows a principal may reach: conversations of departments, those assigned to one person, or all. No IO.

Everything else that belongs to somebody's conversation (messages, notes, files, the contact) is reached through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patchbay.model.document import Value

if TYPE_CHECKING:
    from patchbay.model.event import Audience


class Rows(Value, frozen=True, kw_only=True):
    """Either ``all`` of them, or those of ``department_ids`` together with those assigned to ``user_id``."""

    all: bool = False
    department_ids: tuple[str, ...] = ()
    user_id: str | None = None

    def hold(self, department_id: str | None, assignee_id: str | None) -> bool:
        """Whether a row of this department and this assignee is one of them."""
        return (
            self.all
            or (department_id is not None and department_id in self.department_ids)
            or (assignee_id is not None and assignee_id == self.user_id)
        )

    def show(self, audience: Audience) -> bool:
        """Whether something with this audience is about one of them; what is about no row is for those who see all."""
        return (
            self.all
            or self.hold(audience.department_id, audience.assignee_id)
            or any(department in self.department_ids for department in audience.department_ids)
            or (self.user_id is not None and self.user_id in audience.user_ids)
        )

    def __and__(self, other: Rows) -> Rows:
        """What both hold. Where each names a department of its own and a person, nothing more than that."""
        if self.all:
            return other
        if other.all:
            return self
        departments = tuple(each for each in self.department_ids if each in other.department_ids)
        return Rows(department_ids=departments, user_id=self.user_id if self.user_id == other.user_id else None)


ALL_ROWS = Rows(all=True)
NO_ROWS = Rows()
