"""When the write-ahead log is moved into the file, and when it begins anew."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from patchbay.storage.sqlite import checkpoints
from patchbay.storage.sqlite.checkpoints import Checkpoints
from patchbay.storage.sqlite.store import SqliteStore
from patchbay.testing.store_samples import raw

from .support import inside, opened, until

AN_HOUR_S = 3_600.0


def count_passes(store: SqliteStore, interval_s: float) -> list[bool]:
    """From now on: of every turn, whether something was left over."""
    turns: list[bool] = []
    parts = inside(store)
    move = parts.checkpoints._move

    def counted(connection: sqlite3.Connection) -> bool:
        turns.append(move(connection))
        return turns[-1]

    parts.checkpoints._move = counted  # type: ignore[method-assign]
    parts.checkpoints._interval_s = interval_s
    return turns


async def test_a_log_is_moved_once_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MUCH", 100_000)
    async with opened(tmp_path / "patchbay.db") as store:
        turns = count_passes(store, AN_HOUR_S)
        for _ in range(3):
            await store.append(raw(b"x" * 30_000))
        assert turns == []
        await store.append(raw(b"x" * 30_000))
        await until(lambda: turns == [False])
        for _ in range(4):
            await store.append(raw(b"x" * 30_000))
        await until(lambda: turns == [False, False])


async def test_what_a_quiet_server_wrote_is_moved_soon(tmp_path: Path) -> None:
    async with opened(tmp_path / "patchbay.db") as store:
        turns = count_passes(store, 0.01)
        await store.append(raw())
        await until(lambda: turns == [False])


async def test_closing_does_not_wait_for_the_next_turn(tmp_path: Path) -> None:
    async with asyncio.timeout(30.0):
        async with opened(tmp_path / "patchbay.db") as store:
            turns = count_passes(store, AN_HOUR_S)
            await store.append(raw())
        assert turns == []


class Log:
    """Stands for a connection: what each pass finds, ``(pages in the log, of which moved)``."""

    def __init__(self, *passes: tuple[int, int]) -> None:
        self.passes = list(passes)
        self.asked: list[str] = []

    def execute(self, statement: str) -> "Log":
        self.asked.append(statement.removeprefix("PRAGMA wal_checkpoint(").removesuffix(")"))
        return self

    def fetchone(self) -> tuple[int, int, int]:
        return (0, *self.passes.pop(0)) if self.asked[-1] == "PASSIVE" else (0, 0, 0)


@pytest.mark.parametrize(
    ("passes", "asked", "left"),
    [
        ([(90, 90)], ["PASSIVE"], False),
        ([(90, 10)], ["PASSIVE"], True),
        ([(200, 195)], ["PASSIVE", "RESTART"], False),
        ([(500, 495)], ["PASSIVE", "TRUNCATE"], False),
        ([(200, 120), (240, 235)], ["PASSIVE", "PASSIVE", "RESTART"], False),
        ([(200, 100), (300, 200), (380, 300)], ["PASSIVE", "PASSIVE", "PASSIVE"], True),
    ],
    ids=["short", "short, written on", "long", "very long", "a burst that is caught up with", "a burst that is not"],
)
async def test_a_long_log_begins_anew_once_little_is_left(
    passes: list[tuple[int, int]], asked: list[str], left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "RESTART_PAGES", 100)
    monkeypatch.setattr(checkpoints, "LEFT_PAGES", 10)
    monkeypatch.setattr(checkpoints, "TRUNCATE_PAGES", 400)
    log: Any = Log(*passes)
    moving = Checkpoints(asyncio.get_running_loop(), lambda: log, lambda _: None)
    assert moving._move(log) is left
    assert log.asked == asked
