"""Full-text search: an index that follows the documents, and what people type made safe.

Rows up to a stored mark are in the index, with exactly the text that their ``words`` column holds; rows behind it wait
until the writer has nothing better to do.
"""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from typing import Any

from patchbay.storage.sqlite.documents import Table
from patchbay.storage.sqlite.jobs import Marks

MOST_WORDS = 32
CHUNK_ROWS = 512
PATIENCE_ROWS = 20_000  # more than these waiting are indexed even while the writer is busy
FRESH_ROWS = 2_000  # a search waits for so many, that what was just stored is found


def expression(text: str) -> str:
    """Every word by prefix, all of them required, as an FTS5 expression in which nothing is an operator."""
    words = text.encode("utf-8", "replace").decode().replace("\0", " ").split()[:MOST_WORDS]
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words)


def index_rows(connection: sqlite3.Connection, table: Table[Any], marks: Marks) -> None:
    """Put the next rows behind the mark into the index, inside the open transaction."""
    name = table.collection.name
    indexed = marks.indexed[name]
    reached = marks.indexed[name] = min(indexed + CHUNK_ROWS, marks.rows[name])
    connection.execute(
        f"INSERT INTO {table.text_name}(rowid, words)"
        f" SELECT n, words FROM {table.name} WHERE n > ? AND n <= ? AND words IS NOT NULL",
        (indexed, reached),
    )
    connection.execute("UPDATE text_progress SET indexed=? WHERE name=?", (reached, name))


def index_all(table: Table[Any], connection: sqlite3.Connection, marks: Marks) -> None:
    """Put every row that waits into the index, inside the open transaction."""
    name = table.collection.name
    while marks.indexed[name] < marks.rows[name]:
        index_rows(connection, table, marks)


def reword(connection: sqlite3.Connection, table: Table[Any], n: int, old: str | None, new: str | None) -> None:
    """Replace the text of a row that is in the index; the index has to be told what it holds."""
    if old is not None:
        connection.execute(
            f"INSERT INTO {table.text_name}({table.text_name}, rowid, words) VALUES ('delete', ?, ?)", (n, old)
        )
    if new is not None:
        connection.execute(f"INSERT INTO {table.text_name}(rowid, words) VALUES (?, ?)", (n, new))
