"""Nobody gives more than they have: whatever roles, departments and heads there are, with values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.errors import Forbidden
from patchbay.model.principal import Principal
from patchbay.ports import Host
from patchbay_rbac.authorizer import LIMITED
from patchbay_rbac.changing.bounds import Bounds, bounds_of, unbounded
from patchbay_rbac.documents import Department, Role, Scope, User
from patchbay_rbac.people import People
from patchbay_rbac.roles import SELF

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SCOPED, PLAIN = ("conversations.read", "messages.send"), ("users.write", "roles.write")
GRANTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(SCOPED, st.sampled_from(("own", "department", "all"))),
        **dict.fromkeys(PLAIN, st.just("all")),
    },
)
TREE = {"dep_a": None, "dep_b": None, "dep_c": "dep_a"}  # c stands below a
DEPARTMENTS = st.sets(st.sampled_from(sorted(TREE))).map(sorted).map(tuple)
HEADS = st.fixed_dictionaries(dict.fromkeys(TREE, st.sampled_from((None, "usr_doer", "usr_other"))))
Rows = frozenset[str]


class Known:
    """The little that people ask of a gateway."""

    def permissions(self) -> Mapping[str, str]:
        return dict.fromkeys((*SCOPED, *PLAIN, SELF), "")

    def is_scoped(self, permission: str) -> bool:
        return permission in SCOPED

    def ask_again(self, principal_id: str) -> None:
        """Nobody is connected."""

    def retire_bootstrap(self) -> None:
        """There is no token."""


def people_of(users: Mapping[str, User], roles: Mapping[str, Any], heads: Mapping[str, str | None]) -> People:
    """People as after these commits."""
    people = People()
    people._host = cast("Host", Known())
    for id, grants in roles.items():
        people._role_committed(id, Role(id=id, created_at=NOW, updated_at=NOW, name=id, grants=grants))
    for id, parent in TREE.items():
        department = Department(id=id, created_at=NOW, updated_at=NOW, name=id, parent_id=parent, head_id=heads[id])
        people._department_committed(id, department)
    for id, user in users.items():
        people._user_committed(id, user)
    return people


def user(id: str, *roles: str, departments: tuple[str, ...] = (), **more: Any) -> User:
    given = {"status": "active", **more}
    return User(
        id=id,
        created_at=NOW,
        updated_at=NOW,
        login=id,
        email=id,
        name=id,
        role_ids=roles,
        department_ids=departments,
        **given,
    )


def rows(grants: Mapping[str, Scope], who: User, heads: Mapping[str, str | None]) -> dict[str, Rows]:
    """The rows that somebody would reach with each permission, counted out."""
    reached = set(who.department_ids)
    for id in TREE:
        if heads[id] == who.id or (TREE[id] is not None and heads[TREE[id] or ""] == who.id):
            reached.add(id)
    every = frozenset({"own", "nobody's", *TREE})
    widths: dict[Scope, Rows] = {"own": frozenset({"own"}), "department": frozenset({"own", *reached}), "all": every}
    return {permission: every if permission in PLAIN else widths[scope] for permission, scope in grants.items()}


def gave(bounds: Bounds, before: User, after: User) -> bool:
    try:
        bounds.give(before, after)
    except Forbidden:
        return False
    return True


@settings(max_examples=500, deadline=None)
@given(GRANTS, GRANTS, DEPARTMENTS, DEPARTMENTS, HEADS)
def test_what_may_be_given_is_never_more_than_the_giver_has(
    mine: dict[str, Scope],
    theirs: dict[str, Scope],
    my_departments: tuple[str, ...],
    their_departments: tuple[str, ...],
    heads: dict[str, str | None],
) -> None:
    doer = user("usr_doer", "rol_mine", departments=my_departments)
    before, after = user("usr_other"), user("usr_other", "rol_theirs", departments=their_departments)
    roles = {"rol_mine": mine, "rol_theirs": theirs}
    people = people_of({doer.id: doer, before.id: before}, roles, heads)
    bounds = bounds_of(people, Principal(type="user", id=doer.id))
    held, wanted = rows(mine, doer, heads), rows(theirs, after, heads)
    if gave(bounds, before, after):
        for permission, reached in wanted.items():
            assert reached <= held.get(permission, frozenset()), permission
    else:
        over = [name for name, reached in wanted.items() if not reached <= held.get(name, frozenset())]
        wider = [name for name, scope in theirs.items() if scope == "department" and mine.get(name) == "own"]
        assert over or wider
    assert gave(unbounded(people), before, after)


def test_whoever_must_set_up_a_second_factor_first_may_do_nothing_else() -> None:
    mara = user("usr_mara", "super_admin")
    people = people_of({mara.id: mara}, {}, dict.fromkeys(TREE))
    late = bounds_of(people, Principal(type="user", id=mara.id, claims={LIMITED: True}))
    with pytest.raises(Forbidden, match=r"users\.write"):
        late.need("users.write")
    bounds_of(people, Principal(type="user", id=mara.id)).need("users.write")


@pytest.mark.parametrize("status", ["suspended", "deleted", "invited"])
def test_who_is_not_active_any_more_may_nothing(status: str) -> None:
    """A request that was let in waited for its turn; meanwhile whoever asked was suspended."""
    mara = user("usr_mara", "super_admin", status=status)
    people = people_of({mara.id: mara}, {}, dict.fromkeys(TREE))
    bounds = bounds_of(people, Principal(type="user", id=mara.id))
    with pytest.raises(Forbidden):
        bounds.need("users.write")
    assert not bounds.is_super


def test_a_permission_that_nobody_knows_any_more_stops_no_super_admin() -> None:
    mara, ben = user("usr_mara", "super_admin"), user("usr_ben", "rol_old")
    roles = {"rol_old": {"plugin.that_went": "all"}}
    people = people_of({mara.id: mara, ben.id: ben}, roles, dict.fromkeys(TREE))
    bounds_of(people, Principal(type="user", id=mara.id)).touch(ben)
