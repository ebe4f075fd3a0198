"""From the first byte of a provider's POST to the frame at an agent's socket, at a rate far below what is possible."""

from __future__ import annotations

from bench import machine
from bench.gateway import ADMIN_TOKEN, WEBHOOKS, stored
from bench.session import CUSTOMERS, Session
from bench.table import Row, Sample, median_of

NAME = "latency"
RATE, SOCKETS = 500.0, 10
P50_MS, P99_MS = 3.0, 25.0


def measure(session: Session) -> list[Row]:
    seconds = session.length(20, 6)
    samples = []
    for turn in range(session.rounds(3)):
        sample = session.quietly("latency", lambda: _run(session, seconds))
        samples.append(sample)
        session.say(
            f"    round {turn + 1}: frame p50 {sample.more['frame_p50_ms']:.2f} ms, p99"
            f" {sample.more['frame_p99_ms']:.1f} ms; foreign {sample.foreign:.2f}"
        )
    p50, p99 = median_of(samples, "frame_p50_ms"), median_of(samples, "frame_p99_ms")
    sent = sum(int(sample.work) for sample in samples)
    timed = sum(sample.more["timed"] for sample in samples)
    where = f"POST to WebSocket frame at {RATE:.0f}/s, {SOCKETS} sockets"
    note = (
        f"acknowledged {sent:,} = stored, lost {sum(s.more['lost'] for s in samples)}, doubled"
        f" {sum(s.more['twice'] for s in samples)}; {timed:,} frames of {sent * SOCKETS:,} came; the POST itself p50"
        f" {median_of(samples, 'p50_ms'):.2f} ms, p99 {median_of(samples, 'p99_ms'):.1f} ms; the server used"
        f" {median_of(samples, 'us'):.0f} us of CPU a message; foreign CPU {median_of(samples, 'foreign'):.2f} cores"
    )
    return [
        Row(f"{where}, p50", f"{p50:.2f} ms", "", p50, P50_MS, "lower", "ms", notes=(note,)),
        Row(f"{where}, p99", f"{p99:.1f} ms", "", p99, P99_MS, "lower", "ms"),
    ]


def _run(session: Session, seconds: float) -> Sample:
    with session.gateway() as server, session.load() as load:
        warm = session.acquaint(server)
        load.do("listen", port=server.port, count=SOCKETS, kind="patchbay", token=ADMIN_TOKEN)
        load.do("prepare", path=WEBHOOKS, first=session.numbers(1_000_000), customers=CUSTOMERS)
        warm += load.do("paced", port=server.port, rate=RATE, count=int(RATE), timed=True)["acknowledged"]
        with machine.Quiet(server.pid, load.pid) as quiet:
            cpu = server.cpu_s()
            result = load.do("paced", port=server.port, rate=RATE, count=int(RATE * seconds), timed=True)
            cpu = server.cpu_s() - cpu
        server.drained()
        server.stop()
        held = stored(server.data)
    result.update(lost=result["acknowledged"] + warm - held["messages"], twice=held["twice"])
    return Sample(result["acknowledged"], cpu, result["seconds"], quiet.foreign, result)
