"""Media on disk: what a kill leaves behind, and what a file system may do."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from patchbay.errors import ConfigError, StoreUnavailable
from patchbay.media.disk import DiskMediaStore
from patchbay.testing.media_contract import MANY, content, pieces

WRITER = """
import asyncio, sys
from patchbay.media.disk import DiskMediaStore

async def endless(number):
    yield b"%d" % number * 1000
    if number == 3:
        print("writing", flush=True)
        await asyncio.sleep(60)

async def main():
    store = DiskMediaStore(sys.argv[1])
    await store.open()
    for number in range(4):
        blob = await store.write(endless(number), max_bytes=10**9)
        print(blob.sha256, flush=True)

asyncio.run(main())
"""


def writer(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)


async def test_a_kill_leaves_whole_files_only(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    process = writer(folder)
    assert process.stdout is not None
    digests: list[str] = []
    while (line := process.stdout.readline().strip()) != "writing":
        digests.append(line)
    assert len(list((folder / "incoming").iterdir())) == 1

    beside = DiskMediaStore(folder)
    await beside.open()
    assert len(list((folder / "incoming").iterdir())) == 1, "a live writer's file was taken away"

    process.send_signal(signal.SIGKILL)
    process.communicate()
    after = DiskMediaStore(folder)
    await after.open()
    assert list((folder / "incoming").iterdir()) == []
    for number, digest in enumerate(digests):
        assert await content(after, digest) == b"%d" % number * 1000
    assert len(digests) == 3


async def test_files_lie_by_the_start_of_their_digest_and_are_private(tmp_path: Path) -> None:
    store = DiskMediaStore(tmp_path / "media")
    await store.open()
    blob = await store.write(pieces(b"secret"), max_bytes=MANY)
    path = tmp_path / "media" / blob.sha256[:2] / blob.sha256
    assert path.read_bytes() == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700


async def test_nothing_is_left_when_a_write_fails(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    store = DiskMediaStore(folder)
    await store.open()

    async def removes_the_folder() -> AsyncIterator[bytes]:
        yield b"x"
        (folder / sha256(b"x").hexdigest()[:2]).write_text("a file where the folder should be")

    with pytest.raises(StoreUnavailable):
        await store.write(removes_the_folder(), max_bytes=MANY)
    assert list((folder / "incoming").iterdir()) == []


async def test_a_folder_that_cannot_be_used_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file")
    with pytest.raises(ConfigError, match="media folder"):
        await DiskMediaStore(tmp_path / "media").open()
