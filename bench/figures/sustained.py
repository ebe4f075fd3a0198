"""A minute at full load with everything on one core: acknowledged, applied, logged and framed, nothing left over."""

from __future__ import annotations

import time

from bench import machine
from bench.baselines import BARE, FASTAPI, PYWA, Baseline
from bench.gateway import ADMIN_TOKEN, WEBHOOKS, log_head, stored
from bench.session import CUSTOMERS, Session
from bench.table import Row, Sample, median_of, number, ratio

NAME = "sustained"
TARGET = 0.35
WATCH_S = 5.0
MAX_PENDING = 200_000  # what the settings allow to wait by default


def measure(session: Session) -> list[Row]:
    seconds = session.length(60, 12)
    ours: list[Sample] = []
    theirs: dict[Baseline, list[Sample]] = {BARE: [], FASTAPI: [], PYWA: []}
    for turn in range(session.rounds(2)):
        for baseline, samples in theirs.items():
            found = session.burst_of(baseline, min(seconds, 8.0))
            if found is not None:
                samples.append(found)
        sample = _ours(session, seconds)
        ours.append(sample)
        session.say(
            f"    round {turn + 1}: ours {sample.per_cpu_s:,.0f}/CPU-s ({sample.per_s:,.0f}/s), "
            + ", ".join(f"{b.name} {s[-1].per_cpu_s:,.0f}/CPU-s" for b, s in theirs.items() if s)
            + f"; foreign {sample.foreign:.2f}"
        )
    figure = f"Everything on one core for {seconds:.0f} s: applied, logged, framed"
    told = f"{number(median_of(ours, 'per_cpu_s'))}/CPU-s"
    rows = [
        Row(
            figure,
            told,
            f"bare aiohttp {number(median_of(theirs[BARE], 'per_cpu_s'))}/CPU-s",
            ratio(ours, theirs[BARE]),
            TARGET,
            notes=_notes(session, ours, theirs[BARE]),
        )
    ]
    for baseline in (FASTAPI, PYWA):
        samples = theirs[baseline]
        rows.append(
            Row(
                f"  the same, ahead of {baseline.name}, which stores nothing",
                told,
                f"{baseline.name} {number(median_of(samples, 'per_cpu_s'))}/CPU-s" if samples else baseline.name,
                ratio(ours, samples) if samples else None,
                1.0,
                skipped=None if samples else session.missing.get(baseline.name),
            )
        )
    highest = max(sample.more["backlog"] for sample in ours)
    rows.append(
        Row("  the most that ever waited to be applied", f"{highest:,}", "", highest, MAX_PENDING, "lower", "webhooks")
    )
    return rows


def _notes(session: Session, ours: list[Sample], bare: list[Sample]) -> tuple[str, ...]:
    grown = median_of(ours, "grown_kib") / 1024
    return (
        (
            f"acknowledged {sum(s.work for s in ours):,.0f} = stored, lost {sum(s.more['lost'] for s in ours)}, doubled"
            f" {sum(s.more['twice'] for s in ours)}; refused {sum(sum(s.more['others'].values()) for s in ours)};"
            f" frames {sum(s.more['frames'] for s in ours):,} of {sum(s.more['expected_frames'] for s in ours):,}"
        ),
        (
            f"plain {number(median_of(ours, 'per_s'))}/s against {number(median_of(bare, 'per_s'))}/s, ratio"
            f" {ratio(ours, bare, 'per_s'):.2f}; answers p50 {median_of(ours, 'p50_ms'):.1f} ms, p99"
            f" {median_of(ours, 'p99_ms'):.1f} ms;"
            f" the last was applied {median_of(ours, 'drain_s'):.1f} s after the end;"
            f" memory grew by {grown:.0f} MiB; foreign CPU {median_of(ours, 'foreign'):.2f} cores"
        ),
    )


def _ours(session: Session, seconds: float) -> Sample:
    """One run: the CPU counted is until everything is applied and every frame was received."""
    with session.gateway() as server, session.load() as load, session.load() as watcher:
        warm = session.acquaint(server)
        watcher.do("listen", port=server.port, count=1, kind="patchbay", token=ADMIN_TOKEN)
        load.do("prepare", path=WEBHOOKS, first=session.numbers(10_000_000), customers=CUSTOMERS)
        heard = watcher.do("rest", seconds=0.5)["frames"]
        rss = server.rss_kib()
        before, at = server.cpu_s(), time.perf_counter()
        head = log_head(server.data)
        highest = 0
        watcher.tell("rest", seconds=seconds + 1.0)
        load.tell("burst", port=server.port, seconds=seconds)
        with machine.Quiet(server.pid, load.pid, watcher.pid) as quiet:
            while (left := at + seconds - time.perf_counter()) > 0:
                time.sleep(min(WATCH_S, left))
                highest = max(highest, server.backlog())
            result = load.result()
            ended = time.perf_counter()
            watcher.result()
            while server.backlog():  # the watcher goes on reading: who takes nothing for 10 s is closed
                watcher.do("rest", seconds=0.2)
            drain_s = time.perf_counter() - ended
        cpu, took = server.cpu_s() - before, time.perf_counter() - at
        frames = watcher.do("rest", seconds=1.0)["frames"] - heard
        grown = server.rss_kib() - rss
        expected = log_head(server.data) - head
        server.stop()
        held = stored(server.data)
    sample = Sample(result["acknowledged"], cpu, took, quiet.foreign, result)
    sample.more.update(
        backlog=highest,
        drain_s=drain_s,
        grown_kib=grown,
        frames=frames,
        expected_frames=expected,
        lost=int(sample.work) + warm - held["messages"],
        twice=held["twice"],
    )
    return sample
