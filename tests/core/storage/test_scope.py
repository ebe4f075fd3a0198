"""How the embedded store answers for a scope: by walking the order of a list, or by the rows in scope."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.collections import CONTACTS, CONVERSATIONS, CORE_COLLECTIONS, IDENTITIES, MESSAGES
from patchbay.inbox.rows import scope_of
from patchbay.model.rows import NO_ROWS, Rows
from patchbay.ports import Batch, Query, Store, Where, Within
from patchbay.storage.sqlite import SqliteStore, breadth
from patchbay.storage.sqlite.query import Paging, Selection
from patchbay.testing.store_samples import BOXES, SLIPS, box, ids_of, inserts, slip
from patchbay.testing.store_scope import held_by, plain, some_box, some_condition, some_part

from .support import opened

ANN = Rows(department_ids=("sales",), user_id="ann")
NEWEST = "-last_activity_at"


@given(seed=st.integers(0, 2**32), few=st.sampled_from([0, 2, 5, 1_000]))
@settings(deadline=None, max_examples=40)
def test_whichever_way_a_query_is_made_its_answer_is_that_of_looking_at_every_document(seed: int, few: int) -> None:
    random = Random(seed)
    boxes = [some_box(random, f"b{number}") for number in range(random.randrange(25))]
    papers = [slip(f"s{number}", f"b{random.randrange(30)}", "") for number in range(random.randrange(15))]
    queries = [
        Query(
            BOXES,
            tuple(some_condition(random) for _ in range(random.randrange(3))),
            any_of=tuple(some_part(random, 3) for _ in range(random.randrange(4))),
            sort=random.choice(["id", "-id", "rank", "-due_at", "owner"]),
        )
        for _ in range(25)
    ]

    async def ask(store: Store) -> None:
        await store.commit(Batch(puts=inserts(*boxes, *papers)))
        for query in queries:
            expected = [each.id for each in plain(query, held_by(boxes, papers))]
            found = await ids_of(store, *query.where, any_of=query.any_of, sort=query.sort, limit=7)
            assert (query, found) == (query, expected)
            assert (query, await store.count(query)) == (query, len(expected))

    async def run() -> None:
        with TemporaryDirectory() as folder:
            async with opened(Path(folder) / "patchbay.db") as store:
                await ask(store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(breadth, "FEW", few)
        asyncio.run(run())


def plan(store: SqliteStore, query: Query[Any], *, counted: bool = False) -> str:
    """What SQLite says it would do."""
    selection = Selection(query, store._table)
    connection = sqlite3.connect(store.path)
    if counted:
        condition, params = selection.counted(connection)
        sql = f"SELECT count(*) FROM {selection.table.name} WHERE {condition}"
    else:
        sql, params = Paging(query, selection).statement(connection)
    steps = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, params)]
    connection.close()
    return "\n".join(steps)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever there is counts as much."""
    monkeypatch.setattr(breadth, "FEW", -1)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Query(CONVERSATIONS, sort=NEWEST), "conversations_last_activity_at"),
        (Query(CONVERSATIONS, (Where("department_id", "eq", "d"),), sort=NEWEST), "conversations_last_activity_at"),
        (Query(CONVERSATIONS, (Where("assignee_id", "eq", None),), sort=NEWEST), "conversations_last_activity_at"),
        (Query(CONTACTS, sort="-updated_at"), "contacts_updated_at"),
        (Query(MESSAGES, (Where("thread_id", "eq", "t"),), sort="-seq"), "messages_thread_id_seq"),
    ],
    ids=["conversations", "by department", "unassigned", "contacts", "timeline"],
)
async def test_a_large_scope_leaves_a_list_to_the_index_of_its_order(
    tmp_path: Path, query: Query[Any], index: str
) -> None:
    scoped = Query(query.collection, query.where, sort=query.sort, any_of=scope_of(ANN, query.collection))
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        steps = plan(store, scoped)
    assert f"INDEX i_{index}" in steps.split("\n")[0]
    assert "LIST SUBQUERY" not in steps  # each row asks by an index, no list of all others is made first
    assert "SCAN w" not in steps
    assert "TEMP B-TREE FOR ORDER BY" not in steps


@pytest.mark.parametrize(
    ("collection", "sort", "indexes"),
    [
        (CONVERSATIONS, NEWEST, ["conversations_department_id", "conversations_assignee_id"]),
        (CONTACTS, "-updated_at", ["conversations_department_id", "conversations_assignee_id", "contacts_created_by"]),
        (IDENTITIES, "id", ["conversations_department_id", "conversations_assignee_id", "identities_contact_id"]),
    ],
    ids=["conversations", "contacts", "identities"],
)
@pytest.mark.parametrize("counted", [False, True], ids=["list", "count"])
async def test_a_small_scope_is_sought_by_its_own_indexes(
    tmp_path: Path, collection: Any, sort: str, indexes: list[str], counted: bool
) -> None:
    query = Query(collection, sort=sort, any_of=scope_of(ANN, collection))
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        steps = plan(store, query, counted=counted)
    assert [index for index in indexes if f"INDEX i_{index} (" not in steps] == []
    assert "SCAN" not in steps


async def test_a_small_scope_is_sought_on_later_pages_too(tmp_path: Path) -> None:
    scope = (Where("shelf", "eq", "z"), Within("id", Query(SLIPS, (Where("box_id", "eq", "b1"),)), "box_id"))
    async with opened(tmp_path / "patchbay.db") as store:
        await store.commit(Batch(puts=inserts(*[box(f"b{n}", rank=n, shelf="z") for n in range(5)])))
        cursor = (await store.find(Query(BOXES, sort="-rank", limit=2, any_of=scope))).next
        steps = plan(store, Query(BOXES, sort="-rank", limit=2, any_of=scope, cursor=cursor))
    assert "INDEX i_boxes_shelf_rank (" in steps
    assert "SCAN" not in steps


async def test_what_leads_to_few_rows_by_itself_is_entered_whatever_the_scope(tmp_path: Path) -> None:
    where = (Where("contact_id", "eq", "c"), Where("status", "eq", "open"))
    query = Query(CONVERSATIONS, where, sort=NEWEST, any_of=scope_of(ANN, CONVERSATIONS))
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        assert "INDEX i_conversations_contact_id (" in plan(store, query).split("\n")[0]


@pytest.mark.parametrize("collection", [CONVERSATIONS, CONTACTS, IDENTITIES, MESSAGES], ids=lambda given: given.name)
async def test_a_scope_of_nothing_reads_nothing(tmp_path: Path, collection: Any) -> None:
    async with opened(tmp_path / "patchbay.db", CORE_COLLECTIONS) as store:
        condition, params = Selection(Query(collection, any_of=scope_of(NO_ROWS, collection)), store._table).written()
    assert (condition, params) == ("0", [])
