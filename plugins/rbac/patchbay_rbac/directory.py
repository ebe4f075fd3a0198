"""The people and departments that conversations may be given to."""

from __future__ import annotations

from patchbay.ports import Card
from patchbay_rbac.people import People


class PeopleDirectory:
    """Active users and departments, from memory."""

    name = "rbac"

    def __init__(self, people: People) -> None:
        self._people = people

    @property
    def is_used(self) -> bool:
        return self._people.has_admin

    def person(self, id: str) -> Card | None:
        user = self._people.user(id)
        if user is None or user.status != "active":
            return None
        return Card(user.id, user.name, available=user.availability == "online")

    def department(self, id: str) -> Card | None:
        found = self._people.department(id)
        return None if found is None else Card(found.id, found.name)
