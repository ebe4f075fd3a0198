"""What the file holds: its identity, the base tables by numbered steps, one table per collection.

Each step and each batch of a back-fill is one transaction, so that a kill at any point leaves a file that opens again.
"""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from patchbay.errors import ConfigError
from patchbay.storage.sqlite.connection import WRITER_CACHE_KIB, connect
from patchbay.storage.sqlite.documents import Table

APPLICATION_ID = 0x50425931
PAGE_SIZE = 8192  # of new files; a document is 1 to 3 KB, and smaller pages would be half empty
FILL_ROWS = 500

Step = Callable[[sqlite3.Connection], None]

_BASE = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', lower(hex(randomblob(8)))), ('head', 0), ('last_seq', 0), ('settled_to', 0);
CREATE TABLE collections(name TEXT PRIMARY KEY, shape BLOB NOT NULL, fill_from INTEGER) WITHOUT ROWID;
CREATE TABLE text_progress(name TEXT PRIMARY KEY, indexed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys(
  scope TEXT NOT NULL, value TEXT NOT NULL, ref TEXT NOT NULL, PRIMARY KEY(scope, value)
) WITHOUT ROWID;

-- Append-only; what becomes of a raw event stands beside it, so that settling does not rewrite bodies.
CREATE TABLE journal(
  seq INTEGER PRIMARY KEY, channel TEXT NOT NULL, received_at INTEGER NOT NULL, sha256 TEXT NOT NULL,
  headers BLOB NOT NULL, body BLOB NOT NULL
);
CREATE TABLE journal_attempts(seq INTEGER PRIMARY KEY, attempts INTEGER NOT NULL);
CREATE TABLE journal_outcome(
  seq INTEGER PRIMARY KEY, state TEXT NOT NULL, outcomes INTEGER NOT NULL, settled_at INTEGER NOT NULL,
  items BLOB NOT NULL, error TEXT
);
CREATE INDEX journal_quarantined ON journal_outcome(seq) WHERE state = 'quarantined';
CREATE INDEX journal_unroutable ON journal_outcome(seq) WHERE outcomes & 16;

-- Up to 128 events of one commit share a row: position is the first one's, newest_at the latest moment.
CREATE TABLE events(
  position INTEGER PRIMARY KEY, count INTEGER NOT NULL, newest_at INTEGER NOT NULL, body BLOB NOT NULL
);
"""


def _base(connection: sqlite3.Connection) -> None:
    for statement in _BASE.split(";\n"):
        connection.execute(statement)


STEPS: tuple[Step, ...] = (_base,)


def prepare(path: Path, tables: Sequence[Table[Any]], steps: Sequence[Step] = STEPS) -> sqlite3.Connection:
    """The writer's connection to a file that is ours, sound at first sight and up to date.

    Makes the file (mode 0600) and its folder (mode 0700) where they are missing. Raises ``ConfigError``.
    """
    _make(path)
    try:
        _look(path)
        connection = connect(path, cache_kib=WRITER_CACHE_KIB)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"The store {path} cannot be opened: {error}.") from error
    try:
        _identify(connection, path, len(steps))
        migrate(connection, steps)
        ready_tables(connection, tables)
    except sqlite3.Error as error:
        connection.close()
        raise ConfigError(f"The store {path} cannot be opened: {error}.") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(f"The store {path} cannot be made: {error.strerror or error}.") from error


def _look(path: Path) -> None:
    """Refuse what is no database or was cut short, which SQLite itself would find only on the way."""
    with path.open("rb") as file:
        header = file.read(100)
        size = os.fstat(file.fileno()).st_size
    if not header:
        return
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise ConfigError(f"The store {path} is not a SQLite file; restore it from a backup or name another.")
    page_size = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    wal = path.with_name(path.name + "-wal")
    if size < pages * (65536 if page_size == 1 else page_size) and not (wal.exists() and wal.stat().st_size):
        raise ConfigError(f"The store {path} was cut short; restore it from a backup.")


def _identify(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (known,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application == 0 and version == 0 and known == 0:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum=NONE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    elif application != APPLICATION_ID:
        raise ConfigError(f"The store {path} is a SQLite file of another program; name another file.")
    if version > newest:
        raise ConfigError(
            f"The store {path} was written by a newer Patchbay (schema {version}, this one knows {newest}); upgrade."
        )
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise ConfigError(f"The store {path} is on a file system that cannot hold a write-ahead log.")


def migrate(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Run the steps that the file has not seen, each in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(steps[version:], start=version + 1):
        with transaction(connection):
            step(connection)
            connection.execute(f"PRAGMA user_version={number}")


def ready_tables(connection: sqlite3.Connection, tables: Sequence[Table[Any]]) -> None:
    """Make the collections' tables as this release wants them, filling columns that are new to stored documents."""
    shapes = dict(connection.execute("SELECT name, shape FROM collections").fetchall())
    missing = [table for table in tables if table.collection.name not in shapes]
    if missing:
        with transaction(connection):
            for table in missing:
                _make_table(connection, table)
    for table in tables:
        if table in missing:
            continue
        name = table.collection.name
        stored, shape = msgspec.json.decode(shapes[name]), _shape(table)
        if stored != shape:
            with transaction(connection):
                _reshape(connection, table, stored, shape)
        (fill_from,) = connection.execute("SELECT fill_from FROM collections WHERE name=?", (name,)).fetchone()
        if fill_from is not None:
            _fill(connection, table)


def _make_table(connection: sqlite3.Connection, table: Table[Any]) -> None:
    kept = [column.sql for column in table.columns] + (["words TEXT"] if table.text_name else [])
    columns = ["n INTEGER PRIMARY KEY", "id TEXT NOT NULL UNIQUE", "version INTEGER NOT NULL", *kept]
    connection.execute(f"CREATE TABLE {table.name}({', '.join(columns)}, doc BLOB NOT NULL)")
    _make_text(connection, table)
    _make_indexes(connection, table)
    connection.execute(
        "INSERT INTO collections VALUES (?, ?, NULL)", (table.collection.name, msgspec.json.encode(_shape(table)))
    )


def _shape(table: Table[Any]) -> dict[str, Any]:
    """What the stored columns mean; where it changes they have to be filled again."""
    text = table.collection.text
    return {
        "columns": {column.field: column.kind for column in table.columns},
        "indexes": [list(index) for index in table.collection.indexes],
        "text": list(text.fields) if text else None,
    }


def _reshape(connection: sqlite3.Connection, table: Table[Any], stored: dict[str, Any], shape: dict[str, Any]) -> None:
    """Add what is missing, and note that it has to be filled unless only indexes changed. Columns that nobody names any
    more stay as they are."""
    name = table.collection.name
    filled = stored["columns"] == shape["columns"] and stored["text"] == shape["text"]
    _drop_indexes(connection, table, kept={_index_name(table, fields) for fields in shape["indexes"]} if filled else ())
    connection.execute("UPDATE collections SET shape=? WHERE name=?", (msgspec.json.encode(shape), name))
    if filled:
        _make_indexes(connection, table)
        return
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    for column in table.columns:
        if column.sql.strip('"') not in present:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.sql}")
    if table.text_name and "words" not in present:
        connection.execute(f"ALTER TABLE {table.name} ADD COLUMN words TEXT")
    if stored["text"] != shape["text"]:
        connection.execute(f'DROP TABLE IF EXISTS "t_{name}"')
        connection.execute("DELETE FROM text_progress WHERE name=?", (name,))
        _make_text(connection, table)
    connection.execute("UPDATE collections SET fill_from=0 WHERE name=?", (name,))


