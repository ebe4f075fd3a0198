"""The store's contract, second part: queries, pages, and full-text search."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from patchbay.errors import Invalid
from patchbay.ports import Batch, Delete, Put, Query, Store, Where
from patchbay.testing.store_documents import STRANGE
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

LATER = NOON + timedelta(hours=1)
STOCK = (
    box("b1", name="apple", rank=1, sealed=True, due_at=NOON, owner="ann", tags=("red", "sweet")),
    box("b2", name="apricot", rank=2, due_at=LATER, owner="ann", label=Label(name="x"), tags=("sweet",)),
    box("b3", name="banana", rank=3, shelf="b", sealed=True, owner="bob", label=Label(name="y")),
    box("b4", name="Apple", rank=-4, shelf="b", due_at=NOON, tags=("red wine", "réd")),
    box("b5", name="", rank=5, shelf="c", label=Label(name="xy")),
)
ASKED: list[tuple[Where, set[int]]] = [
    (Where("rank", "eq", 2), {2}),
    (Where("rank", "eq", 99), set()),
    (Where("rank", "lt", 2), {1, 4}),
    (Where("rank", "lte", 2), {1, 2, 4}),
    (Where("rank", "gt", 2), {3, 5}),
    (Where("rank", "gte", 2), {2, 3, 5}),
    (Where("rank", "in", (1, 5, 99)), {1, 5}),
    (Where("rank", "in", ()), set()),
    (Where("id", "in", ("b1", "b5", "nobody")), {1, 5}),
    (Where("id", "gt", "b3"), {4, 5}),
    (Where("name", "eq", "apple"), {1}),
    (Where("name", "eq", ""), {5}),
    (Where("name", "prefix", "ap"), {1, 2}),
    (Where("name", "prefix", ""), {1, 2, 3, 4, 5}),
    (Where("name", "prefix", "a%"), set()),
    (Where("name", "prefix", "*"), set()),
    (Where("sealed", "eq", True), {1, 3}),
    (Where("sealed", "eq", False), {2, 4, 5}),
    (Where("due_at", "eq", NOON), {1, 4}),
    (Where("due_at", "gt", NOON), {2}),
    (Where("due_at", "lte", LATER), {1, 2, 4}),
    (Where("due_at", "eq", None), {3, 5}),
    (Where("due_at", "exists", True), {1, 2, 4}),
    (Where("due_at", "exists", False), {3, 5}),
    (Where("owner", "eq", None), {4, 5}),
    (Where("owner", "in", ("bob", None)), {3, 4, 5}),
    (Where("owner", "prefix", "an"), {1, 2}),
    (Where("label.name", "eq", "x"), {2}),
    (Where("label.name", "exists", True), {2, 3, 5}),
    (Where("label.name", "prefix", "x"), {2, 5}),
    (Where("tags", "has", "sweet"), {1, 2}),
    (Where("tags", "has", "red"), {1}),
    (Where("tags", "has", "réd"), {4}),
    (Where("tags", "has", "swee"), set()),
    (Where("tags", "has", ""), set()),
    (Where("tags", "exists", False), {3, 5}),
]
HOSTILE = [
    '"',
    "'",
    "*",
    "AND",
    "OR NOT",
    "NEAR(",
    "a:b",
    "(",
    ")",
    "^x",
    "-x",
    "+",
    "{}",
    "\0",
    "\\",
    "%",
    "\ud83d",
    "🎉",
]


class StoreQueries(StoreCase):
    @pytest.mark.parametrize(("where", "expected"), ASKED, ids=lambda value: str(value)[:60])
    async def test_conditions_hold_as_said(self, store: Store, where: Where, expected: set[int]) -> None:
        await self.commit(store, *STOCK)
        assert await ids_of(store, where) == [f"b{number}" for number in sorted(expected)]
        assert await store.count(Query(BOXES, where=(where,))) == len(expected)

    async def test_all_conditions_must_hold(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        both = (Where("owner", "eq", "ann"), Where("tags", "has", "sweet"), Where("rank", "gte", 2))
        assert await ids_of(store, *both) == ["b2"]

    @pytest.mark.parametrize("text", STRANGE)
    async def test_any_text_can_be_asked_for(self, store: Store, text: str) -> None:
        await self.commit(store, *STOCK, box("odd", name=text, owner=text, tags=("first", text)))
        assert await ids_of(store, Where("name", "eq", text)) == ["odd"]
        assert await ids_of(store, Where("owner", "prefix", text)) == ["odd"]
        assert await ids_of(store, Where("tags", "has", text)) == ["odd"]

    async def test_a_prefix_at_the_end_of_unicode_is_fine(self, store: Store) -> None:
        names = ["a\U0010ffff", "a\U0010ffffz", "b", "\ud7ff"]
        await self.commit(store, *[box(f"b{number}", name=name) for number, name in enumerate(names)])
        assert await ids_of(store, Where("name", "prefix", "a\U0010ffff")) == ["b0", "b1"]
        assert await ids_of(store, Where("name", "prefix", "\ud7ff")) == ["b3"]

    async def test_a_changed_document_is_found_by_what_it_is_now(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        await store.commit(Batch(puts=[update(STOCK[0], rank=100, owner=None, tags=("new",), due_at=None)]))
        assert await ids_of(store, Where("rank", "gte", 100)) == ["b1"]
        assert await ids_of(store, Where("tags", "has", "red")) == []
        assert await ids_of(store, Where("tags", "has", "new")) == ["b1"]
        assert await ids_of(store, Where("owner", "eq", "ann")) == ["b2"]
        assert await ids_of(store, Where("due_at", "exists", False)) == ["b1", "b3", "b5"]

    async def test_a_removed_document_is_not_found(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        await store.commit(Batch(deletes=[Delete(BOXES, "b2", 1)]))
        assert await ids_of(store) == ["b1", "b3", "b4", "b5"]
        assert await store.count(Query(BOXES)) == 4

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("id", "12345"),
            ("-id", "54321"),
            ("rank", "41235"),
            ("-rank", "53214"),
            ("name", "54123"),
            ("-name", "32145"),
            ("shelf", "12345"),
            ("-shelf", "54321"),
            ("due_at", "35142"),
            ("-due_at", "24153"),
            ("sealed", "24513"),
        ],
    )
    @pytest.mark.parametrize("limit", [1, 2, 50])
    async def test_the_order_is_total(self, store: Store, sort: str, expected: str, limit: int) -> None:
        await self.commit(store, *STOCK)
        assert "".join(await ids_of(store, sort=sort, limit=limit)).replace("b", "") == expected

    @pytest.mark.parametrize("sort", ["rank", "-rank", "due_at", "-due_at", "owner", "-owner", "-id"])
    async def test_pages_show_everything_once(self, store: Store, sort: str) -> None:
        random = Random(sort)  # noqa: S311 - reproducible, not secret
        boxes = [
            box(
                f"b{number:03}",
                rank=random.randrange(4),
                due_at=random.choice([None, NOON, LATER]),
                owner=random.choice([None, "ann", "bob"]),
            )
            for number in range(120)
        ]
        await self.commit(store, *boxes)
        found = await ids_of(store, Where("rank", "gte", 1), sort=sort, limit=7)
        assert len(found) == len(set(found))
        assert set(found) == {given.id for given in boxes if given.rank >= 1}
        assert found == await ids_of(store, Where("rank", "gte", 1), sort=sort, limit=200)

    async def test_a_last_page_that_is_full_has_no_next(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        page = await store.find(Query(BOXES, limit=5))
        assert (len(page.items), page.next) == (5, None)
        assert (await store.find(Query(BOXES, limit=4))).next is not None

    async def test_an_empty_collection_has_an_empty_page(self, store: Store) -> None:
        page = await store.find(Query(BOXES, sort="-rank"))
        assert (page.items, page.next) == ([], None)
        assert await store.count(Query(BOXES)) == 0

    async def test_pages_neither_repeat_nor_skip_while_others_write(self, store: Store) -> None:
        await self.commit(store, *[box(f"m{number:03}", rank=number) for number in range(0, 200, 2)])
        seen: list[Box] = []
        cursor: str | None = None
        for turn in range(100):
            page = await store.find(Query(BOXES, sort="-rank", limit=10, cursor=cursor))
            seen += page.items
            await self.commit(store, box(f"n{turn:03}", rank=turn * 4 + 1))
            if page.next is None:
                break
            cursor = page.next
        before = [given for given in seen if given.id.startswith("m")]
        assert [given.rank for given in before] == list(range(198, -1, -2))
        assert len({given.id for given in seen}) == len(seen)

    @pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "bnVsbA", "W10", "WzFd", "." * 500, "WzEsMiwzXQ", "\0"])
    async def test_a_made_up_cursor_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(Invalid) as caught:
            await store.find(Query(BOXES, cursor=cursor))
        assert caught.value.errors[0].pointer == "?cursor"

    @pytest.mark.parametrize(
        "other",
        [
            Query(BOXES, sort="-rank"),
            Query(BOXES, sort="rank", where=(Where("owner", "eq", "ann"),)),
            Query(BOXES, sort="rank", text="apple"),
            Query(TICKETS, sort="id"),
        ],
        ids=["sort", "where", "text", "collection"],
    )
    async def test_a_cursor_of_another_query_is_refused(self, store: Store, other: Query[Any]) -> None:
        await self.commit(store, *STOCK)
        cursor = (await store.find(Query(BOXES, sort="rank", limit=1))).next
        with pytest.raises(Invalid):
            await store.find(replace_cursor(other, cursor))

    async def test_a_cursor_may_go_on_with_another_limit(self, store: Store) -> None:
        await self.commit(store, *STOCK)
        cursor = (await store.find(Query(BOXES, limit=1))).next
        assert len((await store.find(Query(BOXES, limit=50, cursor=cursor))).items) == 4

    @pytest.mark.parametrize(
        "query",
        [
            Query(BOXES, where=(Where("version_of", "eq", 1),)),
            Query(BOXES, where=(Where("label", "eq", 1),)),
            Query(BOXES, where=(Where("tags", "eq", "x"),)),
            Query(BOXES, where=(Where("name", "has", "x"),)),
            Query(BOXES, sort="tags"),
            Query(BOXES, sort="updated_at"),
            Query(TICKETS, text="x"),
        ],
        ids=lambda query: f"{query.where or query.sort}"[:40],
    )
    async def test_what_a_collection_does_not_declare_is_our_bug(self, store: Store, query: Query[Any]) -> None:
        with pytest.raises(ValueError, match=r"."):
            await store.find(query)

    async def test_a_query_sees_every_commit_before_it(self, store: Store) -> None:
        for number in range(30):
            await self.commit(store, box(f"b{number:02}", rank=number, name=f"word{number}"))
            assert (await ids_of(store, sort="-rank", limit=50))[0] == f"b{number:02}"
            assert await ids_of(store, text=f"word{number}") == [f"b{number:02}"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("apple", "14"),
            ("APPLE", "14"),
            ("ap", "124"),
            ("  ap  ", "124"),
            ("ple", ""),
            ("apple x", ""),
            ("apricot x", "2"),
            ("x", "25"),
            ("nothing", ""),
            ("", "12345"),
            (" \t", "12345"),
        ],
    )
    async def test_words_match_by_prefix_and_all_must_occur(self, store: Store, text: str, expected: str) -> None:
        await self.commit(store, *STOCK)
        assert "".join(await ids_of(store, text=text)).replace("b", "") == expected

    async def test_accents_and_case_do_not_matter(self, store: Store) -> None:
        await self.commit(store, box("b1", name="Crème Brûlée"), box("b2", name="ΑΘΗΝΑ"), box("b3", name="Šárka"))
        for text, id in (("creme brulee", "b1"), ("CRÈME", "b1"), ("αθηνα", "b2"), ("sark", "b3")):
            assert await ids_of(store, text=text) == [id]

    @pytest.mark.parametrize("text", HOSTILE)
    async def test_no_search_text_is_an_error(self, store: Store, text: str) -> None:
        await self.commit(store, *STOCK)
        await store.find(Query(BOXES, text=text))
        await store.count(Query(BOXES, text=text * 3, text_owners=(SLIPS,)))
        found = await ids_of(store, text=f"banana {text}")
        assert set(found) <= {"b3"}

    async def test_a_document_is_found_by_what_it_owns(self, store: Store) -> None:
        slips = [slip("s1", "b3", "a yellow fruit"), slip("s2", "b1", "a red fruit"), slip("s3", "lost", "a fruit")]
        await self.commit(store, *STOCK, *slips)
        assert await ids_of(store, text="fruit") == []
        assert await ids_of(store, text="fruit", text_owners=(SLIPS,)) == ["b1", "b3"]
        assert await ids_of(store, text="yellow", text_owners=(SLIPS,), sort="-rank") == ["b3"]
        assert await ids_of(store, text="apple", text_owners=(SLIPS,)) == ["b1", "b4"]
        assert await store.count(Query(BOXES, text="fruit", text_owners=(SLIPS,))) == 2

    async def test_what_another_search_found_counts_like_a_match(self, store: Store) -> None:
        await self.commit(store, *STOCK, slip("s1", "b3", "a yellow fruit"))
        found = Where("id", "in", ("b5", "b1"))
        assert await ids_of(store, text="yellow", text_owners=(SLIPS,), text_or=found) == ["b1", "b3", "b5"]
        assert await ids_of(store, Where("owner", "eq", "ann"), text="yellow", text_or=found) == ["b1"]
        assert await ids_of(store, text="*", text_or=found) == ["b1", "b5"]
        assert await ids_of(store, text_or=found) == ["b1", "b2", "b3", "b4", "b5"]
        first = await store.find(Query(BOXES, text="apple", text_or=found, limit=2))
        other = Where("id", "in", ("b5", "b3"))
        rest = await store.find(Query(BOXES, text="apple", text_or=other, cursor=first.next))
        assert [given.id for given in [*first.items, *rest.items]] == ["b1", "b4", "b5"]

    async def test_search_goes_with_conditions_and_pages(self, store: Store) -> None:
        boxes = [box(f"b{number:03}", name="common", rank=number % 10) for number in range(100)]
        await self.commit(store, *boxes)
        found = await ids_of(store, Where("rank", "lt", 3), text="comm", sort="-rank", limit=7)
        assert len(found) == 30
        assert len(set(found)) == 30

    async def test_edited_text_is_found_by_the_new_words_only(self, store: Store) -> None:
        await self.commit(store, *STOCK, slip("s1", "b1", "first words"))
        assert await ids_of(store, text="first", text_owners=(SLIPS,)) == ["b1"]
        current = slip("s1", "b1", "first words")
        for text in ("second thoughts", "third", "", "fourth"):
            following = replace(current, version=current.version + 1, text=text)
            await store.commit(Batch(puts=[Put(SLIPS, following, current.version)]))
            assert await ids_of(store, text=text or "nothing", text_owners=(SLIPS,)) == (["b1"] if text else [])
            assert not current.text or await ids_of(store, text=current.text, text_owners=(SLIPS,)) == []
            current = following

    async def test_text_edited_before_anybody_searched_is_found_as_it_is(self, store: Store) -> None:
        await self.commit(store, box("b1", name="before"))
        await store.commit(Batch(puts=[update(box("b1", name="before"), name="after")]))
        assert await ids_of(store, text="before") == []
        assert await ids_of(store, text="after") == ["b1"]

    async def test_removed_text_is_gone_and_its_place_can_be_taken(self, store: Store) -> None:
        await self.commit(store, box("b1", name="secret"))
        assert await ids_of(store, text="secret") == ["b1"]
        await store.commit(Batch(deletes=[Delete(BOXES, "b1", 1)]))
        assert await ids_of(store, text="secret") == []
        await self.commit(store, box("b2", name="public"))
        assert await ids_of(store, text="secret") == []
        assert await ids_of(store, text="public") == ["b2"]

    async def test_reads_at_once_do_not_mix_up(self, store: Store) -> None:
        await self.commit(store, *[box(f"b{number:03}", rank=number) for number in range(200)])

        async def one(number: int) -> bool:
            if number % 2:
                given = await store.get(BOXES, f"b{number:03}")
                return given is not None and given.rank == number
            return await ids_of(store, Where("rank", "eq", number)) == [f"b{number:03}"]

        assert all(await asyncio.gather(*[one(number) for number in range(200)]))


def replace_cursor(query: Query[Any], cursor: str | None) -> Query[Any]:
    return Query(query.collection, where=query.where, sort=query.sort, text=query.text, cursor=cursor)
