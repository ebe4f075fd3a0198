"""Processes that a benchmark starts, each pinned to a core and in a session of its own, and ended by its id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from bench import machine

ROOT = Path(__file__).resolve().parent.parent
READY = "Patchbay is ready on "


class Failed(Exception):
    """A process did not do its part; the text ends with what it said."""


class Process:
    """One child. ``core`` None leaves it wherever the machine puts it."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        core: int | None,
        folder: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        piped: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"process-{time.time_ns()}.log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PATCHBAY_", "PYTHON"))}
        self.started = time.perf_counter()
        pipe = subprocess.PIPE if piped else None
        with self.log.open("wb") as log:
            self.popen: subprocess.Popen[bytes] = subprocess.Popen(
                [str(part) for part in argv],
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
                env={**clean, **(env or {})},
                cwd=cwd or folder,
                start_new_session=True,
                preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
            )
        self.pid = self.popen.pid

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def cpu_s(self) -> float:
        return machine.cpu_s(self.pid)

    def rss_kib(self) -> int:
        return machine.rss_kib(self.pid)

    def wait_for(self, done: Any, seconds: float, what: str) -> Any:
        """Poll ``done`` until it gives something. Raises ``Failed`` when the time is over or the process ended."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if found := done():
                return found
            if self.popen.poll() is not None:
                raise Failed(f"{what}: ended with {self.popen.returncode}\n{self.said()[-2000:]}")
            time.sleep(0.01)
        raise Failed(f"{what}: nothing for {seconds:.0f} s\n{self.said()[-2000:]}")

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.popen.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class Server(Process):
    """A process that listens on ``port``."""

    port: int
    ready_s: float

    def up(self, port: int, seconds: float = 20.0) -> None:
        """Wait until it listens."""

        def accepts() -> bool:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                return probe.connect_ex(("127.0.0.1", port)) == 0

        self.wait_for(accepts, seconds, "the server")
        self.ready_s = time.perf_counter() - self.started
        self.port = port


class Load(Process):
    """The load generator, on the other core."""

    def __init__(self, *, core: int, folder: Path) -> None:
        super().__init__([sys.executable, ROOT / "bench" / "load.py"], core=core, folder=folder, cwd=ROOT, piped=True)
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self._in: IO[bytes] = self.popen.stdin
        self._out: IO[bytes] = self.popen.stdout

    def tell(self, command: str, **arguments: Any) -> None:
        """Begin a command."""
        self._in.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        self._in.flush()

    def result(self) -> dict[str, Any]:
        """Wait for what it came to. Raises ``Failed``."""
        line = self._out.readline()
        if not line:
            raise Failed(f"the load generator ended\n{self.said()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        if "failed" in found:
            raise Failed(f"the load generator: {found['failed']}")
        return found

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.tell(command, **arguments)
        return self.result()

    def stop(self) -> None:
        self._in.close()
        super().stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
