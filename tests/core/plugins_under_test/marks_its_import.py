"""A plugin that leaves a mark when it is imported, so that a test can see whether it was."""

import os
from collections.abc import Sequence
from pathlib import Path

from patchbay.hookspecs import Permission, hookimpl

Path(os.environ["PATCHBAY_TEST_MARK"]).write_text("imported", encoding="utf-8")


@hookimpl
def register_permissions() -> Sequence[Permission]:
    return [Permission("marks.make", "Leave marks.")]