def _fill(connection: sqlite3.Connection, table: Table[Any]) -> None:
    """Compute the columns of every stored document anew, in batches that a kill does not undo; indexes come last."""
    kept = [column.sql for column in table.columns] + (["words"] if table.text_name else [])
    update = f"UPDATE {table.name} SET {', '.join(f'{sql}=?' for sql in kept)} WHERE n=?" if kept else None
    name = table.collection.name
    while True:
        with transaction(connection):
            (start,) = connection.execute("SELECT fill_from FROM collections WHERE name=?", (name,)).fetchone()
            rows = connection.execute(
                f"SELECT n, doc FROM {table.name} WHERE n > ? ORDER BY n LIMIT {FILL_ROWS}", (start,)
            ).fetchall()
            if not rows or update is None:
                _make_indexes(connection, table)
                connection.execute("UPDATE collections SET fill_from=NULL WHERE name=?", (name,))
                return
            connection.executemany(update, [(*table.row(table.decode(doc))[2:-1], n) for n, doc in rows])
            connection.execute("UPDATE collections SET fill_from=? WHERE name=?", (rows[-1][0], name))


def _make_indexes(connection: sqlite3.Connection, table: Table[Any]) -> None:
    for fields in table.collection.indexes:
        columns = ", ".join(table.column(field).sql for field in fields)
        connection.execute(f'CREATE INDEX IF NOT EXISTS "{_index_name(table, fields)}" ON {table.name}({columns})')


def _drop_indexes(connection: sqlite3.Connection, table: Table[Any], kept: Container[str]) -> None:
    for (index,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type='index' AND tbl_name=? AND sql IS NOT NULL", (table.name.strip('"'),)
    ).fetchall():
        if index not in kept:
            connection.execute(f'DROP INDEX "{index}"')


def _index_name(table: Table[Any], fields: Iterable[str]) -> str:
    return f"i_{table.collection.name}_{'_'.join(fields)}"


def _make_text(connection: sqlite3.Connection, table: Table[Any]) -> None:
    if table.text_name is None:
        return
    connection.execute(
        f"CREATE VIRTUAL TABLE {table.text_name} USING fts5(words, content={table.name}, content_rowid=n,"
        " columnsize=0, tokenize='unicode61 remove_diacritics 2')"
    )
    connection.execute("INSERT INTO text_progress VALUES (?, 0)", (table.collection.name,))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end, roll back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo the open transaction, if SQLite has not done so itself."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
