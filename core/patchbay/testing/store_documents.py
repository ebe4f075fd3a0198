"""The store's contract, first part: documents, unique keys, and commits that apply whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from patchbay.errors import Conflict, Duplicate, StoreUnavailable
from patchbay.ports import Batch, Delete, Key, Put, Store
from patchbay.testing.store_samples import (
    BOXES,
    NOON,
    SAMPLES,
    SLIPS,
    Label,
    StoreCase,
    box,
    event,
    inserts,
    raw,
    settled,
    slip,
    update,
)

STRANGE = [
    "plain",
    "with space",
    "Ünïcödé",
    "日本語",
    "👩‍👩‍👧‍👦",
    "\U0001f600" * 20,
    "nul\0inside",
    "new\nline\ttab",
    "quote'\"`;--",
    "%_\\*?[]",
    "e\u0301 and \u00e9",
    "\x1f\x1e\x01",
    "$gt",
    "a.b.c",
    "x" * 1_000,
]


class StoreDocuments(StoreCase):
    async def test_a_document_comes_back_as_it_was(self, store: Store) -> None:
        given = box(
            "b1",
            name="tools",
            rank=-(2**40),
            sealed=True,
            due_at=NOON,
            owner="o",
            label=Label(name="l"),
            tags=("x", "y"),
        )
        await self.commit(store, given)
        assert await store.get(BOXES, "b1") == given

    async def test_what_is_not_there_is_none(self, store: Store) -> None:
        assert await store.get(BOXES, "nobody") is None

    async def test_collections_are_apart(self, store: Store) -> None:
        await self.commit(store, box("same"), slip("same", "b", "t"))
        assert type(await store.get(BOXES, "same")) is BOXES.type
        assert type(await store.get(SLIPS, "same")) is SLIPS.type

    @pytest.mark.parametrize("text", STRANGE)
    async def test_any_text_is_kept(self, store: Store, text: str) -> None:
        given = box(text, name=text, tags=(text,), owner=text)
        await store.commit(Batch(puts=inserts(given), keys=[Key(text, text, text)]))
        assert await store.get(BOXES, text) == given
        assert await store.resolve(text, [text]) == {text: text}

    @pytest.mark.parametrize("id", ["", "half \ud83d surrogate"])
    async def test_an_odd_id_is_just_not_found(self, store: Store, id: str) -> None:
        assert await store.get(BOXES, id) is None
        assert await store.get_many(BOXES, [id]) == {}
        assert await store.resolve("scope", [id]) == {}

    async def test_many_are_got_at_once(self, store: Store) -> None:
        boxes = [box(f"b{number:04}") for number in range(700)]
        await self.commit(store, *boxes)
        found = await store.get_many(BOXES, [*[given.id for given in boxes], "nobody", boxes[0].id])
        assert found == {given.id: given for given in boxes}

    async def test_nothing_is_got_for_no_ids(self, store: Store) -> None:
        assert await store.get_many(BOXES, []) == {}

    async def test_a_big_document_is_kept(self, store: Store) -> None:
        given = box("big", name="é" * 1_000_000)
        await self.commit(store, given)
        assert await store.get(BOXES, "big") == given

    async def test_an_insert_over_a_document_is_a_duplicate(self, store: Store) -> None:
        await self.commit(store, box("b1", name="first"))
        with pytest.raises(Duplicate) as caught:
            await self.commit(store, box("b1", name="second"))
        assert (caught.value.kind, caught.value.where, caught.value.value) == ("document", "boxes", "b1")
        assert (await store.get(BOXES, "b1")) == box("b1", name="first")

    async def test_an_update_replaces_the_document(self, store: Store) -> None:
        first = box("b1", name="first", tags=("x",))
        await self.commit(store, first)
        put = update(first, name="second", tags=())
        await store.commit(Batch(puts=[put]))
        assert await store.get(BOXES, "b1") == put.document

    @pytest.mark.parametrize("expected", [1, 3, 0, -1])
    async def test_an_update_of_another_version_conflicts(self, store: Store, expected: int) -> None:
        first = box("b1")
        await self.commit(store, first)
        await store.commit(Batch(puts=[update(first)]))
        with pytest.raises(Conflict) as caught:
            await store.commit(Batch(puts=[Put(BOXES, replace(first, version=9), expected)]))
        assert (caught.value.collection, caught.value.id) == ("boxes", "b1")
        stored = await store.get(BOXES, "b1")
        assert stored is not None
        assert stored.version == 2

    async def test_an_update_of_nothing_conflicts(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await store.commit(Batch(puts=[update(box("nobody"))]))

    async def test_many_updates_in_a_row_each_see_the_one_before(self, store: Store) -> None:
        current = box("b1")
        await self.commit(store, current)
        for number in range(1, 51):
            put = update(current, rank=number, tags=(f"t{number}",))
            await store.commit(Batch(puts=[put]))
            current = put.document
        assert await store.get(BOXES, "b1") == current

    async def test_a_document_is_removed(self, store: Store) -> None:
        await self.commit(store, box("b1"), box("b2"))
        await store.commit(Batch(deletes=[Delete(BOXES, "b1", 1)]))
        assert set(await store.get_many(BOXES, ["b1", "b2"])) == {"b2"}

    @pytest.mark.parametrize(("id", "expected"), [("b1", 2), ("nobody", 1)])
    async def test_removing_another_version_conflicts(self, store: Store, id: str, expected: int) -> None:
        await self.commit(store, box("b1"))
        with pytest.raises(Conflict):
            await store.commit(Batch(deletes=[Delete(BOXES, id, expected)]))
        assert await store.get(BOXES, "b1") is not None

    async def test_a_removed_id_can_be_used_again(self, store: Store) -> None:
        await self.commit(store, box("b1", name="first"))
        await store.commit(Batch(deletes=[Delete(BOXES, "b1", 1)]))
        with pytest.raises(Conflict):
            await store.commit(Batch(puts=[update(box("b1"))]))
        await self.commit(store, box("b1", name="second"))
        assert await store.get(BOXES, "b1") == box("b1", name="second")

    async def test_an_empty_batch_does_nothing(self, store: Store) -> None:
        assert await store.commit(Batch()) == []
        assert await store.head() == 0

    async def test_a_batch_that_speaks_of_one_document_twice_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="b1"):
            await store.commit(Batch(puts=inserts(box("b1"), box("b1"))))
        await self.commit(store, box("b1"))
        with pytest.raises(ValueError, match="b1"):
            await store.commit(Batch(puts=[update(box("b1"))], deletes=[Delete(BOXES, "b1", 1)]))

    async def test_a_collection_that_was_not_opened_is_refused(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path, (BOXES,)) as store:
            with pytest.raises(ValueError, match="slips"):
                await self.commit(store, slip("s", "b", "t"))

    @pytest.mark.parametrize("broken", ["insert", "update", "delete", "key"])
    async def test_a_batch_with_one_part_that_fails_leaves_no_trace(self, store: Store, broken: str) -> None:
        await store.commit(Batch(puts=inserts(box("old", rank=1), box("gone")), keys=[Key("k", "taken", "old")]))
        raw_id = await store.append(raw())
        batch = Batch(
            puts=[*inserts(box("new"), slip("s1", "new", "hello")), update(box("old", rank=1), rank=2)],
            deletes=[Delete(BOXES, "gone", 1)],
            keys=[Key("k", "free", "new")],
            freed_keys=[Key("k", "taken", "other")],
            events=[event()],
            settlements=[settled(raw_id)],
        )
        match broken:
            case "insert":
                batch.puts.append(Put(SLIPS, slip("s2", "new", "x"), None))
                await self.commit(store, slip("s2", "old", "first"))
            case "update":
                batch.puts.append(Put(SLIPS, slip("s3", "new", "x"), 1))
            case "delete":
                batch.deletes.append(Delete(SLIPS, "s4", 1))
            case _:
                batch.keys.append(Key("k", "taken", "new"))
        with pytest.raises((Conflict, Duplicate)):
            await store.commit(batch)
        assert await store.get(BOXES, "new") is None
        assert await store.get(SLIPS, "s1") is None
        assert await store.get(BOXES, "old") == box("old", rank=1)
        assert await store.get(BOXES, "gone") is not None
        assert await store.resolve("k", ["free", "taken"]) == {"taken": "old"}
        assert await store.head() == 0
        assert await store.pending() == 1

    async def test_after_a_failed_batch_the_same_can_succeed(self, store: Store) -> None:
        await self.commit(store, box("b1"))
        with pytest.raises(Duplicate):
            await self.commit(store, box("b2"), box("b1"))
        await self.commit(store, box("b2"))
        assert set(await store.get_many(BOXES, ["b1", "b2"])) == {"b1", "b2"}

    async def test_a_key_belongs_to_one(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1")]))
        with pytest.raises(Duplicate) as caught:
            await store.commit(Batch(keys=[Key("phone", "+1", "c2")]))
        error = caught.value
        assert (error.kind, error.where, error.value, error.ref) == ("key", "phone", "+1", "c1")

    async def test_claiming_ones_own_key_again_is_fine(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1")]))
        await store.commit(Batch(keys=[Key("phone", "+1", "c1"), Key("phone", "+2", "c1"), Key("phone", "+2", "c1")]))
        assert await store.resolve("phone", ["+1", "+2", "+3"]) == {"+1": "c1", "+2": "c1"}

    async def test_keys_of_other_scopes_are_others(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1"), Key("fax", "+1", "c2")]))
        assert await store.resolve("phone", ["+1"]) == {"+1": "c1"}
        assert await store.resolve("fax", ["+1"]) == {"+1": "c2"}
        assert await store.resolve("pager", ["+1"]) == {}

    async def test_one_batch_cannot_give_a_key_to_two(self, store: Store) -> None:
        with pytest.raises(Duplicate):
            await store.commit(Batch(keys=[Key("phone", "+1", "c1"), Key("phone", "+1", "c2")]))
        assert await store.resolve("phone", ["+1"]) == {}

    async def test_a_freed_key_can_be_claimed_by_another(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1")]))
        await store.commit(Batch(freed_keys=[Key("phone", "+1", "c1")]))
        assert await store.resolve("phone", ["+1"]) == {}
        await store.commit(Batch(keys=[Key("phone", "+1", "c2")]))
        assert await store.resolve("phone", ["+1"]) == {"+1": "c2"}

    async def test_a_key_changes_hands_in_one_batch(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1")]))
        await store.commit(Batch(freed_keys=[Key("phone", "+1", "c1")], keys=[Key("phone", "+1", "c2")]))
        assert await store.resolve("phone", ["+1"]) == {"+1": "c2"}

    async def test_only_its_holder_frees_a_key(self, store: Store) -> None:
        await store.commit(Batch(keys=[Key("phone", "+1", "c1")]))
        await store.commit(Batch(freed_keys=[Key("phone", "+1", "c2"), Key("phone", "+9", "c1")]))
        assert await store.resolve("phone", ["+1"]) == {"+1": "c1"}

    async def test_many_keys_are_resolved_at_once(self, store: Store) -> None:
        keys = [Key("phone", f"+{number}", f"c{number}") for number in range(1_500)]
        await store.commit(Batch(keys=keys))
        assert await store.resolve("phone", [key.value for key in keys]) == {key.value: key.ref for key in keys}
        assert await store.resolve("phone", []) == {}

    async def test_of_twenty_that_want_one_key_one_gets_it(self, store: Store) -> None:
        async def want(number: int) -> str:
            batch = Batch(
                puts=inserts(box(f"b{number}")), keys=[Key("open", "thread", f"b{number}")], events=[event(number)]
            )
            try:
                await store.commit(batch)
            except Duplicate as error:
                return error.ref or "nobody"
            return f"b{number}"

        for turn in range(5):
            winners = set(await asyncio.gather(*[want(turn * 20 + number) for number in range(20)]))
            assert len(winners) == 1
            (winner,) = winners
            assert await store.resolve("open", ["thread"]) == {"thread": winner}
            await store.commit(Batch(freed_keys=[Key("open", "thread", winner)]))
        assert await store.head() == 5

    async def test_of_twenty_that_change_one_version_one_does(self, store: Store) -> None:
        current = box("b1")
        await self.commit(store, current)

        async def change(number: int) -> bool:
            try:
                await store.commit(Batch(puts=[update(current, rank=number)], events=[event(number)]))
            except Conflict:
                return False
            return True

        for turn in range(1, 6):
            assert sum(await asyncio.gather(*[change(number) for number in range(20)])) == 1
            stored = await store.get(BOXES, "b1")
            assert stored is not None
            assert stored.version == turn + 1
            current = stored
        assert await store.head() == 5

    async def test_batches_that_fail_do_not_hurt_those_beside_them(self, store: Store) -> None:
        await self.commit(store, box("taken"))

        async def one(number: int) -> bool:
            documents = [box(f"b{number}"), box("taken")] if number % 3 == 0 else [box(f"b{number}")]
            try:
                await store.commit(Batch(puts=inserts(*documents), events=[event(number)]))
            except Duplicate:
                return False
            return True

        done = await asyncio.gather(*[one(number) for number in range(150)])
        assert done == [number % 3 != 0 for number in range(150)]
        assert set(await store.get_many(BOXES, [f"b{number}" for number in range(150)])) == {
            f"b{number}" for number in range(150) if number % 3
        }
        assert await store.head() == 100

    async def test_what_was_committed_outlives_a_restart(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(puts=inserts(box("b1", name="kept")), keys=[Key("k", "v", "b1")]))
        async with self.opened(tmp_path) as store:
            assert await store.get(BOXES, "b1") == box("b1", name="kept")
            with pytest.raises(Duplicate):
                await store.commit(Batch(keys=[Key("k", "v", "b2")]))

    async def test_a_commit_given_up_on_is_whole_or_not_there(self, store: Store) -> None:
        tasks = [
            asyncio.ensure_future(store.commit(Batch(puts=inserts(box(f"b{number}"), slip(f"s{number}", "b", "t")))))
            for number in range(50)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.wait(tasks)
        await self.commit(store, box("last"))
        boxes = await store.get_many(BOXES, [f"b{number}" for number in range(50)])
        slips = await store.get_many(SLIPS, [f"s{number}" for number in range(50)])
        assert {id[1:] for id in boxes} == {id[1:] for id in slips}
        assert {f"b{number}" for number in range(1, 50, 2)} <= set(boxes)

    async def test_closing_finishes_what_was_accepted(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            tasks = [asyncio.ensure_future(self.commit(store, box(f"b{number}"))) for number in range(50)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        async with self.opened(tmp_path) as store:
            assert len(await store.get_many(BOXES, [f"b{number}" for number in range(50)])) == 50

    async def test_a_store_that_is_not_open_is_unavailable(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        with pytest.raises(StoreUnavailable):
            await store.get(BOXES, "b1")
        await store.open(SAMPLES)
        await store.ping()
        await store.close()
        await store.close()
        calls: list[Any] = [store.commit(Batch(events=[event()])), store.append(raw()), store.ping(), store.head()]
        for call in calls:
            with pytest.raises(StoreUnavailable):
                await call
