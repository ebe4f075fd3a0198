"""Webhooks verified, made durable and acknowledged in a burst, per CPU-second, against bare aiohttp."""

from __future__ import annotations

from bench.baselines import BARE
from bench.gateway import WEBHOOKS, stored
from bench.session import Session
from bench.table import Row, Sample, median_of, number, ratio

NAME = "burst"
TARGET = 0.60


def measure(session: Session) -> list[Row]:
    seconds = session.length(10, 5)
    ours: list[Sample] = []
    bare: list[Sample] = []
    lost = twice = 0
    for turn in range(session.rounds(3)):
        theirs = session.burst_of(BARE, seconds)
        assert theirs is not None, session.missing
        sample = session.quietly("burst", lambda: _ours(session, seconds))
        ours.append(sample)
        bare.append(theirs)
        lost += sample.more["lost"]
        twice += sample.more["twice"]
        session.say(
            f"    round {turn + 1}: ours {sample.per_cpu_s:,.0f}/CPU-s ({sample.per_s:,.0f}/s, p99"
            f" {sample.more['p99_ms']:.1f} ms), bare {theirs.per_cpu_s:,.0f}/CPU-s ({theirs.per_s:,.0f}/s);"
            f" foreign {sample.foreign:.2f}/{theirs.foreign:.2f}, generator {theirs.more['generator_share']:.2f}"
        )
    return [
        Row(
            f"Webhook verified, durable, acknowledged; burst of {seconds:.0f} s",
            f"{number(median_of(ours, 'per_cpu_s'))}/CPU-s",
            f"bare aiohttp {number(median_of(bare, 'per_cpu_s'))}/CPU-s",
            ratio(ours, bare),
            TARGET,
            notes=(
                (
                    f"acknowledged {sum(s.work for s in ours):,.0f} = stored, lost {lost}, doubled {twice}; refused"
                    f" {sum(sum(s.more['others'].values()) for s in ours)}; the backlog reached"
                    f" {max(s.more['backlog'] for s in ours):,} and drained in"
                    f" {median_of(ours, 'drain_s'):.1f} s"
                ),
                (
                    f"plain {number(median_of(ours, 'per_s'))}/s against {number(median_of(bare, 'per_s'))}/s, ratio"
                    f" {ratio(ours, bare, 'per_s'):.2f}; answers p50 {median_of(ours, 'p50_ms'):.1f} ms, p99"
                    f" {median_of(ours, 'p99_ms'):.1f} ms; foreign CPU {median_of(ours, 'foreign'):.2f} cores"
                ),
                (
                    f"with the time to drain counted too: {number(median_of(ours, 'whole_per_cpu_s'))}/CPU-s, ratio"
                    f" {median_of(ours, 'whole_per_cpu_s') / median_of(bare, 'per_cpu_s'):.2f}"
                ),
            ),
        )
    ]


def _ours(session: Session, seconds: float) -> Sample:
    with session.gateway() as server:
        warm = session.acquaint(server)
        sample = session.burst(server, WEBHOOKS, seconds, warm_s=0.0)
        backlog = server.backlog()
        cpu = server.cpu_s()
        drain_s = server.drained()
        drain_cpu_s = server.cpu_s() - cpu
        server.stop()
        held = stored(server.data)
    acknowledged = int(sample.work) + warm
    sample.more.update(
        backlog=backlog,
        drain_s=drain_s,
        whole_per_cpu_s=sample.work / (sample.cpu_s + drain_cpu_s),
        lost=acknowledged - held["messages"],
        twice=held["twice"],
    )
    return sample
