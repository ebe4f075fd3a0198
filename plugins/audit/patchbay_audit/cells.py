"""Entries as the cells of a table: CSV of RFC 4180 that no spreadsheet takes for formulas (E28). No IO."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from patchbay_audit.canonical import canonical

COLUMNS: Final = (
    "seq",
    "at",
    "actor_type",
    "actor_id",
    "actor_name",
    "action",
    "outcome",
    "status",
    "permission",
    "address",
    "request_id",
    "session_id",
    "user_agent",
    "subjects",
    "changes",
    "about",
    "previous_hash",
    "hash",
)
_ACTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")  # a cell that begins so may be run by who opens the file
_QUOTED: Final = re.compile(r'[",\r\n]|\A\s|\s\Z')


def cell(value: Any) -> str:
    """One value: nothing for None, a text that stays a text wherever it is opened."""
    text = "" if value is None else str(value)
    if text.startswith(_ACTS):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def row(values: Iterable[Any]) -> str:
    """One record, with its end."""
    return ",".join(map(cell, values)) + "\r\n"


def entry_row(facts: Mapping[str, Any], hash: str) -> str:
    """One entry in the order of ``COLUMNS``; ``facts`` are its decoded text."""
    actor = facts["actor"]
    flat = {
        **facts,
        "actor_type": actor["type"],
        "actor_id": actor["id"],
        "actor_name": actor["name"],
        "subjects": " ".join(f"{subject['type']}:{subject['id']}" for subject in facts["subjects"]),
        "changes": canonical(facts["changes"]),
        "about": canonical(facts["about"]),
        "hash": hash,
    }
    return row(flat[name] for name in COLUMNS)
