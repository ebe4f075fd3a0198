"""R2: a webhook is acknowledged only after a successful flush to the disk, seen from the system calls."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.process import running, seeded, text_webhook

REQUESTS = 50
STRACE = shutil.which("strace")
CALLS = "trace=fsync,fdatasync,write,writev,sendto,sendmsg,read,recvfrom,recvmsg"
WAL_FLUSHED = re.compile(r"f(?:data)?sync\(\d+<[^>]*patchbay\.db-wal>\)\s+= 0")
LINE = re.compile(r"(\d+) +[\d.]+ (.*)")  # thread, moment, system call
STARTED = re.compile(r"((\w+)\(.*) <unfinished \.\.\.>")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")

pytestmark = pytest.mark.skipif(STRACE is None, reason="strace is not installed")


@asynccontextmanager
async def traced(pid: int, output: Path, *options: str) -> AsyncIterator[None]:
    """Trace every thread of a process while the block runs."""
    tracer = await asyncio.create_subprocess_exec(
        str(STRACE), "-f", "-y", "-ttt", "-s", "64", "-o", str(output), *options, "-p", str(pid),
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if tracer.stderr is None:
        raise RuntimeError("no standard error")
    async with asyncio.timeout(20):
        told = await tracer.stderr.readline()
    if b"attached" not in told:
        await tracer.wait()
        pytest.skip(f"strace may not trace here: {told.decode().strip()}")
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        await tracer.wait()


def finished_calls(text: str) -> list[str]:
    """The system calls in the order they ended, those that strace tore in two made whole."""
    begun: dict[tuple[str, str], str] = {}
    calls: list[str] = []
    for thread, call in LINE.findall(text):
        if torn := STARTED.fullmatch(call):
            begun[thread, torn[2]] = torn[1]
        elif rest := RESUMED.fullmatch(call):
            calls.append(begun.pop((thread, rest[1]), f"{rest[1]}(") + rest[2])
        else:
            calls.append(call)
    return calls


def test_torn_system_calls_are_made_whole() -> None:
    text = (
        '7 1.5 recvfrom(9<socket:[1]>, "POST /webh", 64) = 10\n'
        "8 1.6 fdatasync(5</d/patchbay.db-wal> <unfinished ...>\n"
        '7 1.7 write(3<pipe:[2]>, "x", 1) = 1\n'
        "8 1.8 <... fdatasync resumed>)    = 0\n"
    )
    assert finished_calls(text) == [
        'recvfrom(9<socket:[1]>, "POST /webh", 64) = 10',
        'write(3<pipe:[2]>, "x", 1) = 1',
        "fdatasync(5</d/patchbay.db-wal>)    = 0",
    ]


async def test_r2_every_acknowledgement_follows_a_flush(tmp_path: Path) -> None:
    seeded("R2")
    trace = tmp_path / "trace"
    async with running(tmp_path / "data") as gateway:
        assert await gateway.webhook(text_webhook(("wamid.warm", "15550000001", "hello"))) == 200
        async with traced(gateway.pid, trace, "-e", CALLS):
            for n in range(REQUESTS):
                assert await gateway.webhook(text_webhook((f"wamid.{n}", "15550000001", "hello"))) == 200
    asked = answered = flushed = 0
    too_early = []
    for call in finished_calls(trace.read_text(errors="replace")):
        if '"POST /webhooks/whatsapp' in call:
            asked, flushed = asked + 1, 0
        elif WAL_FLUSHED.search(call):
            flushed += 1
        elif '"HTTP/1.1 200' in call:
            answered += 1
            if not flushed or answered != asked:
                too_early.append(call)
    print(f"R2: requests {asked}, answered 200 {answered}, without a flush {len(too_early)}")
    assert (asked, answered, too_early) == (REQUESTS, REQUESTS, [])


async def test_r2_a_failing_flush_is_answered_503(tmp_path: Path) -> None:
    dice = seeded("R2")
    accepted: set[str] = set()
    async with running(tmp_path / "data") as gateway:
        for n in range(5):
            assert await gateway.webhook(text_webhook((f"wamid.{n}", "15550000001", "hello"))) == 200
            accepted.add(f"wamid.{n}")
        statuses: list[int] = []
        fails_from = dice.randrange(1, 6)
        broken = f"inject=fsync,fdatasync:error=EIO:when={fails_from}+"
        async with traced(gateway.pid, tmp_path / "trace", "-e", "trace=fsync,fdatasync", "-e", broken):
            for n in range(100, 130):
                answer = await gateway.deliver(text_webhook((f"wamid.{n}", "15550000001", "hello")))
                statuses.append(answer.status)
                if answer.status == 200:
                    accepted.add(f"wamid.{n}")
                else:
                    assert answer.headers["Retry-After"].isdigit()
                    assert answer.body == b""
        first_refused = statuses.index(503)
        async with asyncio.timeout(5):
            while await gateway.webhook(text_webhook(("wamid.after", "15550000001", "hello"))) != 200:
                await asyncio.sleep(0.1)
        accepted.add("wamid.after")
        await gateway.applied()
        await gateway.kill()
        kept = gateway.kept()
        lost = accepted - set(kept.external_ids())
        doubled = [wamid for wamid, count in kept.external_ids().items() if count > 1]
        sound = kept.sound()
        kept.close()
    print(
        f"R2: flushes fail from call {fails_from} on, answers {statuses.count(200)} x 200 and "
        f"{statuses.count(503)} x 503, lost {len(lost)}, doubled {len(doubled)}"
    )
    assert first_refused <= fails_from
    assert set(statuses[first_refused:]) == {503}
    assert (lost, doubled, sound) == (set(), [], True)
