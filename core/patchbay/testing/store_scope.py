"""The store's contract, beside queries: ``any_of`` and ``Within``, by which a list shows the rows of one principal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

import pytest

from patchbay.errors import Invalid
from patchbay.matching import selected, value_of
from patchbay.model.document import Document
from patchbay.ports import NOTHING, Batch, Query, Store, Where, Within
from patchbay.testing.store_samples import (
    BOXES,
    NOON,
    SLIPS,
    TICKETS,
    Box,
    Label,
    StoreCase,
    box,
    ids_of,
    slip,
    update,
)

D = TypeVar("D", bound=Document)
Scope = tuple[Where | Within, ...]
Held = Mapping[str, Iterable[Any]]  # documents by the name of their collection

ANN, BOB, NOBODY = (Where("owner", "eq", name) for name in ("ann", "bob", None))
SHELF_B = Where("shelf", "eq", "b")
STOCK = (
    box("b1", name="apple", rank=1, sealed=True, due_at=NOON, owner="ann", tags=("red", "sweet")),
    box("b2", name="apricot", rank=2, owner="ann", label=Label(name="x"), tags=("sweet",)),
    box("b3", name="banana", rank=3, shelf="b", sealed=True, owner="bob", label=Label(name="y")),
    box("b4", name="apple pie", rank=4, shelf="b", due_at=NOON),
    box("b5", name="quince", rank=5, shelf="c"),
)
PAPERS = (slip("s1", "b1", "round"), slip("s2", "b3", "long"), slip("s3", "b5", "round"), slip("s4", "lost", "x"))
ASKED: list[tuple[Scope, str]] = [
    ((), "12345"),
    ((NOTHING,), ""),
    ((ANN,), "12"),
    ((ANN, BOB), "123"),
    ((ANN, NOTHING), "12"),
    ((ANN, Where("rank", "gte", 4)), "1245"),
    ((ANN, ANN), "12"),
    ((NOBODY,), "45"),
    ((Where("owner", "in", ("bob", None)), Where("rank", "eq", 1)), "1345"),
    ((Where("owner", "in", (None,)),), "45"),
    ((Where("due_at", "eq", None), Where("tags", "has", "red")), "1235"),
    ((Where("due_at", "exists", True), Where("name", "prefix", "q")), "145"),
    ((Where("name", "prefix", "ap"), SHELF_B), "1234"),
    ((Where("label.name", "eq", "x"), Where("sealed", "eq", True)), "123"),
    ((Where("id", "in", ("b5", "b9")), Where("id", "eq", "b1")), "15"),
    ((Within("id", Query(SLIPS), "box_id"),), "135"),
    ((Within("id", Query(SLIPS, (Where("box_id", "gt", "b2"),)), "box_id"),), "35"),
    ((Within("id", Query(SLIPS, any_of=(Where("id", "eq", "s1"), Where("id", "eq", "s3"))), "box_id"),), "15"),
    ((Within("id", Query(SLIPS, (Where("id", "eq", "s9"),)), "box_id"),), ""),
    ((Within("id", Query(SLIPS, (NOTHING,)), "box_id"), ANN), "12"),
    ((Within("id", Query(SLIPS, any_of=(NOTHING,)), "box_id"),), ""),
    ((Within("id", Query(TICKETS)),), ""),
    ((Within("id", Query(BOXES, (SHELF_B,))), ANN), "1234"),
    ((Within("owner", Query(BOXES, (Where("rank", "in", (2, 4)),)), "owner"),), "12"),  # nothing is not like nothing
    ((Within("shelf", Query(BOXES, (Where("id", "eq", "b3"),)), "shelf"),), "34"),
    ((Within("due_at", Query(BOXES, (Where("rank", "eq", 1),)), "due_at"),), "14"),
    ((Within("label.name", Query(BOXES), "label.name"),), "23"),
    ((Within("id", Query(SLIPS, any_of=(Within("box_id", Query(BOXES, (SHELF_B,))),)), "box_id"),), "3"),
    (
        (
            Within(
                "shelf",
                Query(BOXES, any_of=(Within("id", Query(SLIPS, (Where("id", "eq", "s2"),)), "box_id"), NOTHING)),
                "shelf",
            ),
            Where("rank", "eq", 5),
        ),
        "345",
    ),
]
OTHERS: list[Scope] = [(), (ANN,), (BOB,), (ANN, NOBODY), (ANN, Within("id", Query(SLIPS), "box_id")), (NOTHING,)]


class StoreScope(StoreCase):
    @pytest.mark.parametrize(("scope", "expected"), ASKED, ids=range(len(ASKED)))
    async def test_at_least_one_holds(self, store: Store, scope: Scope, expected: str) -> None:
        await self.commit(store, *STOCK, *PAPERS)
        assert "".join(await ids_of(store, any_of=scope)).replace("b", "") == expected
        assert "".join(await ids_of(store, any_of=scope, sort="-rank", limit=1)).replace("b", "") == expected[::-1]
        assert await store.count(Query(BOXES, any_of=scope)) == len(expected)
        assert [each.id for each in plain(Query(BOXES, any_of=scope), held_by(STOCK, PAPERS))] == [
            f"b{number}" for number in expected
        ]

    async def test_all_conditions_hold_beside_one_of_the_scope(self, store: Store) -> None:
        await self.commit(store, *STOCK, *PAPERS)
        with_paper = Within("id", Query(SLIPS), "box_id")
        assert await ids_of(store, SHELF_B, any_of=(BOB, with_paper)) == ["b3"]
        assert await ids_of(store, Where("owner", "eq", None), any_of=(ANN, with_paper)) == ["b5"]
        assert await ids_of(store, Where("id", "eq", "b1"), any_of=(BOB,)) == []
        assert await ids_of(store, Where("tags", "has", "sweet"), any_of=(Where("rank", "gt", 1),)) == ["b2"]
        assert await store.count(Query(BOXES, (SHELF_B,), any_of=(ANN, with_paper))) == 1

    @pytest.mark.parametrize(
        ("scope", "expected"),
        [((), "13"), ((ANN,), "1"), ((BOB, NOBODY), "3"), ((NOTHING,), "")],
        ids=["all", "ann", "bob or nobody", "nothing"],
    )
    async def test_a_search_finds_what_is_in_scope(self, store: Store, scope: Scope, expected: str) -> None:
        await self.commit(store, *STOCK, slip("s1", "b1", "a fruit"), slip("s2", "b3", "a fruit"))
        found = await ids_of(store, any_of=scope, text="fruit", text_owners=(SLIPS,))
        assert "".join(found).replace("b", "") == expected
        assert await store.count(Query(BOXES, any_of=scope, text="fruit", text_owners=(SLIPS,))) == len(expected)
        assert set(await ids_of(store, any_of=scope, text="ap")) == set(await ids_of(store, any_of=scope)) & {
            "b1",
            "b2",
            "b4",
        }

    async def test_what_another_search_found_is_held_to_the_scope_too(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        found = Where("id", "in", ("b1", "b3"))
        assert await ids_of(store, any_of=(BOB,), text="apple", text_or=found) == ["b3"]

    @pytest.mark.parametrize("sort", ["rank", "-rank", "due_at", "-due_at", "owner", "-id"])
    @pytest.mark.parametrize("share", [2, 30], ids=["many in scope", "few in scope"])
    async def test_pages_of_a_scope_show_everything_once(self, store: Store, sort: str, share: int) -> None:
        random = Random(f"{sort}{share}")  # noqa: S311 - reproducible, not secret
        boxes = [
            box(
                f"b{number:04}",
                rank=random.randrange(4),
                due_at=random.choice([None, NOON]),
                owner=random.choice(["ann", *["bob"] * (share - 1)]),
            )
            for number in range(2_400)
        ]
        papers = [slip(f"s{number:03}", random.choice(boxes).id, "") for number in range(60)]
        await self.commit(store, *boxes, *papers)
        query = Query(BOXES, sort=sort, any_of=(ANN, Within("id", Query(SLIPS), "box_id")), limit=5_000)
        expected = [given.id for given in plain(query, held_by(boxes, papers))]
        assert await ids_of(store, any_of=query.any_of, sort=sort, limit=47) == expected
        assert await store.count(query) == len(expected)

    async def test_who_gains_and_loses_a_row_sees_so_at_once(self, store: Store) -> None:
        await self.commit(store, *STOCK, slip("s1", "b1", ""))
        theirs = Within("box_id", Query(BOXES, any_of=(BOB,)))
        assert await store.count(Query(SLIPS, any_of=(theirs,))) == 0
        await store.commit(Batch(puts=[update(STOCK[0], owner="bob")]))
        assert await ids_of(store, any_of=(BOB,)) == ["b1", "b3"]
        assert await ids_of(store, any_of=(ANN,)) == ["b2"]
        assert [each.id for each in (await store.find(Query(SLIPS, any_of=(theirs,)))).items] == ["s1"]

    @pytest.mark.parametrize("scope", OTHERS, ids=range(len(OTHERS)))
    async def test_a_cursor_is_good_for_its_scope_only(self, store: Store, scope: Scope) -> None:
        await self.commit(store, *STOCK, *PAPERS)
        query = Query(BOXES, any_of=(ANN, BOB, NOBODY), sort="rank", limit=1)
        cursor = (await store.find(query)).next
        assert cursor is not None
        assert (await store.find(replace(query, cursor=cursor))).items == [STOCK[1]]
        with pytest.raises(Invalid):
            await store.find(replace(query, any_of=scope, cursor=cursor))

    async def test_a_cursor_of_what_is_within_one_is_not_one_of_another(self, store: Store) -> None:
        await self.commit(store, *STOCK, *PAPERS)
        insides = [
            Query(SLIPS),
            Query(SLIPS, (Where("id", "lt", "s9"),)),
            Query(SLIPS, any_of=(Where("id", "lt", "s9"),)),
            Query(SLIPS, any_of=(Where("id", "lt", "s8"),)),
        ]
        queries = [Query(BOXES, any_of=(Within("id", inside, "box_id"),), limit=1) for inside in insides]
        cursors = [(await store.find(query)).next for query in queries]
        for query in queries:
            for other, cursor in zip(queries, cursors, strict=True):
                if other is query:
                    assert [each.id for each in (await store.find(replace(query, cursor=cursor))).items] == ["b3"]
                else:
                    with pytest.raises(Invalid):
                        await store.find(replace(query, cursor=cursor))

    async def test_the_order_of_a_scope_means_nothing_to_a_cursor(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        first = Query(BOXES, any_of=(Where("owner", "in", ("ann", "bob")), NOBODY), limit=2)
        again = replace(first, any_of=(NOBODY, Where("owner", "in", ("bob", "ann", "bob"))))
        cursor = (await store.find(first)).next
        assert [each.id for each in (await store.find(replace(again, cursor=cursor))).items] == ["b3", "b4"]

    @pytest.mark.parametrize(
        "scope",
        [
            (Where("version_of", "eq", 1),),
            (ANN, Where("tags", "eq", "x")),
            (Within("colour", Query(SLIPS), "box_id"),),
            (Within("id", Query(SLIPS), "text"),),
            (Within("tags", Query(BOXES), "name"),),
            (Within("name", Query(BOXES), "tags"),),
            (Within("id", Query(SLIPS, (Where("colour", "eq", 1),)), "box_id"),),
            (Within("id", Query(SLIPS, any_of=(Where("colour", "eq", 1),)), "box_id"),),
        ],
        ids=range(8),
    )
    async def test_a_scope_of_what_is_not_declared_is_our_bug(self, store: Store, scope: Scope) -> None:
        with pytest.raises(ValueError, match=r"."):
            await store.find(Query(BOXES, any_of=scope))
        with pytest.raises(ValueError, match=r"."):
            await store.count(Query(BOXES, any_of=scope))

    @pytest.mark.parametrize("seed", range(8))
    async def test_any_scope_is_answered_as_by_looking_at_every_document(self, store: Store, seed: int) -> None:
        random = Random(seed)  # noqa: S311 - reproducible, not secret
        boxes = [some_box(random, f"b{number}") for number in range(30)]
        papers = [slip(f"s{number}", f"b{random.randrange(40)}", "") for number in range(20)]
        await self.commit(store, *boxes, *papers)
        for _ in range(40):
            scope = tuple(some_part(random, 3) for _ in range(random.randrange(4)))
            where = tuple(some_condition(random) for _ in range(random.randrange(2)))
            query = Query(BOXES, where, any_of=scope, sort=random.choice(["id", "-rank", "due_at"]))
            expected = [each.id for each in plain(query, held_by(boxes, papers))]
            assert await ids_of(store, *where, any_of=scope, sort=query.sort, limit=9) == expected, query
            assert await store.count(query) == len(expected), query


def plain(query: Query[D], held: Held) -> list[D]:
    """The answer to a query, all its pages as one, from looking at every document there is."""
    documents = list(held[query.collection.name])
    any_of = tuple(_known(one, held) for one in query.any_of)
    return selected(documents, replace(query, any_of=any_of, limit=len(documents) or 1))


def held_by(boxes: Iterable[Box], slips: Iterable[Any] = ()) -> Held:
    return {BOXES.name: tuple(boxes), SLIPS.name: tuple(slips), TICKETS.name: ()}


def _known(one: Where | Within, held: Held) -> Where:
    if isinstance(one, Where):
        return one
    values = [value_of(other, one.pick) for other in plain(one.query, held)]
    return Where(one.field, "in", tuple(value for value in values if value is not None))


def some_box(random: Random, id: str) -> Box:
    return box(
        id,
        rank=random.randrange(6),
        shelf=random.choice("abc"),
        sealed=random.random() < 0.5,
        due_at=random.choice([None, NOON]),
        owner=random.choice([None, "ann", "bob", "cy"]),
        tags=random.choice([(), ("red",), ("red", "sweet")]),
    )


def some_condition(random: Random) -> Where:
    return random.choice(
        [
            Where("rank", random.choice(["eq", "lt", "gte"]), random.randrange(6)),
            Where("rank", "in", tuple(random.sample(range(6), random.randrange(4)))),
            Where("owner", "eq", random.choice([None, "ann", "bob"])),
            Where("owner", "in", tuple(random.sample([None, "ann", "bob", "cy"], random.randrange(3)))),
            Where("shelf", "eq", random.choice("abc")),
            Where("due_at", "exists", random.random() < 0.5),
            Where("tags", "has", random.choice(["red", "sweet"])),
            Where("id", "in", tuple(f"b{random.randrange(40)}" for _ in range(random.randrange(5)))),
        ]
    )


def some_part(random: Random, depth: int) -> Where | Within:
    """A condition, or something within documents that are up to so many steps away."""
    if depth == 0 or random.random() < 0.5:
        return some_condition(random)
    any_of = tuple(some_part(random, depth - 1) for _ in range(random.randrange(3)))
    if random.random() < 0.5:
        nearer = tuple(
            one if isinstance(one, Where) and one.field == "id" else Within("box_id", Query(BOXES, any_of=(one,)))
            for one in any_of
        )
        return Within("id", Query(SLIPS, any_of=nearer), "box_id")
    field = random.choice(["id", "rank", "shelf", "owner", "due_at"])
    where = (some_condition(random),) if random.random() < 0.5 else ()
    return Within(field, Query(BOXES, where, any_of=any_of), field)
