"""The trail as a file, written while it is read: CSV for people, NDJSON for programs and for the verifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from patchbay.ports import Query, Store
from patchbay_audit.cells import COLUMNS, entry_row, row
from patchbay_audit.entry import AuditEntry
from patchbay_audit.reading import pages

CHUNK: Final = 64 * 2**10  # characters that are sent at a time
CONTENT_TYPES: Final[Mapping[str, str]] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
_decode = msgspec.json.Decoder().decode


def csv_line(entry: AuditEntry) -> str:
    return entry_row(_decode(entry.entry), entry.hash)


def ndjson_line(entry: AuditEntry) -> str:
    """The canonical text with the hash as one more member: take it out again, and the text is as it was hashed."""
    return f'{entry.entry[:-1]},"hash":"{entry.hash}"}}\n'


FORMS: Final[Mapping[str, tuple[str, Callable[[AuditEntry], str]]]] = {
    "csv": (row(COLUMNS), csv_line),
    "ndjson": ("", ndjson_line),
}


async def send(
    request: web.Request, store: Store, query: Query[AuditEntry], form: str, name: str
) -> web.StreamResponse:
    """Every entry of the query as a file to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = CONTENT_TYPES[form], "utf-8"
    await response.prepare(request)
    head, line = FORMS[form]
    if request.method != "HEAD":
        waiting, size = [head], 0
        async for entry in pages(store, query):
            waiting.append(line(entry))
            size += len(waiting[-1])
            if size >= CHUNK:
                await response.write("".join(waiting).encode())
                waiting, size = [], 0
        await response.write("".join(waiting).encode())
    await response.write_eof()
    return response
