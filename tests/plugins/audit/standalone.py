"""The stand-alone verifier, run as whoever was given it would: a script in a Python that knows nothing of ours."""

from __future__ import annotations

import contextlib
import io
import runpy
from importlib import resources
from pathlib import Path
from typing import Any

from patchbay_audit.anchors import AnchorFile
from patchbay_audit.export import ndjson_line
from tests.plugins.audit.acts import KEY, Copy

SCRIPT = Path(str(resources.files("patchbay_audit").joinpath("verify_standalone.py")))
main: Any = runpy.run_path(str(SCRIPT))["main"]


def standalone(copy: Copy, folder: Path, *options: str, keys: bool = True) -> tuple[int, list[str]]:
    """Its exit status for an export of the trail, and the problems it printed."""
    export, key_file = folder / "audit.ndjson", folder / "anchor.key"
    entries = sorted(copy.entries, key=lambda each: each.id)
    export.write_bytes("".join(map(ndjson_line, entries)).encode())
    key_file.write_text(f"{'0' * 64}\n{KEY.hex()}\n")
    file = AnchorFile(folder)
    file.path.unlink(missing_ok=True)
    file.append(copy.file)
    told = io.StringIO()
    given = [str(export), "--anchors", str(file.path), *(["--key-file", str(key_file)] if keys else []), *options]
    with contextlib.redirect_stdout(told):
        status = main(given)
    lines = told.getvalue().splitlines()
    end = next(n for n, line in enumerate(lines) if " problems" in line)
    return status, lines[:end]
