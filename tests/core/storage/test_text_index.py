"""The text index follows its table in chunks of row numbers, whatever became of the rows."""

from pathlib import Path

import pytest

from patchbay.ports import Batch, Delete, Query
from patchbay.storage.sqlite import text, writer
from patchbay.testing.store_samples import SLIPS, inserts, slip

from .support import inside, look, on_writer, opened, until


async def test_rows_that_are_gone_do_not_stop_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK_ROWS", 10)
    path = tmp_path / "patchbay.db"
    gone = [*range(15, 45), *range(90, 100)]
    with monkeypatch.context() as patch:
        patch.setattr(writer, "_IDLE_S", 60.0)
        async with opened(path) as store:
            await store.commit(Batch(puts=inserts(*[slip(f"s{n:02}", "b", f"word{n:02}") for n in range(100)])))
            await store.commit(Batch(deletes=[Delete(SLIPS, f"s{n:02}", 1) for n in gone]))
            assert await store.count(Query(SLIPS, text="word")) == 60
            assert await store.count(Query(SLIPS, text="word2")) == 0
            marks = inside(store).writer.marks
            assert (marks.indexed["slips"], marks.rows["slips"]) == (100, 100)
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(*[slip(f"t{n}", "b", "later") for n in range(25)])))
        await until(lambda: inside(store).writer.marks.indexed["slips"] == 125)
        assert await store.count(Query(SLIPS, text="later")) == 25
        await on_writer(store, "INSERT INTO t_slips(t_slips, rank) VALUES ('integrity-check', 1)")
    assert look(path, "SELECT indexed FROM text_progress WHERE name='slips'") == [(125,)]
