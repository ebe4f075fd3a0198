"""The machine that is measured on: which cores, how busy others keep them, and what it is."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cores() -> tuple[int, int]:
    """The core of the server and that of the load; the same one where there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 % len(usable)]


def busy_s() -> float:
    """CPU seconds that anything on this machine has used."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    return (fields[0] + fields[1] + fields[2] + fields[7]) / _TICK


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def run_s(pid: int) -> float:
    """CPU seconds that the threads which a process has now have used, to the nanosecond: for short samples."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # it ended just now
            found += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return found / 1e9


def rss_kib(pid: int) -> int:
    """Memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Quiet:
    """How much CPU others took while a block ran, in cores, less what these processes and this one used."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.foreign = 0.0

    def __enter__(self) -> Quiet:
        self._began, self._busy, self._own = time.perf_counter(), busy_s(), self._ours()
        return self

    def __exit__(self, *error: object) -> None:
        took = time.perf_counter() - self._began
        self.foreign = max(0.0, busy_s() - self._busy - (self._ours() - self._own)) / max(took, 1e-9)

    def _ours(self) -> float:
        own = os.times()
        return own.user + own.system + sum(cpu_s(pid) for pid in self._pids)


def facts() -> str:
    """One line that says what was measured on."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = " ".join(line.split(":", 1)[1].split())
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
