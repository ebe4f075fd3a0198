"""The file: who may open it, what it must be, and how a newer release takes it over."""

import asyncio
import os
import sqlite3
import stat
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.collections import CORE_COLLECTIONS, Collection, TextIndex
from patchbay.errors import ConfigError, StoreUnavailable
from patchbay.ports import Batch, Put, Query, Where
from patchbay.storage.sqlite import SqliteStore, schema, sqlite_store
from patchbay.storage.sqlite.documents import Table
from patchbay.testing.store_samples import BOXES, NOON, SAMPLES, Label, box, event, ids_of, inserts, raw

from .support import is_sound, look, opened


async def refusal(path: Path) -> str:
    store = SqliteStore(path)
    with pytest.raises(ConfigError) as caught:
        await store.open(SAMPLES)
    await store.close()
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///relative.db", "relative.db"),
        ("sqlite:///var/patchbay.db", "var/patchbay.db"),
        ("sqlite:////srv/data 100%/patchbay.db", "/srv/data 100%/patchbay.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert sqlite_store(url).path == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:////", "sqlite:///:memory:", "mongodb:///x", "x.db"]
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="PATCHBAY_STORE"):
        sqlite_store(url)


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "for it" / "patchbay.db"
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await store.append(raw())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            folder = stat.S_IMODE(path.parent.stat().st_mode)
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert {"patchbay.db", "patchbay.db-wal", "patchbay.db-shm"} <= set(modes)
    assert folder == 0o700


async def test_a_second_store_is_refused_while_the_first_is_open(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as first:
        assert "in use" in await refusal(path)
        await first.append(raw())
    async with opened(path) as second:
        assert await second.pending() == 1


async def test_closing_leaves_no_thread_and_no_log(tmp_path: Path) -> None:
    before = threading.active_count()
    path = tmp_path / "patchbay.db"
    for _ in range(3):
        async with opened(path) as store:
            await asyncio.gather(*[store.append(raw()) for _ in range(20)])
            assert threading.active_count() > before
        assert threading.active_count() == before
    assert not path.with_name("patchbay.db-wal").exists()
    assert is_sound(path)


async def test_the_cores_own_collections_open_twice(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
            await store.ping()


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 2\0" + bytes(200), b"\0" * 4096, b"x" * 9_000])
async def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "patchbay.db"
    path.write_bytes(content)
    assert "not a SQLite file" in await refusal(path)
    assert path.read_bytes() == content


async def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    look(path, "CREATE TABLE theirs(x)")
    assert "another program" in await refusal(path)
    assert look(path, "SELECT name FROM sqlite_master") == [("theirs",)]


async def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*[box(f"b{number}", name="x" * 500) for number in range(200)])))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    assert "cut short" in await refusal(path)


@pytest.mark.parametrize("page", range(1, 12))
async def test_a_torn_page_is_refused_or_never_served(tmp_path: Path, page: int) -> None:
    path = tmp_path / "patchbay.db"
    boxes = [box(f"b{number}", name=f"name {number}") for number in range(40)]
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*boxes), events=[event()]))
    with path.open("r+b") as file:
        file.seek(page * schema.PAGE_SIZE)
        file.write(b"\xa5" * 64)
    store = SqliteStore(path)
    try:
        await store.open(SAMPLES)
    except ConfigError:
        await store.close()
        return
    for given in boxes:
        with suppress(StoreUnavailable, msgspec.MsgspecError):
            assert await store.get(BOXES, given.id) in (given, None)
    await store.close()


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path):
        pass
    look(path, f"PRAGMA user_version={len(schema.STEPS) + 1}")
    assert "newer Patchbay" in await refusal(path)


def add_colour(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE colours(name)")
    connection.execute("INSERT INTO colours VALUES ('red')")


def fail_half_way(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE half(name)")
    raise RuntimeError("killed")


async def test_an_older_file_is_brought_up_to_date_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(box("b1"))))
    steps = (*schema.STEPS, add_colour, fail_half_way)
    with pytest.raises(RuntimeError, match="killed"):
        schema.prepare(path, [], steps)
    assert look(path, "SELECT * FROM colours") == [("red",)]
    assert look(path, "SELECT name FROM sqlite_master WHERE name='half'") == []
    assert look(path, "PRAGMA user_version") == [(len(schema.STEPS) + 1,)]
    schema.prepare(path, [], steps[:-1]).close()
    assert look(path, "SELECT * FROM colours") == [("red",)]
    assert is_sound(path)


NARROW: Collection[Any] = replace(BOXES, indexes=(("rank",),), filters=(), arrays=(), text=None)


async def fill_narrow(path: Path, number: int) -> None:
    boxes = [
        box(
            f"b{n:05}",
            name=f"word{n}",
            rank=n,
            sealed=n % 2 == 0,
            owner="ann" if n % 3 else None,
            label=Label(name=f"l{n % 5}"),
            due_at=NOON,
            tags=("even",) if n % 2 == 0 else (),
        )
        for n in range(number)
    ]
    async with opened(path, (NARROW,)) as store:
        for start in range(0, number, 500):
            puts = [Put(NARROW, put.document, None) for put in inserts(*boxes[start : start + 500])]
            await store.commit(Batch(puts=puts))


