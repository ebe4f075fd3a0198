"""Departments over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchbay.errors import NotFound
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay_rbac.changing.departments import (
    add_member,
    change_department,
    create_department,
    delete_department,
    remove_member,
    set_members,
)
from patchbay_rbac.changing.hours import holidays_of, hours_of
from patchbay_rbac.documents import DEPARTMENTS, Department
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.routes.changing import Changing, Command
from patchbay_rbac.routes.schemas import (
    BusinessHoursSchema,
    DepartmentPatchSchema,
    DepartmentSchema,
    HolidaysSchema,
    MembersSchema,
    NewDepartmentSchema,
)
from patchbay_rbac.views import View, department_view, holidays_view, hours_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_one = "/departments/{department_id}"


class DepartmentRoutes(Changing):
    """The handlers, over one plugin."""

    async def list_departments(self, call: Call) -> Answer:
        """List the departments, by name."""
        page = await self._rbac.host.store.find(query_of(call, DEPARTMENTS))
        return page_answer(call, page, self._view)

    async def show_department(self, call: Call) -> Answer:
        """Show a department."""
        return self._answer(self._shown(call))

    async def create_a_department(self, call: Call) -> Answer:
        """Create a department; its members are said afterwards."""
        respond = created(f"{API_ROOT}/departments", lambda department: department_view(department, ()))
        return await self._perform(call, lambda uow, by: create_department(uow, by, call.body), respond)

    async def replace_department(self, call: Call) -> Answer:
        """Replace a department; members, hours and holidays stay."""
        return await self._changed(call, call.body, self._view)

    async def change_a_department(self, call: Call) -> Answer:
        """Change a department.

        Whoever heads one sees the rows of all below it: nobody makes somebody see more than they see themselves.
        """
        return await self._changed(call, call.body, self._view)

    async def delete_a_department(self, call: Call) -> Answer:
        """Delete a department; 409 `in_use` while it has members, departments below it, or open conversations."""
        id, expected = call.path["department_id"], call.expected_version
        await self._do(call, lambda uow, by: delete_department(uow, by, id, expected=expected))
        return Answer()

    async def show_members(self, call: Call) -> Answer:
        """Show who is in a department."""
        department = self._shown(call)
        return Answer({"user_ids": self._member_ids(department.id)}, version=department.version)

    async def set_department_members(self, call: Call) -> Answer:
        """Say who is in a department: these, and nobody else."""
        user_ids, expected = call.body["user_ids"], call.expected_version
        return await self._members(call, lambda uow, by: set_members(uow, by, _id(call), user_ids, expected=expected))

    async def add_department_member(self, call: Call) -> Answer:
        """Put somebody into a department."""
        user_id, expected = call.path["user_id"], call.expected_version
        return await self._members(call, lambda uow, by: add_member(uow, by, _id(call), user_id, expected=expected))

    async def remove_department_member(self, call: Call) -> Answer:
        """Take somebody out of a department."""
        user_id, expected = call.path["user_id"], call.expected_version
        await self._do(call, lambda uow, by: remove_member(uow, by, _id(call), user_id, expected=expected))
        return Answer()

    async def show_business_hours(self, call: Call) -> Answer:
        """Show when a department is open."""
        department = self._shown(call)
        return Answer(hours_view(department), version=department.version)

    async def set_business_hours(self, call: Call) -> Answer:
        """Say when a department is open."""
        hours = hours_of(call.body["hours"])
        changes = {"time_zone": call.body["time_zone"], "business_hours": hours}
        return await self._changed(call, changes, hours_view)

    async def show_holidays(self, call: Call) -> Answer:
        """Show the days on which the hours of a department do not hold."""
        department = self._shown(call)
        return Answer(holidays_view(department), version=department.version)

    async def set_holidays(self, call: Call) -> Answer:
        """Say on which days the hours of a department do not hold."""
        return await self._changed(call, {"holidays": holidays_of(call.body["holidays"])}, holidays_view)

    async def _changed(self, call: Call, changes: Mapping[str, Any], view: Callable[[Department], View]) -> Answer:
        expected = call.expected_version
        department = await self._do(
            call, lambda uow, by: change_department(uow, by, _id(call), changes, expected=expected)
        )
        return Answer(view(department), version=department.version)

    async def _members(self, call: Call, command: Command[list[str]]) -> Answer:
        user_ids = await self._do(call, command)
        department = self._rbac.people.department(_id(call))
        return Answer({"user_ids": user_ids}, version=None if department is None else department.version)

    def _shown(self, call: Call) -> Department:
        department = self._rbac.people.department(_id(call))
        if department is None:
            raise NotFound(f"There is no department {_id(call)!r}.")
        return department

    def _member_ids(self, id: str) -> list[str]:
        return sorted(user.id for user in self._rbac.people.members(id))

    def _view(self, department: Department) -> View:
        return department_view(department, self._member_ids(department.id))

    def _answer(self, department: Department) -> Answer:
        return Answer(self._view(department), version=department.version)


def _id(call: Call) -> str:
    return call.path["department_id"]


def operations(rbac: Rbac) -> Operations:
    routes, declared = DepartmentRoutes(rbac), Operations("Departments")
    read, write = "departments.read", "departments.write"
    whole: dict[str, Any] = {"answer": DepartmentSchema, "errors": ("already_exists",)}
    people: dict[str, Any] = {"answer": MembersSchema, "versioned": True}
    one_member, hours, holidays = f"{_one}/members/{{user_id}}", f"{_one}/business-hours", f"{_one}/holidays"
    listed = listing(sorts=("name",))
    declared.get("/departments", read, answer=Listing(DepartmentSchema), query=listed)(routes.list_departments)
    declared.post("/departments", write, body=NewDepartmentSchema, creates=True, **whole)(routes.create_a_department)
    declared.get(_one, read, answer=DepartmentSchema)(routes.show_department)
    declared.put(_one, write, body=NewDepartmentSchema, versioned=True, **whole)(routes.replace_department)
    declared.patch(_one, write, body=DepartmentPatchSchema, versioned=True, **whole)(routes.change_a_department)
    declared.delete(_one, write, versioned=True, errors=("in_use",))(routes.delete_a_department)
    declared.get(f"{_one}/members", read, answer=MembersSchema)(routes.show_members)
    declared.put(f"{_one}/members", write, body=MembersSchema, **people)(routes.set_department_members)
    declared.post(one_member, write, **people)(routes.add_department_member)
    declared.delete(one_member, write, versioned=True)(routes.remove_department_member)
    declared.get(hours, read, answer=BusinessHoursSchema)(routes.show_business_hours)
    declared.put(hours, write, body=BusinessHoursSchema, answer=BusinessHoursSchema, versioned=True)(
        routes.set_business_hours
    )
    declared.get(holidays, read, answer=HolidaysSchema)(routes.show_holidays)
    declared.put(holidays, write, body=HolidaysSchema, answer=HolidaysSchema, versioned=True)(routes.set_holidays)
    return declared
