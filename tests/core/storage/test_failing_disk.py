"""A disk that is full or fails: nothing is acknowledged that is not on it, and work goes on when it can."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from patchbay.errors import StoreUnavailable
from patchbay.ports import Batch
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing.store_samples import BOXES, box, event, inserts, raw

from .support import child, is_sound, on_writer, opened

CHILD = Path(__file__).with_name("failing_child.py")


async def set_space(store: SqliteStore, more_pages: int) -> None:
    ((pages,),) = await on_writer(store, "PRAGMA page_count")
    await on_writer(store, f"PRAGMA max_page_count={pages + more_pages}")


async def fill(store: SqliteStore) -> list[str]:
    """Append until the store says that it cannot; the ids that were acknowledged."""
    ids: list[str] = []
    for _ in range(10_000):
        results = await asyncio.gather(*[store.append(raw(b"x" * 3_000)) for _ in range(8)], return_exceptions=True)
        ids += [result for result in results if isinstance(result, str)]
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            assert {type(error) for error in failed} == {StoreUnavailable}
            return ids
    raise AssertionError("the disk was never full")


async def test_a_full_disk_refuses_and_recovers_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    ids: list[str] = []
    async with opened(path) as store:
        await store.commit(Batch(puts=inserts(box("b1"))))
        for cycle in range(3):
            await set_space(store, 60)
            ids += await fill(store)
            with pytest.raises(StoreUnavailable):
                await store.commit(Batch(puts=inserts(box("big", name="x" * 400_000)), events=[event()]))
            assert await store.get(BOXES, "big") is None
            assert await store.get(BOXES, "b1") is not None
            assert await store.head() == cycle
            assert await store.pending() == len(ids)
            await on_writer(store, "PRAGMA max_page_count=4294967294")
            ids.append(await store.append(raw(b"after")))
            assert await store.commit(Batch(events=[event()])) == [cycle + 1]
    assert is_sound(path)
    async with opened(path) as store:
        assert await store.pending() == len(ids) == len(set(ids))
        assert await store.head() == 3


def answers(process: subprocess.Popen[str]) -> tuple[list[str], list[str]]:
    """Acknowledged ids, and reasons of refusals; in between the process must not have ended."""
    said, complaint = process.communicate(timeout=100)
    lines = said.splitlines()
    assert lines[-1:] == ["closed"], complaint
    ids = [line.removeprefix("ok ") for line in lines if line.startswith("ok ")]
    return ids, [line.removeprefix("unavailable ") for line in lines if line.startswith("unavailable ")]


async def check(path: Path, ids: list[str], refused: int, asked: int) -> None:
    assert len(ids) + refused == asked
    assert is_sound(path)
    async with opened(path) as store:
        for raw_id in ids:
            found = await store.raw(raw_id)
            assert found is not None
            assert len(found.body) == 2_000


async def test_a_file_that_may_not_grow_refuses_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    ids, refused = answers(child(CHILD, str(path), "60", "limit"))
    assert refused
    assert ids[-1] == max(ids, key=int)
    await check(path, ids, len(refused), 60)


def tracer() -> str:
    """strace, where it may be used at all."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    if subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow tracing")
    return strace


@pytest.mark.parametrize("failing", ["20..22", "25+2"], ids=["three-in-a-row", "every-other"])
async def test_a_failed_flush_is_never_acknowledged(tmp_path: Path, failing: str) -> None:
    path, log = tmp_path / "patchbay.db", tmp_path / "calls"
    injected = (f"inject=fdatasync:error=EIO:when={failing}", "-e", "trace=fdatasync,fsync,write")
    process = child(CHILD, str(path), "40", before=(tracer(), "-f", "-o", str(log), "-e", *injected))
    ids, refused = answers(process)
    assert refused
    assert all("I/O error" in reason for reason in refused)
    assert len(ids) >= 10
    await check(path, ids, len(refused), 40)
    acknowledged_after_failure = False
    flushed = False
    for line in log.read_text(errors="replace").splitlines():
        if "fdatasync(" in line or "fdatasync resumed" in line:
            flushed = line.endswith("= 0") or "= 0 " in line
        elif 'write(1, "ok ' in line:
            acknowledged_after_failure |= not flushed
            flushed = False
    assert not acknowledged_after_failure
