"""A real gateway process that tests start, kill and ask; and what its store held when it was down."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

SECRET = "w3Ls9BqZt6HdVx1KmRf8"
TOKEN = "k7Qv2mXw9RbTz4LfHs8NcJd3PgYuE6Ao"
PHONE_NUMBER_ID = "401000000000001"
BUSINESS_ID = "301000000000001"
READY = b"Patchbay is ready on "
START_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Reply:
    """What the gateway answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class GatewayProcess:
    """``python -m patchbay serve`` on a data folder; the folder outlives the process, as a disk does."""

    def __init__(self, folder: Path, *, graph_url: str = "http://127.0.0.1:9", **settings: str) -> None:
        self.folder = folder
        self.log_path = folder.parent / f"{folder.name}.log"
        self.url = ""
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._reader: asyncio.Task[None] | None = None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")},
            "PATCHBAY_HTTP__PORT": "0",
            "PATCHBAY_DATA_DIR": str(folder),
            "PATCHBAY_ADMIN_TOKEN": TOKEN,
            "PATCHBAY_PLUGINS": "whatsapp",
            "PATCHBAY_WHATSAPP__APP_SECRET": SECRET,
            "PATCHBAY_WHATSAPP__VERIFY_TOKEN": "fault-suite-verify-token",
            "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "simulated-access-token",
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": PHONE_NUMBER_ID,
            "PATCHBAY_WHATSAPP__BUSINESS_ID": BUSINESS_ID,
            "PATCHBAY_WHATSAPP__GRAPH_URL": graph_url,
            "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "1000000",
            **settings,
        }

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        return self._process.pid

    @property
    def session(self) -> aiohttp.ClientSession:
        """Requests with the administrator's token."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {TOKEN}"},
                connector=aiohttp.TCPConnector(limit=0, force_close=False),
                timeout=aiohttp.ClientTimeout(total=30),
            )
        return self._session

    async def start(self, *wrapper: str) -> None:
        """Start and wait for the ready line; ``wrapper`` is a command that runs it (strace)."""
        self.starts += 1
        with self.log_path.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *wrapper,
                sys.executable,
                "-m",
                "patchbay",
                "serve",
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._environment,
                cwd=self.folder.parent,
            )
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("no standard output")
        async with asyncio.timeout(START_TIMEOUT_S):
            async for line in stdout:
                if line.startswith(READY):
                    self.url = line[len(READY) :].decode().strip()
                    break
            else:
                raise RuntimeError(f"the gateway ended before it was ready:\n{self.tail()}")
        self._reader = asyncio.create_task(_drain(stdout))

    async def kill(self) -> None:
        """End it as a crash would: no handler runs, nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end; its exit status."""
        return await self._end(signal.SIGTERM)

    async def ended(self, within_s: float = 30.0) -> int:
        """Wait until it ends by itself; its exit status."""
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        await asyncio.wait_for(self._process.wait(), within_s)
        return await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        status = await asyncio.wait_for(process.wait(), 40)
        if self._reader is not None:
            await self._reader
        if self._session is not None:
            await self._session.close()
            self._session = None
        return status

    def tail(self, size: int = 4000) -> str:
        """The end of its log."""
        return self.log_path.read_text(errors="replace")[-size:] if self.log_path.exists() else ""

    # talking to it

    async def webhook(self, body: bytes, *, secret: str = SECRET) -> int:
        """Post a signed webhook; the status. Raises ``aiohttp.ClientError`` when nobody answered."""
        return (await self.deliver(body, secret=secret)).status

    async def deliver(self, body: bytes, *, secret: str = SECRET, channel: str = "whatsapp") -> Reply:
        """Post a signed webhook; the whole answer."""
        headers = {"X-Hub-Signature-256": signature(body, secret), "Content-Type": "application/json"}
        return await self.ask("POST", f"/webhooks/{channel}", data=body, headers=headers)

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """One request, with aiohttp's options. Raises ``aiohttp.ClientError`` when nobody answered."""
        async with self.session.request(method, f"{self.url}{path}", **options) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, path: str, **query: str) -> Any:
        async with self.session.get(f"{self.url}{path}", params=query) as response:
            answer = await response.json(content_type=None)
            if response.status != 200:
                raise AssertionError(f"GET {path}: {response.status} {answer}")
            return answer

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> tuple[int, Any]:
        async with self.session.post(f"{self.url}{path}", json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def every(self, path: str, **query: str) -> list[Any]:
        """All pages of a list."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit="200", **query, **({"cursor": cursor} if cursor else {}))
            found.extend(page["data"])
            cursor = page["page"]["next"]
            if cursor is None:
                return found

    async def log(self) -> list[Any]:
        """Every event that is kept, in the order that readers see."""
        found: list[Any] = []
        after = "0"
        while True:
            page = await self.get("/api/v1/events", limit="200", after=after)
            found.extend(page["data"])
            after = str(page["page"]["next"])
            if not page["page"]["has_more"]:
                return found

    async def applied(self, within_s: float = 60.0) -> None:
        """Return once nothing that was acknowledged waits to be applied."""
        async with asyncio.timeout(within_s):
            while (await self.get("/health"))["checks"]["ingest"]["details"]["pending"]:
                await asyncio.sleep(0.05)

    async def outcomes(self) -> Counter[str]:
        """What became of the items of all webhooks; ``unreadable`` counts webhooks that had none (R5)."""
        counted: Counter[str] = Counter()
        for raw in await self.every("/api/v1/ingest/events"):
            if raw["state"] == "pending":
                raise AssertionError(f"the webhook {raw['id']} is not settled")
            counted.update(item["outcome"] for item in raw["items"])
            counted["unreadable"] += raw["state"] == "quarantined" and not raw["items"]
        return +counted

    def memory(self) -> int:
        """Bytes that it holds in memory now (Linux)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))

    # looking at what it kept

    def kept(self) -> Kept:
        """What the store holds; while the gateway is down, or as of its last commit."""
        return Kept(self.folder / "patchbay.db")


