"""R7: a full disk is said aloud with 503, loses nothing, and is forgotten soon after there is room again."""

from __future__ import annotations

import asyncio
import errno
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.process import GatewayProcess, seeded, text_webhook

CYCLES = 3
RECOVERED_WITHIN_S = 5.0
DISK_BYTES = 24 * 2**20
POSTS_AT_MOST = 3_000  # a store that takes so many on a full disk does not write
CHUNK = bytes(64 * 1024)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own below the folder. Skips where it cannot be mounted."""
    folder.mkdir()
    options = ["-o", f"size={DISK_BYTES},mode=0700"]
    try:
        subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("ab", buffering=0) as file:
        for chunk in (CHUNK, CHUNK[:4096], CHUNK[:64]):
            try:
                while file.write(chunk) == len(chunk):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
async def test_r7_a_full_disk_is_answered_503_and_recovers_alone(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        ballast = disk / "ballast"
        gateway = GatewayProcess(disk / "data")
        await gateway.start()
        try:
            await cycles(gateway, "tmpfs", lambda: fill(ballast), ballast.unlink)
        finally:
            await gateway.kill()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes can be set on Linux only")
async def test_r7_a_file_that_may_not_grow_is_answered_503_and_recovers_alone(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path / "data")
    await gateway.start()

    def limit(size: int) -> None:
        _, most = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (size, most))

    try:
        await cycles(gateway, "RLIMIT_FSIZE", lambda: limit(4096), lambda: limit(resource.RLIM_INFINITY))
    finally:
        await gateway.kill()


async def cycles(gateway: GatewayProcess, how: str, fill: Callable[[], None], free: Callable[[], None]) -> None:
    """Fill and free the disk under a gateway, and judge what it answered and kept."""
    dice = seeded("R7")
    counter = iter(range(10**9))
    acknowledged: set[str] = set()
    refused = 0
    took: list[float] = []

    async def post() -> int:
        nonlocal refused
        wamid = f"wamid.{next(counter)}"
        answer = await gateway.deliver(text_webhook((wamid, f"1555{dice.randrange(50):07d}", "x" * 1000)))
        if answer.status == 200:
            acknowledged.add(wamid)
        else:
            refused += 1
            assert (answer.status, answer.body) == (503, b"")
            assert int(answer.headers["Retry-After"]) >= 1
        return answer.status

    for cycle in range(CYCLES):
        for _ in range(20):
            assert await post() == 200
        fill()
        for _ in range(POSTS_AT_MOST):
            if await post() == 503:
                break
            fill()  # what a checkpoint gave back
        else:
            raise AssertionError("the disk is full, and everything is acknowledged")
        fill()
        assert set(await asyncio.gather(*(post() for _ in range(20)))) <= {200, 503}
        contact = {"display_name": f"Person {cycle}"}
        told = (await gateway.ask("POST", "/api/v1/contacts", json=contact)).json()
        assert told.get("code", "stored") in ("store_unavailable", "stored")
        free()
        freed = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * RECOVERED_WITHIN_S):
                while await post() != 200:
                    await asyncio.sleep(0.05)
        took.append(time.monotonic() - freed)
    await gateway.applied()
    conserved = await gateway.outcomes()
    await gateway.kill()
    kept = gateway.kept()
    held = kept.external_ids()
    lost = acknowledged - set(held)
    doubled = [wamid for wamid, count in held.items() if count > 1]
    sound = kept.sound()
    kept.close()
    print(
        f"R7 {how}: cycles {CYCLES}, acknowledged {len(acknowledged)}, refused {refused}, lost {len(lost)}, "
        f"doubled {len(doubled)}, recovered within {', '.join(f'{s:.2f}' for s in took)} s, {dict(conserved)}"
    )
    assert refused >= CYCLES
    assert max(took) <= RECOVERED_WITHIN_S
    assert (lost, doubled, sound) == (set(), [], True)
    assert set(conserved) == {"applied"}
