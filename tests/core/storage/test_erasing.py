"""Free space in the middle of pages: where the file keeps what was moved, and how it is blanked."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from patchbay.storage.sqlite.connection import connect
from patchbay.storage.sqlite.erasing import LogInUse, blank_free_space, free_space

ROWS = 3_000


def filled(path: Path) -> sqlite3.Connection:
    """A table of some pages."""
    connection = connect(path, cache_kib=1024)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT)")
    rows = [(n, f"{(n * 7_919) % 100_003:08}", "word " * (1 + n % 60)) for n in range(ROWS)]
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")
    return connection


def planted(file: int, size: int, pages: int) -> int:
    """Leave something in the free space of each page, as a cell that moved away does; in how many."""
    count = 0
    for number in range(1, pages + 1):
        gap = free_space(os.pread(file, size, (number - 1) * size), 100 if number == 1 else 0)
        if gap is not None and len(gap) > 16:
            os.pwrite(file, b"canary", (number - 1) * size + gap.start + 5)
            count += 1
    return count


def canaries(path: Path) -> int:
    return path.read_bytes().count(b"canary")


def test_what_cells_left_behind_when_they_moved_is_blanked_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    connection = filled(path)
    file = os.open(path, os.O_RDWR)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    assert planted(file, size, pages) == canaries(path) > 50
    page: int | None = 1
    while page is not None:
        page = blank_free_space(connection, file, page)
    assert canaries(path) == 0
    connection.close()
    fresh = connect(path, cache_kib=1024)
    assert fresh.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert fresh.execute("SELECT count(*), sum(n) FROM t").fetchone() == (ROWS, ROWS * (ROWS - 1) // 2)
    fresh.close()
    os.close(file)


def test_it_waits_for_who_reads_the_log(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    connection = filled(path)
    file = os.open(path, os.O_RDWR)
    reader = connect(path, cache_kib=1024, query_only=True)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM t").fetchone()
    connection.execute("UPDATE t SET body='x' WHERE n=1")
    with pytest.raises(LogInUse):
        blank_free_space(connection, file, 1)
    reader.execute("COMMIT")
    assert blank_free_space(connection, file, 1) is None
    reader.close()
    connection.close()
    os.close(file)


@pytest.mark.parametrize(
    ("page", "header", "space"),
    [
        (bytes([13, 0, 0, 0, 2, 0, 40, 0]) + bytes(56), 0, range(12, 40)),  # a leaf of a table with two cells
        (bytes([5, 0, 0, 0, 1, 0, 60, 0]) + bytes(56), 0, range(14, 60)),  # an interior page has 4 bytes more
        (bytes(100) + bytes([10, 0, 0, 0, 0, 0, 120, 0]) + bytes(20), 100, range(108, 120)),  # the first page
        (bytes([0, 0, 0, 9]) + b"x" * 60, 0, None),  # overflow
        (bytes([13, 0, 0, 0, 200, 0, 40, 0]) + bytes(56), 0, None),  # not what it looks like
        (bytes([13, 0, 0, 0, 2, 1, 40, 0]) + bytes(56), 0, None),  # cells beyond the end
        (b"", 0, None),
    ],
)
def test_where_nothing_lies_in_a_page(page: bytes, header: int, space: range | None) -> None:
    assert free_space(page, header) == space
