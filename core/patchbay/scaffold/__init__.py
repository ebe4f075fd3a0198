"""Plugins to begin with: ``patchbay new-plugin`` writes one of these distributions under a name of its own.

Each kind is a folder of templates beside this file, ``common`` is part of all of them. A template is the text of one
file with ``{{name}}`` and its like in it; its path below the folder is the path in the distribution, where ``package``
stands for the package, ``gitignore`` for the hidden file, and ``.template`` is left away.
"""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 40  # characters of a name; names of what plugins register end at 64
SUFFIX = ".template"


class Kind(StrEnum):
    """What can be scaffolded."""

    CHANNEL = "channel"
    STORE = "store"
    NOTIFIER = "notifier"
    LISTENER = "listener"


def wrong_name(name: str) -> str | None:
    """What is wrong with the name of a new plugin, as the end of a sentence; None when it can be had."""
    from importlib.util import find_spec

    from patchbay.plugins.loader import CORE, offered_here
    from patchbay.settings import Settings

    if NAME.fullmatch(name) is None:
        return "is no name of a plugin: use lower case letters and digits, in words joined by single - or _"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if re.match(r"patchbay([-_]|$)", name):
        return "begins with patchbay, which is put before the name anyway"
    table = table_of(name)
    if keyword.iskeyword(table):
        return "is a word of Python"
    if name == CORE or table in Settings.model_fields:
        return "belongs to the core"
    if any(table_of(entry.name) == table for entry in offered_here()):
        return "is the name of a plugin that is installed here"
    if find_spec(f"patchbay_{table}") is not None:
        return f"is taken: there is a package patchbay_{table} already"
    return None


def table_of(name: str) -> str:
    """The name as an identifier: its settings table, and the end of its package's name."""
    return name.replace("-", "_")


def distribution_of(name: str) -> str:
    return f"patchbay-{name.replace('_', '-')}"


def words(name: str) -> Mapping[str, str]:
    """What the places in templates are filled with."""
    table = table_of(name)
    parts = table.split("_")
    return {
        "name": name,
        "table": table,
        "scheme": name.replace("_", "-"),  # neither URL schemes nor names of headers like an underscore
        "TABLE": table.upper(),
        "Class": "".join(part.capitalize() for part in parts),
        "Title": " ".join(part.capitalize() for part in parts),
        "package": f"patchbay_{table}",
        "distribution": distribution_of(name),
    }


def scaffolded(kind: Kind, name: str) -> dict[PurePosixPath, str]:
    """The files of the distribution: texts by path."""
    from importlib.resources import files

    filled = words(name)
    parts = {"package": filled["package"], "gitignore": ".gitignore"}
    found: dict[PurePosixPath, str] = {}
    for folder in ("common", kind.value):
        for path, text in _templates(files(__name__) / folder, PurePosixPath()):
            place = PurePosixPath(*(parts.get(part, part) for part in path.parts))
            found[place] = re.sub(r"\{\{(\w+)\}\}", lambda place: filled[place[1]], text)
    return found


def write(kind: Kind, name: str, folder: Path) -> list[Path]:
    """Write the distribution below a folder; the new files, in order.

    Raises ``FileExistsError`` when it is there already, ``OSError`` when it cannot be written; nothing is left then.
    """
    root = folder / distribution_of(name)
    texts = scaffolded(kind, name)
    root.mkdir(parents=True)
    try:
        for path, text in texts.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8", newline="\n")
    except OSError:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return sorted(root / path for path in texts)


def _templates(folder: Traversable, above: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, above / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield above / entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")
