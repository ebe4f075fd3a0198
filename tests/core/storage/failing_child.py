"""A process that appends one by one and says of each whether it was acknowledged.

usage: failing_child.py DATABASE COUNT [limit]   with ``limit`` the file may not grow for a while in the middle
"""

import asyncio
import resource
import sys
from pathlib import Path

from patchbay.errors import StoreUnavailable
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing.store_samples import SAMPLES, raw


def allow(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


async def main() -> None:
    path, number = Path(sys.argv[1]), int(sys.argv[2])
    store = SqliteStore(path)
    await store.open(SAMPLES)
    print("open", flush=True)
    for turn in range(number):
        if sys.argv[3:] == ["limit"]:
            if turn == number // 3:
                allow(path.with_name(path.name + "-wal").stat().st_size)
            elif turn == 2 * number // 3:
                allow(resource.RLIM_INFINITY)
        try:
            print("ok", await store.append(raw(f"{turn:04}".encode() * 500)), flush=True)
        except StoreUnavailable as error:
            print("unavailable", error.__cause__, flush=True)
    await store.close()
    print("closed", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
