"""What the tests of the embedded store share."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from patchbay.collections import Collection
from patchbay.storage.sqlite import SqliteStore
from patchbay.storage.sqlite.parts import OpenStore
from patchbay.testing.store_samples import SAMPLES

PATIENCE_S = 30.0


@asynccontextmanager
async def opened(path: Path, collections: tuple[Collection[Any], ...] = SAMPLES) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open(collections)
    try:
        yield store
    finally:
        await store.close()


def inside(store: SqliteStore) -> OpenStore:
    """The parts of a store that is open."""
    assert store._parts is not None
    return store._parts


async def on_writer(store: SqliteStore, statement: str) -> list[Any]:
    """Run a statement on the writer's own connection."""
    return await inside(store).submit(
        lambda connection, _: connection.execute(statement).fetchall(), lambda rows: list(rows)
    )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def look(path: Path, statement: str) -> list[Any]:
    """What is in the file, seen from outside."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def is_sound(path: Path) -> bool:
    return look(path, "PRAGMA integrity_check") == [("ok",)]


def child(script: Path, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A Python process that runs a script, its standard output a pipe of lines."""
    return subprocess.Popen(
        [*before, sys.executable, str(script), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
