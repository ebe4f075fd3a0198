"""The server under test: the one that is shipped, started as users start it, asked over its own API."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import payloads
from bench.processes import READY, Failed, Server

ADMIN_TOKEN = secrets.token_urlsafe(32)  # of this run; the server refuses what looks like an example
WEBHOOKS = "/webhooks/whatsapp"


class Gateway(Server):
    """``python -m patchbay serve`` on a data folder of its own."""

    def __init__(self, data: Path, *, core: int | None, env: Mapping[str, str] | None = None) -> None:
        self.data = data
        super().__init__(
            [sys.executable, "-m", "patchbay", "serve"],
            core=core,
            folder=data,
            env={
                "PATCHBAY_HTTP__PORT": "0",
                "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "1000000",
                "PATCHBAY_DATA_DIR": str(data),
                "PATCHBAY_PLUGINS": "whatsapp",
                "PATCHBAY_WHATSAPP__APP_SECRET": payloads.APP_SECRET,
                "PATCHBAY_WHATSAPP__VERIFY_TOKEN": payloads.VERIFY_TOKEN,
                "PATCHBAY_WHATSAPP__ACCESS_TOKEN": payloads.ACCESS_TOKEN,
                "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": payloads.PHONE_NUMBER_ID,
                "PATCHBAY_WHATSAPP__BUSINESS_ID": payloads.BUSINESS_ID,
                "PATCHBAY_ADMIN_TOKEN": ADMIN_TOKEN,
                "PATCHBAY_SOCKET__PER_PRINCIPAL": "20000",
                **(env or {}),
            },
        )
        try:
            said = self.wait_for(lambda: re.search(READY + r"http://\S+:(\d+)", self.said()), 60, "patchbay serve")
            self.port = int(said.group(1))
            self.ready_s = time.perf_counter() - self.started
        except BaseException:
            self.stop()
            raise

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def metrics(self) -> dict[str, float]:
        """Every series by its name and labels."""
        status, body = self.get("/metrics")
        if status != 200:
            raise Failed(f"/metrics answered {status}: {body[:300]!r}")
        found = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def backlog(self) -> int:
        return int(self.metrics()["patchbay_ingest_backlog"])

    def drained(self, seconds: float = 120.0) -> float:
        """Wait until everything acknowledged is applied; how many seconds that took."""
        began = time.perf_counter()
        while self.backlog():
            if time.perf_counter() - began > seconds:
                raise Failed(f"{self.backlog()} webhooks still wait after {seconds:.0f} s")
            time.sleep(0.1)
        return time.perf_counter() - began


def page(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found


def stored(data: Path, *, behind: int = 0) -> dict[str, int]:
    """What the file holds, read beside the server: messages, webhooks, and external ids that stand there twice, of
    messages ``behind`` so many that were there before."""
    connection = sqlite3.connect(f"file:{data / 'patchbay.db'}?mode=ro", uri=True, timeout=30)
    try:
        count = {
            name: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for name, table in (("messages", '"c_messages"'), ("webhooks", "journal"), ("applied", "journal_outcome"))
        }
        (twice,) = connection.execute(
            "SELECT count(*) - count(DISTINCT json_extract(doc, '$.external_refs[0].external_id')) FROM \"c_messages\""
            " WHERE n > ? AND json_extract(doc, '$.direction') = 'inbound'",
            (behind,),
        ).fetchone()
        return {**count, "twice": int(twice)}
    finally:
        connection.close()


def log_head(data: Path) -> int:
    """The position of the newest event in the file."""
    connection = sqlite3.connect(f"file:{data / 'patchbay.db'}?mode=ro", uri=True, timeout=30)
    try:
        row = connection.execute("SELECT position + count - 1 FROM events ORDER BY position DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0
    finally:
        connection.close()