class Kept:
    """A look into the embedded store's file, by SQL of our own: what the tests judge is not what the code says."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def documents(self, collection: str) -> list[dict[str, Any]]:
        rows = self._connection.execute(f"SELECT doc FROM c_{collection}")
        return [json.loads(row[0]) for row in rows]

    def external_ids(self) -> Counter[str]:
        """How many messages hold each external id."""
        counted: Counter[str] = Counter()
        for message in self.documents("messages"):
            counted.update(ref["external_id"] for ref in message.get("external_refs", ()))
        return counted

    def sound(self) -> bool:
        return bool(self._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")

    def events(self) -> Counter[str]:
        """How many events of each type the log holds. A row holds several, as JSON."""
        rows = self._connection.execute("SELECT body FROM events").fetchall()
        return Counter(event["type"] for (body,) in rows for event in json.loads(body))

    def close(self) -> None:
        self._connection.close()


async def _drain(stream: asyncio.StreamReader) -> None:
    async for _ in stream:
        pass


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[GatewayProcess]:
    """A gateway that runs while the block does."""
    gateway = GatewayProcess(folder, **settings)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def text_webhook(*messages: tuple[str, str, str], timestamp: int = 1_790_000_000) -> bytes:
    """One POST with these (wamid, phone, text) messages."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550009999", "phone_number_id": PHONE_NUMBER_ID},
        "contacts": [{"profile": {"name": f"Person {phone}"}, "wa_id": phone} for _, phone, _ in messages],
        "messages": [
            {"from": phone, "id": wamid, "timestamp": str(timestamp), "type": "text", "text": {"body": text}}
            for wamid, phone, text in messages
        ],
    }
    return envelope({"field": "messages", "value": value})


def envelope(*changes: Mapping[str, Any]) -> bytes:
    body = {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS_ID, "changes": list(changes)}]}
    return json.dumps(body, separators=(",", ":")).encode()


def seeded(name: str) -> random.Random:
    """The run's random numbers; set PATCHBAY_TEST_SEED to play a run again."""
    seed = os.environ.get("PATCHBAY_TEST_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"{name}: PATCHBAY_TEST_SEED={seed}")
    return random.Random(f"{name}:{seed}")
