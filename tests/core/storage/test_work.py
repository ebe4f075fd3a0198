"""How the store works under load: groups, bounds, checkpoints, and the text index that follows."""

import asyncio
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.collections import CONVERSATIONS, CORE_COLLECTIONS
from patchbay.errors import Duplicate, StoreUnavailable
from patchbay.ports import Batch, Query, Where
from patchbay.storage.sqlite import checkpoints, log, pending, text, writer
from patchbay.storage.sqlite.query import Paging, Selection
from patchbay.storage.sqlite.store import SqliteStore
from patchbay.testing.store_samples import (
    BOXES,
    MUCH,
    NOON,
    SLIPS,
    box,
    event,
    ids_of,
    inserts,
    raw,
    settled,
    slip,
    update,
)

from .support import inside, look, on_writer, opened, until


def count_groups(store: SqliteStore) -> list[int]:
    """The size of every group that is written from now on."""
    sizes: list[int] = []
    attempt = inside(store).writer._attempt

    def counted(group: list[Any]) -> list[Any] | None:
        sizes.append(len(group))
        return attempt(group)

    inside(store).writer._attempt = counted  # type: ignore[method-assign]
    return sizes


async def test_what_is_handed_in_together_is_flushed_together(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        sizes = count_groups(store)
        await asyncio.gather(*[store.append(raw()) for _ in range(100)])
        assert sizes == [100]


async def test_a_group_is_bounded(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        sizes = count_groups(store)
        await asyncio.gather(*[store.append(raw()) for _ in range(600)])
        assert max(sizes) <= writer.GROUP_JOBS
        sizes.clear()
        await asyncio.gather(*[store.append(raw(b"x" * 2**20)) for _ in range(10)])
        assert max(sizes) <= 4


async def test_work_that_can_never_be_done_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:

        async def impossible() -> None:
            await inside(store).submit(
                lambda connection, _: connection.execute("INSERT INTO keys VALUES (?, ?, ?)", ("s", "v", "\ud83d")),
                lambda _: None,
            )

        results = await asyncio.gather(
            *[store.append(raw()) for _ in range(5)],
            impossible(),
            store.commit(Batch(puts=inserts(box("b1")), events=[event()])),
            store.commit(Batch(puts=inserts(box("b1")))),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [str] * 5 + [UnicodeEncodeError, list, Duplicate]
        assert len(set(results[:5])) == 5
        assert await store.pending() == 5
        assert await store.head() == 1


async def test_updates_go_on_from_what_is_stored_after_a_group_failed(tmp_path: Path) -> None:
    """What the writer remembers of rows must not outlive the transaction that wrote them."""
    async with opened(tmp_path / "patchbay.db") as store:
        first = box("b1", rank=1)
        await store.commit(Batch(puts=inserts(first)))
        second = update(first, rank=2)
        await store.commit(Batch(puts=[second]))
        third = update(second.document, rank=3)
        await on_writer(store, "PRAGMA max_page_count=1")
        with pytest.raises(StoreUnavailable):
            await store.commit(Batch(puts=[third, *inserts(box("big", name="x" * 200_000))]))
        await on_writer(store, "PRAGMA max_page_count=4294967294")
        assert await store.get(BOXES, "b1") == second.document
        await store.commit(Batch(puts=[third]))
        assert await ids_of(store, Where("rank", "eq", 3)) == ["b1"]


async def test_a_queue_that_is_full_makes_callers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_JOBS", 10)
    async with opened(tmp_path / "patchbay.db") as store:
        tasks = [asyncio.ensure_future(store.append(raw())) for _ in range(200)]
        most = 0
        while not all(task.done() for task in tasks):
            most = max(most, inside(store).writer._depth)
            await asyncio.sleep(0)
        assert most <= 10
        assert len({task.result() for task in tasks}) == 200


async def test_waiting_for_the_queue_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_JOBS", 2)
    monkeypatch.setattr(writer, "WAIT_S", 0.05)
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # holds the writer up
        tasks = [asyncio.ensure_future(store.append(raw())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="busy"):
            await store.append(raw())
        other.execute("ROLLBACK")
        other.close()
        await asyncio.gather(*tasks)
        await store.append(raw())
        assert await store.pending() == 3


async def test_memory_is_given_back_when_work_is_done(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        for _ in range(4):
            await asyncio.gather(*[store.append(raw(b"x" * 500)) for _ in range(500)])
            while claimed := await store.claim("me", 200, MUCH):
                await store.commit(
                    Batch(settlements=[settled(given) for given in claimed], events=[event() for _ in claimed])
                )
        parts = inside(store)
        assert (len(parts.pending.unsettled), parts.pending._fresh_bytes, parts.pending._fresh) == (0, 0, {})
        assert (parts.pending._holder, parts.pending.attempts, parts.writer._depth) == ({}, {}, 0)
        assert parts.pending._waiting == []


async def test_bodies_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "CACHE_BYTES", 50_000)
    async with opened(tmp_path / "patchbay.db") as store:
        ids = await asyncio.gather(*[store.append(raw(b"%4d" % number + b"x" * 1_000)) for number in range(200)])
        assert inside(store).pending._fresh_bytes <= 50_000
        found = [given for _ in range(20) for given in await store.claim("me", 10, MUCH)]
        assert [given.id for given in found] == list(ids)
        assert [int(given.body[:4]) for given in found] == list(range(200))


async def test_events_in_memory_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "RING_EVENTS", 100)
    async with opened(tmp_path / "patchbay.db") as store:
        for _ in range(50):
            await store.commit(Batch(events=[event(number) for number in range(7)]))
        ring = inside(store).log
        assert 93 <= len(ring._ring) <= 100
        assert len(ring._ring) == sum(count for count, _ in ring._blocks)
        assert [found.position for found in await store.read(0, 1_000)] == list(range(1, 351))
        assert ring.recent(340, 5) is not None
        assert ring.recent(100, 5) is None


async def test_the_start_need_not_look_at_what_was_settled(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await asyncio.gather(*[store.append(raw()) for _ in range(30)])
        await store.commit(Batch(settlements=[settled(raw_id) for raw_id in ids[:20]]))
    assert look(path, "SELECT value FROM meta WHERE name='settled_to'") == [(20,)]
    async with opened(path) as store:
        assert await store.pending() == 10
        await store.reopen([ids[4]])
    assert look(path, "SELECT value FROM meta WHERE name='settled_to'") == [(4,)]


async def test_text_is_indexed_when_there_is_time(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*[slip(f"s{n}", "b", f"word{n}") for n in range(1_000)])))
        marks = inside(store).writer
        await until(lambda: marks.marks.indexed["slips"] == 1_000)
    assert look(path, "SELECT indexed FROM text_progress WHERE name='slips'") == [(1_000,)]
    assert len(look(path, "SELECT rowid FROM t_slips WHERE words MATCH 'word77*'")) == 11


async def test_much_waiting_text_is_indexed_while_the_writer_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_S", 60.0)
    monkeypatch.setattr(writer, "PATIENCE_ROWS", 500)
    async with opened(tmp_path / "patchbay.db") as store:
        for turn in range(20):
            await store.commit(Batch(puts=inserts(*[slip(f"s{turn}-{n}", "b", "word") for n in range(100)])))
        marks = inside(store).writer.marks
        assert 0 < marks.rows["slips"] - marks.indexed["slips"] <= 600


async def test_a_search_waits_for_a_small_backlog_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_IDLE_S", 60.0)
    monkeypatch.setattr("patchbay.storage.sqlite.store.FRESH_ROWS", 50)
    async with opened(tmp_path / "patchbay.db") as store:
        await store.commit(Batch(puts=inserts(*[slip(f"s{n}", "b", "word") for n in range(50)])))
        assert await store.count(Query(SLIPS, text="word")) == 50
        await store.commit(Batch(puts=inserts(*[slip(f"t{n}", "b", "word") for n in range(51)])))
        assert await store.count(Query(SLIPS, text="word")) == 50


async def test_edits_keep_the_text_index_in_step_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    current = {f"b{n}": box(f"b{n}", name=f"first{n}") for n in range(20)}
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*current.values())))
        assert await store.count(Query(BOXES, text="first")) == 20
    for turn in range(3):
        async with opened(path) as store:
            puts = [update(given, name=f"turn{turn} {id}") for id, given in current.items()]
            await store.commit(Batch(puts=puts))
            current = {put.document.id: put.document for put in puts}
            assert await store.count(Query(BOXES, text="first")) == 0
            assert await store.count(Query(BOXES, text=f"turn{turn}")) == 20
            assert await store.count(Query(BOXES, text=f"turn{turn - 1}")) == 0
            await on_writer(store, "INSERT INTO t_boxes(t_boxes, rank) VALUES ('integrity-check', 1)")


