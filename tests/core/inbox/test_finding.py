"""A query inside a unit of work answers as if what the unit staged were stored already."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from patchbay.collections import TAGS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.tag import Tag
from patchbay.ports import Query, Where
from patchbay.testing.world import World

RED = Query(TAGS, (Where("name", "prefix", "red"),), sort="name", limit=3)


def tag(uow: UnitOfWork, id: str, name: str) -> Tag:
    return Tag(id=id, created_at=uow.now, updated_at=uow.now, name=name)


def test_what_was_added_changed_and_removed_counts() -> None:
    world = World()
    world.run(lambda uow: [uow.add(TAGS, tag(uow, id, f"red {id}")) for id in "bcd"])

    def command(uow: UnitOfWork) -> list[list[str]]:
        seen = [[each.id for each in uow.find(RED)]]
        uow.add(TAGS, tag(uow, "a", "red a"))
        seen.append([each.id for each in uow.find(RED)])
        uow.put(TAGS, uow.need(TAGS, "b"), name="blue")
        seen.append([each.id for each in uow.find(RED)])
        uow.remove(TAGS, uow.need(TAGS, "c"))
        seen.append([each.id for each in uow.find(RED)])
        return seen

    assert world.run(command) == [["b", "c", "d"], ["a", "b", "c"], ["a", "c", "d"], ["a", "d"]]


def test_what_an_item_staged_before_it_failed_does_not_count() -> None:
    world = World()

    def command(uow: UnitOfWork) -> list[str]:
        mark = uow.mark()
        uow.add(TAGS, tag(uow, "a", "red a"))
        uow.rollback(mark)
        return [each.id for each in uow.find(RED)]

    assert world.run(command) == []


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["red", "redder", "blue"])), max_size=12))
def test_it_answers_as_the_next_unit_would(changes: list[tuple[str, str]]) -> None:
    """As long as the page is not full: what would follow in its place is not known."""
    world, wide = World(), Query(TAGS, RED.where, sort="-name", limit=50)
    world.run(lambda uow: [uow.add(TAGS, tag(uow, id, "red")) for id in "ace"])

    def command(uow: UnitOfWork) -> list[str]:
        for id, name in changes:
            known = uow.get(TAGS, id)
            if known is None:
                uow.add(TAGS, tag(uow, id, name))
            elif known.name == name:
                uow.remove(TAGS, known)
            else:
                uow.put(TAGS, known, name=name)
        return [each.id for each in uow.find(wide)]

    inside = world.run(command)
    world.now += timedelta(seconds=1)
    assert inside == [each.id for each in world.run(lambda uow: uow.find(wide))]
