"""How a collection becomes a table: one row per document, one column per field that queries may name."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import re
import sqlite3
import types
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as SizedIterable
from datetime import datetime
from functools import partial
from itertools import compress
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from patchbay.collections import Collection
from patchbay.model.document import Document
from patchbay.model.times import unix_ms

D = TypeVar("D", bound=Document)
Stored = tuple[int, int, tuple[Any, ...]]  # a row's number, its version, and the columns between id and document

_PLAIN = (str, int, bool, float)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_BORDER = "\x1f"  # stands before and after each value of an array column
_MOST_IDS = 512
_encode = msgspec.json.Encoder().encode


class Column:
    """One field as a column. ``kind`` is "array" for fields that hold several values.

    Plain values are kept as they are, moments as Unix milliseconds. Arrays are one text with a border around each
    value, so that asking whether a value is in it is a plain search.
    """

    def __init__(self, field: str, sql: str, kind: Literal["plain", "array"], owner: type) -> None:
        if not all(name.isidentifier() for name in field.split(".")):
            raise ValueError(f"{field!r} cannot name a field")
        self.field = field
        self.sql = sql
        self.kind = kind
        self.top, *self.rest = field.split(".")
        self.nullable, kinds = _type_of(owner, field)
        if kind == "array":
            self.nullable = True
        if self.rest:
            self.convert: Callable[[Any], Any] | None = partial(_walk, self.rest, to_sql)
        elif kind == "array":
            self.convert = packed
        elif kinds == {datetime}:
            self.convert = milliseconds
        elif kinds and kinds <= set(_PLAIN):
            self.convert = None
        else:
            self.convert = to_sql


class Table(Generic[D]):
    """The table of a collection: its statements, and rows from documents and back.

    Raises ``ValueError`` when the collection names what its documents do not have, or is named by what is no name.
    """

    def __init__(self, collection: Collection[D]) -> None:
        if not _NAME.fullmatch(collection.name):
            raise ValueError(f"{collection.name!r} cannot name a collection: letters, digits, '_', '.' and '-' only")
        self.collection = collection
        self.name = f'"c_{collection.name}"'
        self.text_name = f'"t_{collection.name}"' if collection.text else None
        self.columns = tuple(
            Column(field, f'"f_{field}"', "array" if field in collection.arrays else "plain", collection.type)
            for field in _fields(collection)
        )
        self._by_field = {column.field: column for column in self.columns}
        for field in ("id", "version"):
            self._by_field[field] = Column(field, field, "plain", collection.type)
        self._get: Callable[[D], tuple[Any, ...]] = attrgetter("id", "version", *[c.top for c in self.columns])
        self._converters = [(i, c.convert) for i, c in enumerate(self.columns, 2) if c.convert is not None]
        self._texts = [_text_of(field) for field in collection.text.fields] if collection.text else []
        self.decode: Callable[[bytes], D] = msgspec.json.Decoder(collection.type).decode
        kept = [column.sql for column in self.columns] + (["words"] if self._texts else [])
        self.insert = (
            f"INSERT INTO {self.name}({', '.join(['n', 'id', 'version', *kept, 'doc'])})"
            f" VALUES ({', '.join('?' * (len(kept) + 4))})"
        )
        self.delete = f"DELETE FROM {self.name} WHERE n=?"
        self._stored = f"SELECT {', '.join(['id', 'n', 'version', *kept])} FROM {self.name} WHERE id IN "
        self._kept = kept
        self._updates: dict[tuple[bool, ...], str] = {}

    def column(self, field: str) -> Column:
        """The column of a field. Raises ``ValueError``: a query may name only what the collection declares."""
        try:
            return self._by_field[field]
        except KeyError:
            raise ValueError(f"{self.collection.name} declares no field {field!r} to query by") from None

    def row(self, document: D) -> tuple[Any, ...]:
        """``(id, version, *kept, doc)`` of a document; ``kept`` are the columns and, where there is one, the text."""
        values = list(self._get(document))
        for i, convert in self._converters:
            values[i] = convert(values[i])
        if self._texts:
            values.append(self._words(document))
        values.append(_encode(document))
        return tuple(values)

    def _words(self, document: D) -> str | None:
        """What full-text search finds the document by."""
        if len(self._texts) == 1:
            return self._texts[0](document) or None
        return "\n".join([text for get in self._texts if (text := get(document))]) or None

    def update(self, differs: tuple[bool, ...]) -> str:
        """Sets version, document and those of the kept values that differ; the row's number comes last."""
        sql = self._updates.get(differs)
        if sql is None:
            sets = "".join(f", {column}=?" for column in compress(self._kept, differs))
            sql = self._updates[differs] = f"UPDATE {self.name} SET version=?, doc=?{sets} WHERE n=?"
        return sql

    def stored(self, connection: sqlite3.Connection, ids: Sequence[str]) -> Iterator[tuple[str, Stored]]:
        """Those that exist, by id."""
        for id, n, version, *kept in select_in(connection, self._stored, ids):
            yield id, (n, version, tuple(kept))

    def existing(self, connection: sqlite3.Connection, ids: Sequence[str]) -> Iterator[tuple[str]]:
        return select_in(connection, f"SELECT id FROM {self.name} WHERE id IN ", ids)

    def load(self, connection: sqlite3.Connection, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return select_in(connection, f"SELECT id, doc FROM {self.name} WHERE id IN ", ids)


def select_in(
    connection: sqlite3.Connection, sql: str, values: Sequence[Any], before: Sequence[Any] = (), then: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Rows of a statement that ends in ``IN``, with ``then`` behind the list; read as they are asked for. Lists are
    padded to powers of two, so that few statements exist."""
    for start in range(0, len(values), _MOST_IDS):
        part = values[start : start + _MOST_IDS]
        size = 1 << (len(part) - 1).bit_length()
        params = [*before, *part, *(None,) * (size - len(part))]
        yield from connection.execute(f"{sql}({placeholders(size)}){then}", params)


def placeholders(count: int) -> str:
    return ",".join("?" * count)


_last_moment: tuple[datetime | None, int] = (None, 0)


def milliseconds(moment: datetime | None) -> int | None:
    """Unix milliseconds. What is written together mostly carries one and the same moment, so the last is remembered;
    as one tuple, for two threads may ask."""
    global _last_moment
    if moment is None:
        return None
    last, known = _last_moment
    if moment is not last:
        known = unix_ms(moment)
        _last_moment = (moment, known)
    return known


def to_sql(value: Any) -> Any:
    """A value as SQLite keeps and compares it."""
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple | list | set | frozenset):
        return packed(value)
    return value


def packed(values: SizedIterable[Any] | None) -> str | None:
    """An array as text, None when it is empty: no row then has it."""
    if not values:
        return None
    joined = _BORDER.join([_member(value) for value in values])
    return f"{_BORDER}{joined}{_BORDER}"


def member(value: Any) -> str:
    """What to look for in a packed array."""
    return f"{_BORDER}{_member(value)}{_BORDER}"


def _member(value: Any) -> str:
    if not isinstance(value, str):
        return f"\x1ei{to_sql(value)}"
    return value.replace("\x1e", "\x1e0").replace(_BORDER, "\x1e1") or "\x1ee"


def _text_of(field: str) -> Callable[[Any], str | None]:
    return partial(_walk, field.split("."), _text) if "." in field else attrgetter(field)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _walk(path: Sequence[str], then: Callable[[Any], Any], value: Any) -> Any:
    for name in path:
        if value is None:
            return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
    return then(value)


def _fields(collection: Collection[Any]) -> list[str]:
    """Every field that needs a column, once."""
    owner = (collection.text.owner,) if collection.text and collection.text.owner else ()
    named = [field for index in collection.indexes for field in index]
    fields = dict.fromkeys([*named, *collection.filters, *collection.arrays, *owner])
    return [field for field in fields if field not in ("id", "version")]


def _type_of(owner: Any, field: str) -> tuple[bool, set[Any]]:
    """Whether the field may be absent, and the types that it holds; empty where they cannot be told."""
    nullable = False
    kinds: set[Any] = {owner}
    for name in field.split("."):
        structs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
        if len(structs) != len(kinds):
            return True, set()
        kinds = set()
        for struct in structs:
            found = {info.name: info.type for info in msgspec.structs.fields(struct)}
            if name not in found:
                raise ValueError(f"{struct.__name__} has no field {name!r}, which a collection names")
            kinds |= set(_flat(found[name]))
        nullable = nullable or type(None) in kinds
        kinds.discard(type(None))
    return nullable, kinds


def _flat(kind: Any) -> list[Any]:
    origin = get_origin(kind)
    if origin is Literal:
        return [type(value) for value in get_args(kind)]
    if origin is Union or origin is types.UnionType:
        return [flat for part in get_args(kind) for flat in _flat(part)]
    return [kind]
