"""A process that writes without end and says, line by line, what was acknowledged. Run by the tests that kill it.

usage: writing_child.py DATABASE RUN
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from patchbay.ports import Batch, Key
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing.store_samples import BOXES, SAMPLES, box, event, inserts, raw, settled, slip, update

MUCH = 10**9


def say(*words: object) -> None:
    print(*words, flush=True)


async def append(store: SqliteStore, run: str, lane: int) -> None:
    for number in count():
        body = f"{run}/{lane}/{number}"
        raw_id = await store.append(raw(body.encode() + b" " * 800))
        say("appended", raw_id, body)


async def commit(store: SqliteStore, run: str, lane: int) -> None:
    counter = box(f"counter-{run}-{lane}")
    await store.commit(Batch(puts=inserts(counter)))
    for number in count(1):
        id = f"{run}-{lane}-{number}"
        put = update(counter, rank=number)
        positions = await store.commit(
            Batch(
                puts=[*inserts(box(id, name=f"word{number}"), slip(id, id, "a text")), put],
                keys=[Key("box", id, id)],
                events=[event(number), event(number)],
            )
        )
        counter = put.document
        say("committed", id, *positions)


async def settle(store: SqliteStore) -> None:
    while True:
        claimed = await store.claim("child", 16, MUCH)
        if not claimed:
            await asyncio.sleep(0)
            continue
        await store.commit(
            Batch(
                puts=inserts(*[box(f"raw-{given.id}") for given in claimed]),
                settlements=[settled(given, "applied", "applied") for given in claimed],
            )
        )
        for given in claimed:
            say("settled", given.id)


async def main() -> None:
    store = SqliteStore(Path(sys.argv[1]))
    await store.open(SAMPLES)
    say("open", BOXES.name)
    run = sys.argv[2]
    await asyncio.gather(
        *[append(store, run, lane) for lane in range(8)],
        *[commit(store, run, lane) for lane in range(4)],
        settle(store),
    )


if __name__ == "__main__":
    asyncio.run(main())
