"""Connections to the one database file, and what its errors mean."""

from __future__ import annotations

import sqlite3
from pathlib import Path

BUSY_TIMEOUT_S = 5.0
CHECKPOINT_TIMEOUT_S = 0.05  # how long a checkpoint may hold the writer while it waits for a reader
WRITER_CACHE_KIB = 8 * 1024
READER_CACHE_KIB = 2 * 1024


def connect(
    path: Path, *, cache_kib: int, query_only: bool = False, timeout_s: float = BUSY_TIMEOUT_S
) -> sqlite3.Connection:
    """A connection that commits only when told to, for use by one thread at a time. Raises ``sqlite3.Error``."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=timeout_s
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")  # an acknowledged write survives the loss of power
        connection.execute("PRAGMA wal_autocheckpoint=0")  # checkpoints have a thread of their own
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA secure_delete=ON")  # what was erased is gone; builds differ in the default
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")
        if query_only:
            connection.execute("PRAGMA query_only=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 when the error is the Python module's own."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_suspect(error: sqlite3.Error) -> bool:
    """Whether the connection may no longer agree with the file: after an IO error, or a file that is not sound."""
    return primary_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_storage_failure(error: Exception) -> bool:
    """Whether the store could not do its work, as against work that can never be done."""
    return isinstance(error, sqlite3.OperationalError) or (isinstance(error, sqlite3.Error) and is_suspect(error))
