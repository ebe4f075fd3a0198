"""The embedded store: SQLite from the standard library, one file, nothing to run beside it."""

from __future__ import annotations

from patchbay.errors import ConfigError
from patchbay.storage.sqlite.store import SqliteStore

SCHEME = "sqlite"

__all__ = ["SCHEME", "SqliteStore", "sqlite_store"]


def sqlite_store(url: str, settings: object = None) -> SqliteStore:
    """The store that a URL names: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``, taken as it is written.

    ``settings`` are those that every store factory is given; this store needs none. Raises ``ConfigError``.
    """
    start = f"{SCHEME}:///"
    path = url.removeprefix(start)
    if not url.startswith(start) or path in ("", "/") or path.endswith("/") or "\0" in path or ":memory:" in path:
        raise ConfigError(f"PATCHBAY_STORE must name a file, such as {start}var/patchbay.db; it is {url!r}.")
    return SqliteStore(path)
