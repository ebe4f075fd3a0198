"""Whether a webhook costs more when a hundred times as much is stored: CPU per message, acknowledged and applied.

The same load from 1,000 known customers, spread evenly over all that the store knows.
"""

from __future__ import annotations

from pathlib import Path

from bench import machine
from bench.dataset import Size, copied, ready
from bench.figures.page import FULL, QUICK
from bench.gateway import WEBHOOKS, stored
from bench.session import Session
from bench.table import Row, Sample, median_of, ratio

NAME = "growth"
TARGET = 1.3
SMALL = Size(1_000)
SENDERS = 1_000


def measure(session: Session) -> list[Row]:
    large = QUICK if session.quick else FULL
    seconds = session.length(8, 5)
    samples: dict[Size, list[Sample]] = {SMALL: [], large: []}
    for turn in range(session.rounds(3)):
        for size, found in samples.items():
            found.append(session.quietly(f"{size.messages:,}", lambda size=size: _run(session, size, seconds)))  # type: ignore[misc]
        session.say(
            f"    round {turn + 1}: "
            + ", ".join(f"{size.messages:,} stored {s[-1].us:.0f} us" for size, s in samples.items())
            + f"; foreign {samples[large][-1].foreign:.2f}"
        )
    few, many = samples[SMALL], samples[large]
    return [
        Row(
            f"Growth of ingest cost, {SMALL.messages:,} to {large.messages:,} stored messages",
            f"{median_of(many, 'us'):.0f} us",
            f"{median_of(few, 'us'):.0f} us",
            ratio(many, few, "us"),
            TARGET,
            "lower",
            notes=(
                (
                    f"CPU per message, from {SENDERS:,} known customers; acknowledged"
                    f" {sum(int(s.work) for s in few + many):,} = stored,"
                    f" lost {sum(s.more['lost'] for s in few + many)},"
                    f" doubled {sum(s.more['twice'] for s in few + many)};"
                    f" answers p99 {median_of(few, 'p99_ms'):.1f} and {median_of(many, 'p99_ms'):.1f} ms;"
                    f" foreign CPU {median_of(few + many, 'foreign'):.2f} cores"
                ),
            ),
        )
    ]


def _run(session: Session, size: Size, seconds: float) -> Sample:
    with copied(session.folder, ready(session.folder, size, session.say)) as data:
        return _load(session, data, size, seconds)


def _load(session: Session, data: Path, size: Size, seconds: float) -> Sample:
    before = size.messages
    with session.gateway(data=data) as server, session.load() as load:
        load.do(
            "prepare",
            path=WEBHOOKS,
            first=session.numbers(10_000_000),
            customers=SENDERS,
            step=max(1, size.customers // SENDERS),
        )
        warm = load.do("burst", port=server.port, seconds=2.0)["acknowledged"]
        server.drained()
        with machine.Quiet(server.pid, load.pid) as quiet:
            cpu = server.cpu_s()
            result = load.do("burst", port=server.port, seconds=seconds)
            server.drained()
            cpu = server.cpu_s() - cpu
        server.stop()
    held = stored(data, behind=before)
    result.update(lost=result["acknowledged"] + warm - (held["messages"] - before), twice=held["twice"])
    return Sample(result["acknowledged"], cpu, result["seconds"], quiet.foreign, result)
