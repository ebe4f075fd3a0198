"""What it takes to be there: start, memory at rest, memory per idle socket."""

from __future__ import annotations

import time

from bench.gateway import ADMIN_TOKEN, Gateway
from bench.session import Session
from bench.table import Row, Sample, median_of

NAME = "footprint"
SOCKETS = 1_000
KIB_EACH, MIB, READY_S = 20.0, 90.0, 1.0


def measure(session: Session) -> list[Row]:
    with session.gateway():
        pass  # the first start makes what Python keeps compiled, and reads the disk
    samples = [session.quietly("footprint", lambda: _run(session)) for _ in range(session.rounds(5, 3))]
    each, rest, ready = (median_of(samples, name) for name in ("kib_each", "mib", "ready_s"))
    cpu = median_of(samples, "start_cpu_s")
    foreign = median_of(samples, "foreign")
    note = f"{cpu:.2f} s of CPU; the data folder is new; foreign CPU {foreign:.2f} cores"
    return [
        Row(f"Memory per idle socket, of {SOCKETS:,}", f"{each:.1f} KiB", "", each, KIB_EACH, "lower", "KiB"),
        Row("Process at rest", f"{rest:.1f} MiB", "", rest, MIB, "lower", "MiB"),
        Row("Start to ready", f"{ready:.2f} s", "", ready, READY_S, "lower", "s", notes=(note,)),
    ]


def _run(session: Session) -> Sample:
    from bench.machine import Quiet

    with Quiet() as quiet, session.gateway() as server:
        cpu = server.cpu_s()
    # what the start itself used is not another's
    foreign = max(0.0, quiet.foreign - cpu / max(server.ready_s, 0.01))
    with session.gateway() as server:
        return Sample(1, cpu, server.ready_s, foreign, {**_memory(session, server), "start_cpu_s": cpu})


def _memory(session: Session, server: Gateway) -> dict[str, float]:
    time.sleep(1.0)
    rest = server.rss_kib()
    with session.load() as load:
        load.do("listen", port=server.port, count=SOCKETS, kind="patchbay", token=ADMIN_TOKEN)
        load.do("rest", seconds=1.0)
        grown = server.rss_kib() - rest
    return {"mib": rest / 1024, "kib_each": grown / SOCKETS, "ready_s": server.ready_s}
