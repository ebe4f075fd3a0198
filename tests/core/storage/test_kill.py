"""What was acknowledged survives ``kill -9``, whole, at any moment."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from patchbay.ports import Query
from patchbay.testing.store_samples import BOXES, SLIPS

from .support import child, inside, is_sound, on_writer, opened, until

CHILD = Path(__file__).with_name("writing_child.py")


@dataclass
class Said:
    """What the processes that were killed had acknowledged."""

    appended: dict[str, str] = field(default_factory=dict)
    committed: dict[str, list[int]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        match line.split():
            case ["appended", raw_id, body] if line.endswith("\n"):
                assert raw_id not in self.appended
                self.appended[raw_id] = body
            case ["committed", id, first, second] if line.endswith("\n"):
                self.committed[id] = [int(first), int(second)]
            case ["settled", raw_id] if line.endswith("\n"):
                self.settled.add(raw_id)


def run_and_kill(path: Path, run: str, lines: int, said: Said) -> None:
    process = child(CHILD, str(path), run)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("open"), process.stderr and process.stderr.read()
        for _ in range(lines):
            said.hear(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    for line in rest.splitlines(keepends=True):
        said.hear(line)


async def check(path: Path, said: Said) -> None:
    assert is_sound(path)
    async with opened(path) as store:
        for raw_id, body in said.appended.items():
            found = await store.raw(raw_id)
            assert found is not None
            assert found.body.split()[0].decode() == body
            if raw_id in said.settled:
                assert found.state == "applied"
        ids = list(said.committed)
        assert set(await store.get_many(BOXES, ids)) == set(ids)
        assert set(await store.get_many(SLIPS, ids)) == set(ids)
        assert await store.resolve("box", ids) == {id: id for id in ids}
        effects = await store.get_many(BOXES, [f"raw-{raw_id}" for raw_id in said.settled])
        assert len(effects) == len(said.settled)
        positions: list[int] = []
        while events := await store.read(len(positions), 1_000):
            positions += [event.position for event in events]
        assert positions == list(range(1, await store.head() + 1))
        given = [position for group in said.committed.values() for position in group]
        assert len(set(given)) == len(given)
        assert set(given) <= set(positions)
        assert await store.count(Query(SLIPS, text="a text")) == await store.count(Query(SLIPS)) >= len(ids)
        writer = inside(store).writer  # text is indexed when there is time for it
        await until(lambda: all(writer.marks.indexed[name] == writer.marks.rows[name] for name in ("boxes", "slips")))
        for table in ("boxes", "slips"):
            await on_writer(store, f"INSERT INTO t_{table}(t_{table}, rank) VALUES ('integrity-check', 1)")
        held = 0
        while claimed := await store.claim("check", 500, 10**9):
            held += len(claimed)
            assert not {given.id for given in claimed} & said.settled
        assert held == await store.pending()


async def kills(path: Path, seed: int, times: int) -> None:
    random = Random(seed)
    said = Said()
    for run in range(times):
        run_and_kill(path, f"r{run}", random.randrange(1, 300), said)
    assert said.appended
    assert said.committed
    await check(path, said)


async def test_what_was_acknowledged_survives_two_kills(tmp_path: Path) -> None:
    await kills(tmp_path / "patchbay.db", seed=1, times=2)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_what_was_acknowledged_survives_twenty_kills(tmp_path: Path) -> None:
    await kills(tmp_path / "patchbay.db", seed=20261122, times=20)