async def test_the_write_ahead_log_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "RESTART_PAGES", 200)
    path = tmp_path / "patchbay.db"
    wal = path.with_name("patchbay.db-wal")
    async with opened(path) as store:
        for _ in range(30):
            await asyncio.gather(*[store.append(raw(b"x" * 4_000)) for _ in range(50)])
        size = wal.stat().st_size
        await until(lambda: look_moved(path))
        await store.append(raw())
        assert wal.stat().st_size == size
        assert await store.pending() == 1_501


def look_moved(path: Path) -> bool:
    """Whether nothing waits in the write-ahead log any more."""
    ((_, pages, moved),) = look(path, "PRAGMA wal_checkpoint(PASSIVE)")
    return bool(pages == moved)


async def test_nothing_is_written_while_the_log_is_at_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "RESTART_PAGES", 50)
    monkeypatch.setattr(checkpoints, "MOST_PAGES", 100)
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM journal").fetchall()  # a reader that does not let go
        acknowledged = 0
        refusal: StoreUnavailable | None = None
        while refusal is None:
            try:
                await store.append(raw(b"x" * 4_000))
            except StoreUnavailable as error:
                refusal = error
            else:
                acknowledged += 1
        assert "write-ahead log" in str(refusal)
        other.execute("COMMIT")
        other.close()
        await until(lambda: inside(store).writer.refuse is None)
        await store.append(raw())
        assert await store.pending() == acknowledged + 1


