"""What it costs to know who asks and which rows are theirs: a page of the inbox, with people and without."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from bench import machine
from bench.dataset import Size, copied, department_id, ready
from bench.gateway import ADMIN_TOKEN, Gateway
from bench.people import CHEAP, Agent, settle, signed_in
from bench.processes import Failed
from bench.session import Session
from bench.table import Row, Sample, median_of, percentile, ratio

NAME = "rights"
MORE = 1.15  # of what it costs the administrator's token, for the same rows
DEPARTMENTS = 20
FULL, QUICK = Size(20_000, 2, DEPARTMENTS), Size(4_000, 2, DEPARTMENTS)
PAGE = "/api/v1/conversations?limit=50"
OURS = f"{PAGE}&department={department_id(0)}"  # what an agent of this department sees without asking for it
PLUGINS = {"none": "whatsapp", "rbac": "whatsapp,rbac", "audit": "whatsapp,rbac,audit"}
WARM, TURN = 20, 25


@dataclass(frozen=True)
class Variant:
    """Who asks which server for what; ``like`` is the variant that gets the same rows for the administrator."""

    name: str
    server: str
    path: str = PAGE
    who: str = "administrator"
    by: str = "token"
    like: str = ""


ALL, LOCAL = "administrator", "administrator, one department"
VARIANTS = (
    Variant(ALL, "none"),
    Variant("access token", "rbac", who="everywhere", like=ALL),
    Variant("API key", "rbac", who="everywhere", by="key", like=ALL),
    Variant("session cookie", "rbac", who="everywhere", by="cookie", like=ALL),
    Variant("access token, audit", "audit", who="everywhere", like=ALL),
    Variant(LOCAL, "none", OURS),
    Variant("agent's access token", "rbac", who="local", like=LOCAL),
    Variant("agent's API key", "rbac", who="local", by="key", like=LOCAL),
    Variant("agent's session cookie", "rbac", who="local", by="cookie", like=LOCAL),
)


def measure(session: Session) -> list[Row]:
    size = QUICK if session.quick else FULL
    history = ready(session.folder, size, session.say)
    seconds = session.length(2, 0.7)
    with ExitStack() as stack:
        data = stack.enter_context(copied(session.folder, history))
        people = settle(data, departments=DEPARTMENTS)
        agents = {"everywhere": people.everywhere, "local": people.local}
        servers = {}
        for name, plugins in PLUGINS.items():
            own = stack.enter_context(copied(session.folder, data, f"copy-{name}"))
            env = {"PATCHBAY_PLUGINS": plugins, **(CHEAP if name != "none" else {})}
            servers[name] = stack.enter_context(session.gateway(env, own))
        found: dict[str, list[Sample]] = {variant.name: [] for variant in VARIANTS}
        for turn in range(session.rounds(5)):
            asking = {one.name: Asking(servers[one.server], one, agents.get(one.who)) for one in VARIANTS}
            _agree(asking)
            for name, sample in _round(asking, seconds).items():
                found[name].append(sample)
            session.say(f"    round {turn + 1}: {_told(found, -1)}")
    rows = f"{size.customers:,} conversations"
    return [
        *_rows(found, "access token", ALL, f"Page of 50 of {rows}, access token"),
        *_rows(found, "agent's access token", LOCAL, f"Page of 50 of an agent's {size.customers // DEPARTMENTS:,}"),
    ]


def _round(asking: Mapping[str, Asking], seconds: float) -> dict[str, Sample]:
    """All of them in turns of ``TURN`` pages, forth and back, so that what slows the machine down slows all."""
    order = list(asking.values())
    with machine.Quiet(*{one.pid for one in order}) as quiet:
        while any(one.took_s < seconds for one in order):
            for one in order:
                one.ask(TURN)
            order.reverse()
    return {name: one.sample(quiet.foreign) for name, one in asking.items()}


def _rows(found: Mapping[str, list[Sample]], name: str, like: str, what: str) -> list[Row]:
    """CPU and median latency against the administrator's; the other ways in are in the notes."""
    mine, theirs = found[name], found[like]
    others = [one.name for one in VARIANTS if one.like == like]
    notes = tuple(
        f"{each}: {median_of(found[each], 'us'):.0f} us of CPU, {ratio(found[each], theirs, 'us'):.2f} of {like};"
        f" p50 {median_of(found[each], 'p50_ms'):.2f} ms ({ratio(found[each], theirs, 'p50_ms'):.2f}), p99"
        f" {median_of(found[each], 'p99_ms'):.2f} ms ({ratio(found[each], theirs, 'p99_ms'):.2f})"
        for each in others
    )
    cpu = Row(
        f"{what}, CPU against the administrator without people",
        f"{median_of(mine, 'us'):.0f} us",
        f"{median_of(theirs, 'us'):.0f} us",
        ratio(mine, theirs, "us"),
        MORE,
        "lower",
        notes=(*notes, f"foreign CPU {median_of(mine, 'foreign'):.2f} cores"),
    )
    p50 = Row(
        f"{what}, p50 against the same",
        f"{median_of(mine, 'p50_ms'):.2f} ms",
        f"{median_of(theirs, 'p50_ms'):.2f} ms",
        ratio(mine, theirs, "p50_ms"),
        MORE,
        "lower",
    )
    return [cpu, p50]


def _told(found: Mapping[str, list[Sample]], turn: int) -> str:
    return ", ".join(f"{name} {samples[turn].us:.0f} us" for name, samples in found.items())


def _agree(asking: Mapping[str, Asking]) -> None:
    """Raises ``Failed`` unless those that are compared are shown the same rows."""
    for variant in VARIANTS:
        if variant.like and asking[variant.name].ids != asking[variant.like].ids:
            raise Failed(f"{variant.name} does not see the rows of {variant.like}")


class Asking:
    """One keep-alive connection of one variant, warm, and what its pages took."""

    def __init__(self, server: Gateway, variant: Variant, agent: Agent | None) -> None:
        self.pid, self._path = server.pid, variant.path
        self._headers = headers(server, variant, agent)
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.took_s, self._cpu_s = 0.0, 0.0
        self._times_ms: list[float] = []
        for _ in range(WARM):
            self._page()
        self.ids = [one["id"] for one in json.loads(self._page())["data"]]

    def ask(self, pages: int) -> None:
        cpu, began = machine.run_s(self.pid), time.perf_counter()
        for _ in range(pages):
            at = time.perf_counter()
            self._page()
            self._times_ms.append((time.perf_counter() - at) * 1000)
        self.took_s += time.perf_counter() - began
        self._cpu_s += machine.run_s(self.pid) - cpu

    def sample(self, foreign: float) -> Sample:
        """The work is how many pages there were."""
        times = sorted(self._times_ms)
        spread = {"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99)}
        return Sample(len(times), self._cpu_s, self.took_s, foreign, spread)

    def _page(self) -> bytes:
        self._connection.request("GET", self._path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Failed(f"{self._path} answered {response.status}: {body[:300]!r}")
        return body


def headers(server: Gateway, variant: Variant, agent: Agent | None) -> dict[str, str]:
    """What proves who asks; whoever has a token or a cookie signs in for it."""
    if agent is None:
        return {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    if variant.by == "key":
        return {"X-API-Key": agent.api_key}
    token, cookie = signed_in(server, agent.login)
    return {"Cookie": cookie} if variant.by == "cookie" else {"Authorization": f"Bearer {token}"}
