"""Anchors: the chain's end at one moment, under a key that the store does not hold.

A chain of hashes shows every change but one: a whole suffix written anew, or left off. So what the end was is written
down again and again, as a document and as a line of a file outside the store, each with a MAC. Whoever changes the
store alone cannot make the anchors fit.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from patchbay.errors import ConfigError
from patchbay.model.times import rfc3339
from patchbay_audit.canonical import canonical
from patchbay_audit.entry import AuditAnchor

PURPOSE: Final = "audit anchor"  # of the key
FILE: Final = "audit-anchors.jsonl"
PRIVATE: Final = 0o600
Kind = Literal["anchor", "cut"]


class AnchorLine(NamedTuple):
    """What an anchor says, wherever it is kept."""

    number: int
    kind: str
    at: str
    seq: int
    hash: str
    mac: str


def anchor_id(number: int) -> str:
    return f"anc_{number:012d}"


def anchor(number: int, kind: Kind, *, seq: int, hash: str, at: datetime, key: bytes) -> AuditAnchor:
    """The anchor of this place."""
    moment = rfc3339(at)
    mac = mac_of(key, number, kind, moment, seq, hash)
    return AuditAnchor(
        id=anchor_id(number),
        created_at=at,
        updated_at=at,
        number=number,
        kind=kind,
        at=moment,
        seq=seq,
        hash=hash,
        mac=mac,
    )


def mac_of(key: bytes, number: int, kind: str, at: str, seq: int, hash: str) -> str:
    """HMAC-SHA256 over the canonical text of what the anchor says, as hex."""
    said = canonical({"at": at, "hash": hash, "kind": kind, "number": number, "seq": seq})
    return hmac.new(key, said.encode(), "sha256").hexdigest()


def line_of(document: AuditAnchor) -> AnchorLine:
    return AnchorLine(document.number, document.kind, document.at, document.seq, document.hash, document.mac)


def is_genuine(line: AnchorLine, keys: Sequence[bytes]) -> bool:
    """Whether one of the keys made its MAC."""
    given = line.mac.encode("utf-8", "replace")
    return any(
        hmac.compare_digest(mac_of(key, line.number, line.kind, line.at, line.seq, line.hash).encode(), given)
        for key in keys
    )


class AnchorFile:
    """``audit-anchors.jsonl`` in the data folder: one line per anchor, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def append(self, documents: Iterable[AuditAnchor]) -> None:
        """Add lines, durably. Raises ``OSError``."""
        lines = b"".join(canonical(line_of(each)._asdict()).encode() + b"\n" for each in documents)
        made = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines  # a kill cut the last line short
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if made and os.name == "posix":
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def read(self) -> tuple[list[AnchorLine], int]:
        """The lines, and how many are none: a kill may leave one that is cut short, which was no anchor yet.

        Raises ``ConfigError`` when it cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return [], 0
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        found: list[AnchorLine] = []
        unreadable = 0
        for text in content.split(b"\n"):
            if not text:
                continue
            try:
                found.append(msgspec.json.decode(text, type=_Said).line())
            except (msgspec.DecodeError, UnicodeDecodeError):
                unreadable += 1
        return found, unreadable


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: str
    hash: str
    kind: str
    mac: str
    number: int
    seq: int

    def line(self) -> AnchorLine:
        return AnchorLine(self.number, self.kind, self.at, self.seq, self.hash, self.mac)