async def test_a_long_reader_does_not_hold_the_writer_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "RESTART_PAGES", 50)
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM journal").fetchall()
        tried = 0
        move = inside(store).checkpoints._move

        def counted(connection: sqlite3.Connection) -> bool:
            nonlocal tried
            tried += 1
            return move(connection)

        inside(store).checkpoints._move = counted  # type: ignore[method-assign]
        longest = 0.0
        while tried < 2:
            started = time.monotonic()
            await store.append(raw(b"x" * 40_000))
            longest = max(longest, time.monotonic() - started)
        assert longest < 2.0
        other.close()


async def test_readers_go_on_while_the_writer_is_held_up(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*[box(f"b{n}", rank=n) for n in range(100)])))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(store.append(raw()))
        for n in range(100):
            assert (await store.find(Query(BOXES, where=(Where("rank", "eq", n),)))).items[0].rank == n
        assert not writing.done()
        other.execute("ROLLBACK")
        other.close()
        await writing


async def test_readers_see_whole_commits_only(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        await store.commit(Batch(puts=inserts(*[box(f"b{n}") for n in range(20)])))
        done = asyncio.Event()

        async def write() -> None:
            current = [box(f"b{n}") for n in range(20)]
            for turn in range(1, 100):
                puts = [update(given, rank=turn) for given in current]
                await store.commit(Batch(puts=puts))
                current = [put.document for put in puts]
            done.set()

        async def read() -> int:
            reads = 0
            while not done.is_set():
                found = await store.get_many(BOXES, [f"b{n}" for n in range(20)])
                assert len({given.rank for given in found.values()}) == 1
                page = await store.find(Query(BOXES))
                assert len({given.rank for given in page.items}) == 1
                reads += 1
            return reads

        _, *reads = await asyncio.gather(write(), read(), read(), read())
        assert all(reads)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(CONVERSATIONS, sort="-last_activity_at"), "i_conversations_last_activity_at"),
        (
            Query(CONVERSATIONS, sort="-last_activity_at", where=(Where("status", "eq", "open"),)),
            "i_conversations_last_activity_at",
        ),
        (
            Query(CONVERSATIONS, sort="-number", where=(Where("thread_id", "eq", "t"),)),
            "i_conversations_thread_id_number",
        ),
    ],
    ids=["all", "by status", "by thread"],
)
async def test_lists_walk_an_index_and_sort_nothing_but_ties(tmp_path: Path, query: Query[Any], index: str) -> None:
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        paging = Paging(query, Selection(query, store._table))
        connection = sqlite3.connect(store.path)
        sql, params = paging.statement(connection)
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, params)]
        connection.close()
        assert index in plan[0]
        assert [step for step in plan if "TEMP B-TREE" in step] in ([], ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"])


async def test_what_one_contact_has_is_found_by_an_index_and_sorted(tmp_path: Path) -> None:
    query = Query(CONVERSATIONS, sort="-last_activity_at", where=(Where("contact_id", "eq", "c"),))
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        connection = sqlite3.connect(store.path)
        sql, params = Paging(query, Selection(query, store._table)).statement(connection)
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, params)]
        connection.close()
        assert "i_conversations_contact_id (" in plan[0]


async def test_the_cursor_of_a_list_seeks_instead_of_skipping(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        for start in range(0, 5_000, 500):
            await store.commit(
                Batch(
                    puts=inserts(
                        *[box(f"b{n:05}", due_at=NOON + timedelta(seconds=n)) for n in range(start, start + 500)]
                    )
                )
            )
        assert await ids_of(store, sort="-due_at", limit=50) == [f"b{n:05}" for n in range(4_999, -1, -1)]


def test_what_people_type_becomes_words_only() -> None:
    assert text.expression('say "hi" OR (x)') == '"say"* """hi"""* "OR"* "(x)"*'
    assert text.expression(" \0 ") == ""
    assert len(text.expression("a " * 1_000).split()) == text.MOST_WORDS