async def check_wide(path: Path, number: int) -> None:
    async with opened(path, (BOXES,)) as store:
        count = store.count
        assert await count(Query(BOXES, where=(Where("sealed", "eq", True),))) == (number + 1) // 2
        assert await count(Query(BOXES, where=(Where("tags", "has", "even"),))) == (number + 1) // 2
        assert await count(Query(BOXES, where=(Where("label.name", "eq", "l3"),))) == number // 5
        assert await count(Query(BOXES, where=(Where("owner", "exists", False),))) == -(-number // 3)
        assert await count(Query(BOXES, where=(Where("due_at", "eq", NOON),))) == number
        assert await ids_of(store, text="word17", sort="rank", limit=10) != []
        page = await store.find(Query(BOXES, sort="-rank", limit=1))
        assert page.items[0].rank == number - 1
    assert look(path, "SELECT fill_from FROM collections") == [(None,)]
    indexes = {name for (name,) in look(path, "SELECT name FROM sqlite_master WHERE type='index'")}
    assert {"i_boxes_rank", "i_boxes_shelf_rank", "i_boxes_due_at", "i_boxes_name"} <= indexes


async def test_fields_that_a_later_release_asks_for_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    await fill_narrow(path, 1_200)
    await check_wide(path, 1_200)
    await check_wide(path, 1_200)


@pytest.mark.parametrize("batches", [0, 1, 2])
async def test_a_kill_while_filling_is_made_up_for(
    tmp_path: Path, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "patchbay.db"
    await fill_narrow(path, 1_200)
    given = 0
    decode = Table.row

    def row(self: Table[Any], document: Any) -> tuple[Any, ...]:
        nonlocal given
        given += 1
        if given > batches * schema.FILL_ROWS + 10:
            raise KeyboardInterrupt
        return decode(self, document)

    with monkeypatch.context() as patch:
        patch.setattr(Table, "row", row)
        with pytest.raises(KeyboardInterrupt):
            schema.prepare(path, [Table(BOXES)])
    ((start,),) = look(path, "SELECT fill_from FROM collections")
    assert start == batches * schema.FILL_ROWS
    await check_wide(path, 1_200)


async def test_text_that_is_indexed_anew_is_found_by_the_new_fields(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path, (BOXES,)) as store:
        await store.commit(Batch(puts=inserts(box("b1", name="outside", label=Label(name="inside"), owner="ann"))))
        assert await ids_of(store, text="inside") == ["b1"]
    other = replace(BOXES, text=TextIndex(("owner",)))
    async with opened(path, (other,)) as store:
        for text, expected in (("inside", 0), ("outside", 0), ("ann", 1)):
            assert await store.count(Query(other, text=text)) == expected
    without = replace(BOXES, text=None)
    async with opened(path, (without,)) as store:
        assert await store.count(Query(without)) == 1
    async with opened(path, (BOXES,)) as store:
        assert await ids_of(store, text="inside") == ["b1"]
        assert await ids_of(store, text="ann") == []


async def test_indexes_that_a_later_release_wants_otherwise_are_made_without_a_look_at_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "patchbay.db"
    before = replace(BOXES, indexes=(("rank",), ("shelf", "rank"), ("due_at",)), filters=(*BOXES.filters, "name"))
    after = replace(before, indexes=(("rank",), ("shelf",), ("due_at",)))
    async with opened(path, (before,)) as store:
        await store.commit(Batch(puts=[Put(before, box(f"b{n}", rank=n), None) for n in range(50)]))
    with monkeypatch.context() as patch:
        patch.delattr(Table, "row")
        async with opened(path, (after,)) as store:
            assert await ids_of(store, Where("rank", "gte", 48), sort="-rank") == ["b49", "b48"]
    names = {name for (name,) in look(path, "SELECT name FROM sqlite_master WHERE type='index' AND sql IS NOT NULL")}
    assert {name for name in names if "boxes" in name} == {"i_boxes_rank", "i_boxes_shelf", "i_boxes_due_at"}
    assert look(path, "SELECT fill_from FROM collections") == [(None,)]


async def test_a_file_keeps_the_page_size_that_it_was_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "patchbay.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "PAGE_SIZE", 4096)
        async with opened(path) as store:
            await store.commit(Batch(puts=inserts(box("b1", name="x" * 10_000))))
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(box("b2", name="x" * 10_000))))
        assert await ids_of(store) == ["b1", "b2"]
    assert look(path, "PRAGMA page_size") == [(4096,)]
    assert is_sound(path)


async def test_a_field_may_turn_into_an_array(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    before = replace(BOXES, arrays=(), filters=(*BOXES.filters,))
    async with opened(path, (before,)) as store:
        await store.commit(Batch(puts=[Put(before, box("b1", tags=("x", "y")), None)]))
    async with opened(path, (BOXES,)) as store:
        assert await ids_of(store, Where("tags", "has", "y")) == ["b1"]


@pytest.mark.parametrize(
    "collection",
    [
        replace(BOXES, name='boxes"; DROP TABLE journal'),
        replace(BOXES, name=""),
        replace(BOXES, indexes=(("nobody",),)),
        replace(BOXES, filters=("label.nobody",)),
        replace(BOXES, filters=("label; --",)),
    ],
    ids=["name", "empty", "field", "nested", "odd"],
)
async def test_a_collection_that_makes_no_sense_is_our_bug(tmp_path: Path, collection: Collection[Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        await SqliteStore(tmp_path / "patchbay.db").open((collection,))


def test_moments_are_kept_as_milliseconds() -> None:
    table = Table(BOXES)
    moment = datetime.fromisoformat("1969-12-31T23:59:59.999+00:00")
    row = table.row(box("b1", due_at=moment))
    assert row[2 + [column.field for column in table.columns].index("due_at")] == -1
