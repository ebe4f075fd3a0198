"""The first five minutes of the README, run as they are written, against the demo."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

README = Path(__file__).parents[2] / "README.md"
NEEDED = ("bash", "curl", "openssl")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
WITHIN_S = 30.0
WRITTEN_URL = "http://127.0.0.1:8080"

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        bool(MISSING) and "PATCHBAY_REQUIRE_SERVICES" not in os.environ, reason=f"not here: {', '.join(MISSING)}"
    ),
]


def blocks(language: str, section: str = "The first five minutes") -> list[str]:
    """The commands of a section, in order."""
    section = README.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@dataclass
class Newcomer:
    """Somebody in a second terminal, in the folder of the demo."""

    url: str
    folder: Path

    async def starts(self, script: str, output: Path) -> asyncio.subprocess.Process:
        here = script.replace(WRITTEN_URL, self.url).replace(".venv/bin/python", sys.executable)
        with output.open("wb") as file:
            return await asyncio.create_subprocess_exec(
                *("bash", "-euo", "pipefail", "-c", here),
                cwd=self.folder,
                env={**os.environ, "PATCHBAY_HTTP__PORT": self.url.rpartition(":")[2]},  # as the demo was told
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    async def runs(self, script: str) -> str:
        output = self.folder / "said.txt"
        process = await self.starts(script, output)
        async with asyncio.timeout(WITHIN_S):
            code = await process.wait()
        said = output.read_text(encoding="utf-8")
        assert code == 0, said
        return said


@pytest.fixture
async def newcomer(tmp_path: Path) -> AsyncIterator[Newcomer]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "patchbay", "demo", "--port", "0"),
        cwd=tmp_path,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
    )
    assert demo.stdout is not None
    line = b""
    async with asyncio.timeout(WITHIN_S):
        while not line.startswith(b"Patchbay is ready on "):
            line = await demo.stdout.readline()
            assert line, "the demo ended before it was ready"
    yield Newcomer(line.split()[-1].decode(), tmp_path)
    demo.terminate()
    assert await demo.wait() == 0


def has_said(output: Path, words: Sequence[str]) -> bool:
    said = output.read_text(encoding="utf-8", errors="replace")
    return all(word in said for word in words)


async def until(output: Path, *words: str) -> None:
    """Return once a stream has said all of this."""
    async with asyncio.timeout(WITHIN_S):
        while not has_said(output, words):
            await asyncio.sleep(0.05)


async def until_read(newcomer: Newcomer) -> None:
    message = json.loads((newcomer.folder / "var/sent.json").read_text(encoding="utf-8"))["message"]["id"]
    token = (newcomer.folder / "var/admin-token").read_text(encoding="utf-8").strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(newcomer.url, headers=headers) as http, asyncio.timeout(WITHIN_S):
        position = 0
        while True:
            query = {"after": str(position), "types": "message.read", "wait": "10"}
            async with http.get("/api/v1/events", params=query) as response:
                page = await response.json()
            if any(event["data"]["id"] == message for event in page["data"]):
                return
            position = page["page"]["next"]


async def test_the_first_five_minutes_are_as_they_are_written(newcomer: Newcomer) -> None:
    watching = blocks("bash")
    assert len(watching) == 2
    outputs = [newcomer.folder / f"stream-{number}.txt" for number in range(2)]
    streams = [await newcomer.starts(script, output) for script, output in zip(watching, outputs, strict=True)]
    try:
        await until(outputs[0], ": patchbay")
        await until(outputs[1], '"op":"welcome"')
        before, slept, after = "".join(blocks("sh")).partition("sleep 8\n")
        assert slept
        said = await newcomer.runs(before)
        assert "\n200\n" in said
        assert '"preview": "Hello from the command line"' in said
        assert '"state": "accepted"' in said
        await until_read(newcomer)
        receipts = await newcomer.runs(before.split("curl")[0] + after)
        assert [f'"state": "{state}"' in receipts for state in ("sent", "delivered", "read")] == [True] * 3
        timeline = receipts.partition("\n200\n")[2]
        assert '"channel": "whatsapp"' in timeline
        assert '"channel": "instagram"' in timeline
        for output in outputs:
            await until(output, '"type":"message.received"', '"type":"message.accepted"', '"type":"message.read"')
    finally:
        for stream in streams:
            os.killpg(stream.pid, signal.SIGKILL)
            await stream.wait()


async def test_bringing_people_in_is_as_it_is_written(newcomer: Newcomer) -> None:
    said = await newcomer.runs("".join(blocks("sh", "Bring people in")))
    assert "Created Mara Voss <mara@example.org>" in said
    after_the_admin, *rest = re.findall(r"^\d{3}$", said, re.MULTILINE)
    assert after_the_admin == "401"
    assert rest == ["201", "200", "403", "200", "403"]  # registered, handed over, not his, the key's, not the key's
    bens = said.partition('{"data":[],"page":{"next":null,"has_more":false}}\n200\n')[2].partition("403")[0]
    assert bens.count('"number":') == 1
    assert '"delivery": "by_hand"' in said
    assert "Ben Achterberg create_channel forbidden" in said
    assert '"valid": true' in said


async def introduced(folder: Path) -> str:
    """What the demo says until it is ready."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    command = (sys.executable, "-m", "patchbay", "demo", "--port", "0")
    demo = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE)
    assert demo.stdout is not None
    said = b""
    async with asyncio.timeout(WITHIN_S):
        while b"Patchbay is ready on " not in said:
            said += await demo.stdout.readline()
    demo.terminate()
    assert await demo.wait() == 0
    return said.decode()


async def test_a_demo_with_an_administrator_does_not_offer_a_token_that_means_nothing(tmp_path: Path) -> None:
    assert "$(cat var/admin-token)" in await introduced(tmp_path)
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "patchbay", "users", "create", "--admin", "--email", "mara@example.org"),
        *("--name", "Mara Voss", "--password-stdin"),
        cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE,
    )
    await made.communicate(b"nine quiet herons by the weir\n")
    assert made.returncode == 0
    again = await introduced(tmp_path)
    assert "admin-token" not in again
    assert "/api/v1/auth/login" in again
