"""R15: a client that stops reading costs the others nothing, is let go, and may go on where it stopped."""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.faults.process import GatewayProcess, running, seeded, text_webhook
from tests.faults.watching import Watcher

READERS = 19
STALLED_AFTER_S = 4.0
TRIES = 3  # what a busy machine adds, it does not add each time; what a stalled reader adds, it does
LIMIT_S = 0.050
NOT_WORSE_THAN = 1.2  # times what they had while everybody read, where the machine is busy with something else
PHASE_S = 5.0
MEMORY = 6 * 2**20  # the stalled one's share is 1 MiB; its flood is 8 MiB
LINE = "15559999999"
TEXT = "x" * 4000
FLOOD = 50  # webhooks, of about 160 KiB in events each


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the queues of sockets from /proc")
async def test_r15_one_client_that_stops_reading_is_let_go_and_hurts_nobody(tmp_path: Path) -> None:
    seeded("R15")
    settings = {"PATCHBAY_SOCKET__PER_PRINCIPAL": "100", "PATCHBAY_SOCKET__STALLED_AFTER_S": f"{STALLED_AFTER_S:g}"}
    async with running(tmp_path / "data", **settings) as gateway, narrow() as session:
        assert await gateway.webhook(text_webhook(("wamid.line", LINE, "hello"))) == 200
        await gateway.applied()
        (conversation,) = await gateway.every("/api/v1/conversations")
        readers = [Watcher(gateway, topics=[f"conversation:{conversation['id']}"]) for _ in range(READERS)]
        for reader in readers:
            await reader.connect()
        listening = [asyncio.create_task(reader.listen()) for reader in readers]
        traffic = Traffic(gateway)
        slow = Watcher(gateway, session=session)
        await slow.connect()
        reading = asyncio.create_task(slow.listen())
        async with traffic.flowing():
            for _ in range(2):  # what the store and the log remember is full from here on
                await traffic.flood()
            traffic.forget()
            await asyncio.sleep(PHASE_S)
            before = traffic.p99(readers)
            await slow.close()
            await reading
            code, took, tries = 0, 0.0, 0
            during, limit, late, stalled, grown = 1.0, 0.0, 0.0, 0, 0
            while (code != 4008 or during > limit) and tries < TRIES:
                tries += 1
                memory = gateway.memory()
                await slow.connect()
                filling = asyncio.create_task(traffic.flood())
                stalled, since = await stalls(gateway, slow)
                await filling
                traffic.forget()
                # The hub looks once a second, closes within a second after its patience, and cuts the line 2 s later.
                await asyncio.sleep(since + STALLED_AFTER_S + 0.5 - time.monotonic())
                during, late = traffic.p99(readers), traffic.lateness()
                limit = max(LIMIT_S, NOT_WORSE_THAN * before) + late
                grown = gateway.memory() - memory
                code = await goodbye(slow)
                took = time.monotonic() - since
        await gateway.applied()
        head = (await gateway.log())[-1]["position"]
        await slow.connect()  # it may go on where it stopped
        reading = asyncio.create_task(slow.listen())
        await slow.heard(head)
        heard = [frame["position"] for frame in slow.transcript]
        ended = [code for reader in readers for code in reader.codes]
        for watcher in (slow, *readers):
            await watcher.close()
        await asyncio.gather(reading, *listening)
    print(
        f"R15: readers {READERS}, p99 {before * 1000:.1f} ms while all read, {during * 1000:.1f} ms while one did not "
        f"({stalled / 2**20:.1f} MiB waited in the kernel, p99 of this process's own lateness {late * 1000:.1f} ms), "
        f"closed with {code} within {took:.1f} s, tries {tries}, "
        f"memory +{grown / 2**20:.1f} MiB, heard {len(heard)} of {head - slow.began}"
    )
    assert code == 4008
    assert took <= STALLED_AFTER_S + 4
    assert during <= limit
    assert grown <= MEMORY
    assert heard == list(range(slow.began + 1, head + 1))
    assert ended == []


class Traffic:
    """Large messages of many people, and small ones on the line that the readers follow."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._posted_at: dict[str, float] = {}
        self._numbers = itertools.count()
        self._late: list[float] = []
        self._count = 0
        self._since = 0

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        flows = [
            asyncio.create_task(flow()) for flow in (self._write_much, self._write_on_the_line, self._watch_the_loop)
        ]
        try:
            yield
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)

    def forget(self) -> None:
        """Measure what happens from now on."""
        self._since = self._count
        self._late.clear()

    def p99(self, readers: list[Watcher]) -> float:
        """Seconds from the webhook's first byte to the event at a reader."""
        took = [
            came_at - self._posted_at[wamid]
            for reader in readers
            for frame, came_at in zip(reader.transcript, reader.came_at, strict=True)
            if frame["type"] == "message.received"
            and (wamid := frame["data"]["external_ids"][0]) in self._posted_at
            and int(wamid.rpartition(".")[2]) > self._since
        ]
        return statistics.quantiles(took, n=100)[98]

    def lateness(self) -> float:
        """Seconds that this process was woken too late, in one of a hundred times: what the machine adds."""
        return statistics.quantiles(self._late, n=100)[98]

    async def _watch_the_loop(self) -> None:
        while True:
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            self._late.append(time.monotonic() - due)

    async def _write_on_the_line(self) -> None:
        while True:
            self._count += 1
            wamid = f"wamid.small.{self._count}"
            self._posted_at[wamid] = time.monotonic()
            assert await self._gateway.webhook(text_webhook((wamid, LINE, "small"))) == 200
            await asyncio.sleep(0.03)

    async def flood(self) -> None:
        """More than a line takes that nobody reads."""
        for _ in range(FLOOD):
            await self._write_large(20)

    async def _write_much(self) -> None:
        while True:
            await self._write_large(5)
            await asyncio.sleep(0.1)

    async def _write_large(self, count: int) -> None:
        batch = [(f"wamid.large.{next(self._numbers)}", f"1555{k:07d}", TEXT) for k in range(count)]
        assert await self._gateway.webhook(text_webhook(*batch)) == 200


@asynccontextmanager
async def narrow() -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose sockets take little before they are read."""

    def made(address: tuple[object, ...]) -> socket.socket:
        family, kind, protocol = address[:3]
        made = socket.socket(family, kind, protocol)  # type: ignore[arg-type]
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        return made

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=made)) as session:
        yield session


async def stalls(gateway: GatewayProcess, watcher: Watcher) -> tuple[int, float]:
    """Return once the server's end of the line takes no more: how many bytes wait there, and since when."""
    ports = (int(gateway.url.rpartition(":")[2]), watcher.port)
    size, since = 0, time.monotonic()
    async with asyncio.timeout(40):
        while not size or time.monotonic() - since < 1.0:
            now = waiting(*ports)
            if now != size:
                size, since = now, time.monotonic()
            await asyncio.sleep(0.05)
    return size, since


async def goodbye(watcher: Watcher) -> int:
    """Read again: the code that it was closed with, 0 when it was not."""
    try:
        async with asyncio.timeout(5):
            return await watcher.listen()
    except TimeoutError:
        await watcher.close()
        return 0


def waiting(local: int, remote: int) -> int:
    """Bytes that the kernel holds for a connection of this machine, by ``/proc/net/tcp``."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, queues, *_ = line.split()
        if (here.rpartition(":")[2], there.rpartition(":")[2]) == (f"{local:04X}", f"{remote:04X}"):
            return int(queues.split(":")[0], 16)
    return 0
