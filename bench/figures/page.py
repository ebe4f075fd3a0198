"""A page of the inbox with a long history stored, asked over HTTP as a front end asks."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import quote

from bench import machine
from bench.dataset import Size, copied, ready
from bench.gateway import ADMIN_TOKEN, Gateway
from bench.session import Session
from bench.table import Row, percentile

NAME = "page"
P50_MS = 8.0
FULL, QUICK = Size(100_000), Size(10_000)
PATHS = {
    "newest first": "/api/v1/conversations?limit=50",
    "open ones": "/api/v1/conversations?limit=50&status=open",
    "with a tag": "/api/v1/conversations?limit=50&tag=vip",
    "waiting": "/api/v1/conversations?limit=50&waiting=true",
}


def measure(session: Session) -> list[Row]:
    size = QUICK if session.quick else FULL
    history = ready(session.folder, size, session.say)
    with (
        copied(session.folder, history) as data,
        session.gateway(data=data) as server,
        machine.Quiet(server.pid) as quiet,
    ):
        asked = Asked(server)
        asks = int(session.length(10, 3) * 50)
        times = {name: asked.pages(path, asks if name == "newest first" else asks // 5) for name, path in PATHS.items()}
        times["100 pages on"] = asked.following(PATHS["newest first"], 100)
        times["one customer's timeline"] = asked.timelines(asks // 5)
    p50 = percentile(times["newest first"], 0.5)
    others = ", ".join(
        f"{name} {percentile(found, 0.5):.1f} ms (p99 {percentile(found, 0.99):.1f})" for name, found in times.items()
    )
    return [
        Row(
            f"Page of 50 conversations, {size.messages:,} messages and {size.customers:,} conversations stored, p50",
            f"{p50:.2f} ms",
            "",
            p50,
            P50_MS,
            "lower",
            "ms",
            notes=(f"p50 of {others}; foreign CPU {quiet.foreign:.2f} cores",),
        )
    ]


class Asked:
    """One keep-alive connection; milliseconds from the request to the whole answer, ascending."""

    def __init__(self, server: Gateway) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask(self, path: str) -> tuple[float, dict[str, Any]]:
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        response = self._connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {body[:300]!r}")
        return took, json.loads(body)

    def pages(self, path: str, times: int) -> list[float]:
        for _ in range(5):
            self.ask(path)
        return sorted(self.ask(path)[0] for _ in range(times))

    def following(self, path: str, pages: int) -> list[float]:
        """Each page by the cursor of the one before, and all of them different."""
        found: list[float] = []
        seen: set[str] = set()
        cursor = None
        for _ in range(pages):
            took, answer = self.ask(path if cursor is None else f"{path}&cursor={quote(cursor)}")
            found.append(took)
            ids = {one["id"] for one in answer["data"]}
            if ids & seen:
                raise RuntimeError("a conversation came on two pages")
            seen |= ids
            cursor = answer["page"]["next"]
        return sorted(found)

    def timelines(self, times: int) -> list[float]:
        _, answer = self.ask(PATHS["newest first"])
        ids = [one["id"] for one in answer["data"]]
        return sorted(
            self.ask(f"/api/v1/conversations/{ids[turn % len(ids)]}/messages?limit=50")[0] for turn in range(times)
        )
