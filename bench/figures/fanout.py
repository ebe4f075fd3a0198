"""What it costs to tell 1,000 sockets: CPU per frame delivered, against node's `ws` and python-socketio.

The server's CPU with 1,000 sockets less its CPU with one, for the same webhooks at the same rate, over the frames. The
compared servers are made to send events of the same number and size at the same rate, by a request each.
"""

from __future__ import annotations

import json

from bench import machine
from bench.baselines import NODE_WS, SOCKETIO, Baseline, Missing
from bench.gateway import ADMIN_TOKEN, WEBHOOKS
from bench.processes import Failed, Server
from bench.session import Session
from bench.table import Row, Sample, median_of, number

NAME = "fanout"
SOCKETS = 1_000
RATE = 25.0
EVENTS_EACH = 2  # frames that one webhook of a known customer makes: the message, and its conversation
CUSTOMERS = 40
TARGETS = {NODE_WS: 1.0, SOCKETIO: 0.2}


def measure(session: Session) -> list[Row]:
    seconds = session.length(8, 4)
    ours: list[Sample] = []
    theirs: dict[Baseline, list[Sample]] = {NODE_WS: [], SOCKETIO: []}
    for turn in range(session.rounds(3)):
        sample = _ours(session, seconds)
        ours.append(sample)
        size = round(sample.more["bytes_each"])
        for baseline, samples in theirs.items():
            try:
                if baseline.name not in session.missing:
                    samples.append(_theirs(session, baseline, seconds, size))
            except Missing as reason:
                session.missing[baseline.name] = str(reason)
                session.say(f"    {baseline.name} is skipped: {reason}")
        session.say(
            f"    round {turn + 1}: ours {sample.us:.2f} us a delivery, "
            + ", ".join(f"{b.name} {s[-1].us:.2f}" for b, s in theirs.items() if s)
            + f"; foreign {sample.foreign:.2f}"
        )
    rows: list[Row] = []
    for baseline, samples in theirs.items():
        rows.append(
            Row(
                f"Hub CPU per delivery at {SOCKETS:,} sockets, against {baseline.name}",
                f"{median_of(ours, 'us'):.2f} us",
                f"{median_of(samples, 'us'):.2f} us" if samples else baseline.name,
                median_of(ours, "us") / median_of(samples, "us") if samples else None,
                TARGETS[baseline],
                "lower",
                skipped=None if samples else session.missing.get(baseline.name),
                notes=()
                if rows
                else (
                    (
                        f"{sum(int(s.work) for s in ours):,} frames of {median_of(ours, 'bytes_each'):.0f} bytes, none"
                        f" missing, {EVENTS_EACH} events a webhook, {number(RATE)} webhooks/s; foreign CPU"
                        f" {median_of(ours, 'foreign'):.2f} cores"
                    ),
                ),
            )
        )
    return rows


def _ours(session: Session, seconds: float) -> Sample:
    count = int(RATE * seconds)
    with session.gateway() as server:
        session.acquaint(server, CUSTOMERS)
        alone = _webhooks(session, server, count, 1)
        many = _webhooks(session, server, count, SOCKETS)
    return _less(many, alone)


def _webhooks(session: Session, server: Server, count: int, sockets: int) -> Sample:
    with session.load() as load:
        load.do("prepare", path=WEBHOOKS, first=session.numbers(1_000_000), customers=CUSTOMERS)
        load.do("listen", port=server.port, count=sockets, kind="patchbay", token=ADMIN_TOKEN)
        load.do("paced", port=server.port, rate=RATE, count=10, frames_each=10 * EVENTS_EACH)
        before = load.do("rest", seconds=0.5)
        with machine.Quiet(server.pid, load.pid) as quiet:
            cpu = server.cpu_s()
            result = load.do(
                "paced", port=server.port, rate=RATE, count=count, frames_each=count * EVENTS_EACH, settle_s=20.0
            )
            cpu = server.cpu_s() - cpu
    if result["frames"] != count * EVENTS_EACH * sockets:
        raise Failed(f"{result['frames']} frames came of {count * EVENTS_EACH * sockets}")
    result["bytes_each"] = (result["frame_bytes"] - before["frame_bytes"]) / result["frames"]
    return Sample(result["frames"], cpu, result["seconds"], quiet.foreign, result)


def _theirs(session: Session, baseline: Baseline, seconds: float, size: int) -> Sample:
    # python-socketio is full at a fifth of this rate: it gets fewer events, which is all the same for CPU per delivery
    rate = RATE if baseline is NODE_WS else RATE / 5
    count = max(4, int(rate * seconds))
    with session.baseline(baseline) as server:
        alone = _fire(session, baseline, server, count, rate, 1, size)
        many = _fire(session, baseline, server, count, rate, SOCKETS, size)
    return _less(many, alone)


def _fire(
    session: Session, baseline: Baseline, server: Server, count: int, rate: float, sockets: int, size: int
) -> Sample:
    kind = "socketio" if baseline is SOCKETIO else "plain"
    body = json.dumps([{"op": "event", "data": "x" * max(1, size - 24)}] * EVENTS_EACH)
    with session.load() as load:
        load.do("listen", port=server.port, count=sockets, kind=kind)
        load.do("fire", port=server.port, body=body, rate=rate, count=3, frames_each=EVENTS_EACH)
        with machine.Quiet(server.pid, load.pid) as quiet:
            cpu = server.cpu_s()
            result = load.do("fire", port=server.port, body=body, rate=rate, count=count, frames_each=EVENTS_EACH)
            cpu = server.cpu_s() - cpu
    return Sample(result["frames"], cpu, result["seconds"], quiet.foreign, result)


def _less(many: Sample, alone: Sample) -> Sample:
    """The deliveries of the many alone: what the requests themselves cost is taken off."""
    return Sample(
        many.work - alone.work,
        max(many.cpu_s - alone.cpu_s, 0.01),
        many.seconds,
        max(many.foreign, alone.foreign),
        many.more,
    )
