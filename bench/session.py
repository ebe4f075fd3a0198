"""What every figure is given: where to write, which cores, how long, how often, and the two ways to measure."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.baselines import Baseline, Missing, handled, start
from bench.gateway import WEBHOOKS, Gateway
from bench.processes import Load, Server
from bench.table import Sample

LOUD = 0.3  # cores that others may take before a sample is taken once more
CUSTOMERS = 5_000
FIRST_NUMBERS = 100_000_000  # of the messages that are sent; the data set's own are below


@dataclass
class Session:
    folder: Path
    quick: bool
    seconds: float | None
    runs: int | None
    cores: tuple[int, int]
    say: Callable[[str], None]
    missing: dict[str, str] = field(default_factory=dict)
    _number: int = FIRST_NUMBERS

    def length(self, full: float, quick: float) -> float:
        """Seconds of a sample."""
        return self.seconds or (quick if self.quick else full)

    def rounds(self, full: int, quick: int = 1) -> int:
        return self.runs or (quick if self.quick else full)

    def numbers(self, count: int) -> int:
        """The first of so many message numbers that nobody was given yet."""
        first = self._number
        self._number += count
        return first

    @contextmanager
    def gateway(self, env: dict[str, str] | None = None, data: Path | None = None) -> Iterator[Gateway]:
        """The server on its core, on a new data folder that is removed afterwards, or on ``data``."""
        folder = data or self.folder / f"data-{time.time_ns()}"
        server = Gateway(folder, core=self.cores[0], env=env)
        try:
            yield server
        finally:
            server.stop()
            if data is None:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def baseline(self, baseline: Baseline) -> Iterator[Server]:
        """Raises ``Missing``."""
        server = start(baseline, self.folder / "baselines", self.cores[0])
        try:
            yield server
        finally:
            server.stop()

    @contextmanager
    def load(self) -> Iterator[Load]:
        load = Load(core=self.cores[1], folder=self.folder / "load")
        try:
            yield load
        finally:
            load.stop()

    def quietly(self, what: str, measure: Callable[[], Sample]) -> Sample:
        """Measure, and once more if others took much of the machine meanwhile; the quieter sample. Once only in a
        hurry: the table says how much others took."""
        sample = measure()
        if sample.foreign > LOUD and not self.quick:
            self.say(f"    {what}: others took {sample.foreign:.2f} cores, once more")
            again = measure()
            sample = min(sample, again, key=lambda one: one.foreign)
        return sample

    def acquaint(self, server: Gateway, customers: int = CUSTOMERS) -> int:
        """One message from each customer, applied, so that what follows comes from people who are known; how many."""
        with self.load() as load:
            load.do("prepare", path=WEBHOOKS, first=self.numbers(customers), customers=customers, in_turn=True)
            done = int(load.do("burst", port=server.port, count=customers)["acknowledged"])
        server.drained()
        return done

    def burst(self, server: Server, path: str, seconds: float, *, warm_s: float = 0.7) -> Sample:
        """Webhooks as fast as they are answered; the work is what was acknowledged."""
        with self.load() as load:
            load.do("prepare", path=path, first=self.numbers(10_000_000), customers=CUSTOMERS)
            warm = load.do("burst", port=server.port, seconds=warm_s)["acknowledged"] if warm_s else 0
            with machine.Quiet(server.pid, load.pid) as quiet:
                cpu = server.cpu_s()
                result = load.do("burst", port=server.port, seconds=seconds)
                cpu = server.cpu_s() - cpu
        result["warm"] = warm
        result["generator_share"] = result["generator_cpu_s"] / result["seconds"]
        return Sample(result["acknowledged"], cpu, result["seconds"], quiet.foreign, result)

    def burst_of(self, baseline: Baseline, seconds: float) -> Sample | None:
        """The same of a baseline; None, and a note, when it is missing or did not do its work."""
        if baseline.name in self.missing:
            return None
        try:
            with self.baseline(baseline) as server:
                self.proved(baseline, server)
                return self.quietly(baseline.name, lambda: self.burst(server, "/hook", seconds))
        except Missing as reason:
            self.missing[baseline.name] = str(reason)
            self.say(f"    {baseline.name} is skipped: {reason}")
            return None

    def proved(self, baseline: Baseline, server: Server) -> None:
        """That the baseline's handler runs for what is sent. A fast 200 can hide a dropped message."""
        if not baseline.counts:
            return
        with self.load() as load:
            load.do("prepare", path="/hook", first=self.numbers(50), customers=50)
            answers = load.do("burst", port=server.port, connections=4, count=50)
            time.sleep(0.2)
        seen = handled(server)
        if answers["acknowledged"] != 50 or seen != 50:
            raise Missing(f"it acknowledged {answers['acknowledged']} of 50 messages, its handler ran {seen} times")
