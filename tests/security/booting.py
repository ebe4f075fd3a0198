"""Commands of ours run to their end, each in a process and a folder of its own, as somebody installs them."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.faults.process import GatewayProcess
from tests.plugins.rbac.world import CHEAP

WITHIN_S = 60.0
FRESH = {  # as a first start is: nothing is told but where to write
    "PATCHBAY_ADMIN_TOKEN": "",
    "PATCHBAY_PLUGINS": "whatsapp,messenger,instagram,rbac,audit",
    "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "",
    "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": "",
    **CHEAP,
}
OPEN_HANDED = ("sh", "-c", 'umask 0; exec "$@"', "sh")  # a wrapper: whatever is made, everybody may read it


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


async def patchbay(folder: Path, *arguments: str, say: str = "", **settings: str) -> Ended:
    """``python -m patchbay ...`` with nothing but these settings; ``say`` is its standard input.

    Raises ``TimeoutError`` when it does not end by itself, and ends it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "patchbay",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **inherited,
            "PATCHBAY_HTTP__PORT": "0",
            "PATCHBAY_DATA_DIR": str(folder / "data"),
            "PATCHBAY_PLUGINS": FRESH["PATCHBAY_PLUGINS"],
            **CHEAP,
            **settings,
        },
        cwd=folder,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(say.encode()), WITHIN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def fresh_install(folder: Path, **settings: str) -> GatewayProcess:
    """A gateway that was told nothing. It is not started."""
    return GatewayProcess(folder, **{**FRESH, **settings})


def modes(folder: Path) -> dict[str, int]:
    """The permissions of the folder, as ``.``, and of everything in it."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
