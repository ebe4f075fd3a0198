"""The servers that are measured beside ours. What cannot be had is left out, and the table says why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.payloads import APP_SECRET
from bench.processes import ROOT, Failed, Server, free_port

SERVERS = ROOT / "bench" / "servers"


class Missing(Exception):
    """A baseline that is not here; the text says why."""


@dataclass(frozen=True)
class Baseline:
    """A server by its name; ``counts`` when it tells at ``/handled`` how many messages reached its handler."""

    name: str
    kind: str
    counts: bool = False


BARE = Baseline("bare aiohttp", "bare")
FASTAPI = Baseline("typed FastAPI", "typed_fastapi", counts=True)
PYWA = Baseline("pywa on FastAPI", "pywa_app", counts=True)
NODE_WS = Baseline("node ws", "ws")
SOCKETIO = Baseline("python-socketio", "socketio_app")


def start(baseline: Baseline, folder: Path, core: int | None) -> Server:
    """Start it and wait until it listens. Raises ``Missing``."""
    port = free_port()
    env = {"BENCH_SECRET": APP_SECRET}
    if baseline is BARE:
        argv: list[str | Path] = [sys.executable, SERVERS / "bare.py", str(port), APP_SECRET]
    elif baseline is NODE_WS:
        env["NODE_PATH"] = str(node_modules(folder))
        argv = ["node", SERVERS / "ws.js", str(port)]
    else:
        argv = [peers_python(), "-m", "uvicorn", f"{baseline.kind}:app", "--app-dir", SERVERS, "--port", str(port)]
        argv += ["--no-access-log", "--log-level", "error", "--loop", "uvloop", "--http", "httptools"]
    server = Server(argv, core=core, folder=folder / baseline.kind, env=env)
    try:
        server.up(port)
    except Failed as error:
        server.stop()
        raise Missing(f"{baseline.name} does not start: {str(error).splitlines()[-1][:200]}") from error
    return server


def peers_python() -> str:
    """The interpreter of the environment with the compared frameworks. Raises ``Missing``."""
    found = os.environ.get("PATCHBAY_BENCH_PYTHON")
    if not found or not Path(found).exists():
        raise Missing("the compared frameworks are not installed; ./dev bench does that")
    return found


def node_modules(folder: Path) -> Path:
    """A folder with the package ``ws``, installed when it is not there. Raises ``Missing``."""
    modules = folder / "node" / "node_modules"
    if (modules / "ws").exists():
        return modules
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("node and npm are not here")
    modules.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", modules.parent, "ws@8"],
        cwd=modules.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    if done.returncode or not (modules / "ws").exists():
        raise Missing(f"npm could not install ws: {done.stdout.decode(errors='replace').strip()[-200:]}")
    return modules


def handled(server: Server) -> int:
    """How many messages reached the handler, as the baseline says itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/handled", timeout=10) as response:
        return int(json.load(response))
