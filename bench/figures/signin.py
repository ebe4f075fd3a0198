"""Whether sign-ins hold up other requests: pages of the inbox at a steady rate, without and with many signing in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from bench import machine
from bench.dataset import Size, copied, ready
from bench.gateway import Gateway
from bench.people import CROWD, LOGIN_PATH, PASSWORD, settle
from bench.processes import Load
from bench.session import Session
from bench.streams import asking, signing_in
from bench.table import Row, Sample, median_of, ratio
from patchbay_rbac.credentials.passwords import Cost

NAME = "signin"
SLOWER = 2.0  # times the p99 of other requests, E18
PAGES_PER_S = 100.0
RATES = (50.0, 200.0)  # sign-ins a second, of the default cost; the second is that of E18
PATH = "/api/v1/conversations?limit=50"
DEPARTMENTS = 20
SIZE = Size(4_000, 2, DEPARTMENTS)
MOST = 4_000  # people who sign in, each from an address of their own; then the first again


def measure(session: Session) -> list[Row]:
    history = ready(session.folder, SIZE, session.say)
    seconds = session.length(10, 4)
    quiet: list[Sample] = []
    busy: dict[float, list[Sample]] = {rate: [] for rate in RATES}
    env = {"PATCHBAY_PLUGINS": "whatsapp,rbac", "PATCHBAY_HTTP__TRUSTED_PROXIES": "127.0.0.1"}
    with copied(session.folder, history) as data:
        people = settle(data, departments=DEPARTMENTS, crowd=MOST, cost=Cost())
        with session.gateway(env, data) as server, session.load() as load:
            page = asking(PATH, {"X-API-Key": people.everywhere.api_key})
            crowd = Crowd(server, load, page)
            crowd.sample(0, min(seconds, 2))  # warm
            for turn in range(session.rounds(3)):
                quiet.append(session.quietly("pages alone", lambda: crowd.sample(0, seconds)))
                for rate in RATES:
                    ask = partial(crowd.sample, rate, seconds)
                    busy[rate].append(session.quietly(f"{rate:.0f} sign-ins/s", ask))
                session.say(f"    round {turn + 1}: {_told([quiet[-1], *(busy[rate][-1] for rate in RATES)])}")
    return [_row(rate, quiet, busy[rate]) for rate in RATES]


class Crowd:
    """The streams of requests; nobody signs in twice before everybody did."""

    def __init__(self, server: Gateway, load: Load, page: str) -> None:
        self._server, self._load, self._page = server, load, page
        self._next = 0

    def sample(self, sign_ins_per_s: float, seconds: float) -> Sample:
        """Pages at their rate, and sign-ins beside them; ``more`` has the times of pages and what sign-ins came to."""
        streams: list[dict[str, Any]] = [{"name": "pages", "rate": PAGES_PER_S, "text": self._page}]
        if sign_ins_per_s:
            wanted = int(sign_ins_per_s * seconds) + 1
            if self._next + wanted > MOST:
                self._next = 0
            text = signing_in(LOGIN_PATH, CROWD, PASSWORD)
            streams.append({"name": "sign-ins", "rate": sign_ins_per_s, "text": text, "first": self._next})
            self._next += wanted
        with machine.Quiet(self._server.pid, self._load.pid) as quiet:
            cpu = self._server.cpu_s()
            came = self._load.do("mixed", port=self._server.port, seconds=seconds, streams=streams)
            cpu = self._server.cpu_s() - cpu
        pages, sign_ins = came["pages"], came.get("sign-ins", {})
        more = {**pages, "sign_ins": {"200": sign_ins.get("acknowledged", 0), **sign_ins.get("others", {})}}
        return Sample(pages["acknowledged"], cpu, seconds, quiet.foreign, more)


def _told(samples: Sequence[Sample]) -> str:
    return "; ".join(
        f"p50 {one.more['p50_ms']:.2f}, p99 {one.more['p99_ms']:.2f} ms, sign-ins {one.more['sign_ins']},"
        f" foreign {one.foreign:.2f}"
        for one in samples
    )


def _row(rate: float, quiet: Sequence[Sample], busy: Sequence[Sample]) -> Row:
    codes: dict[str, int] = {}
    for sample in busy:
        for status, count in sample.more["sign_ins"].items():
            codes[status] = codes.get(status, 0) + count
    refused = sum(sum(sample.more["others"].values()) for sample in (*quiet, *busy))
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(codes.items()))
    note = (
        f"sign-ins: {answers}; pages: {sum(int(s.work) for s in busy):,} x 200, {refused} others, p50"
        f" {median_of(quiet, 'p50_ms'):.2f} ms alone and {median_of(busy, 'p50_ms'):.2f} beside them; foreign CPU"
        f" {median_of(busy, 'foreign'):.2f} cores"
    )
    return Row(
        f"Pages at {PAGES_PER_S:.0f}/s beside {rate:.0f} sign-ins/s of full cost, p99 against none",
        f"{median_of(busy, 'p99_ms'):.1f} ms",
        f"alone {median_of(quiet, 'p99_ms'):.1f} ms",
        ratio(busy, quiet, "p99_ms"),
        SLOWER,
        "lower",
        notes=(note,),
    )
