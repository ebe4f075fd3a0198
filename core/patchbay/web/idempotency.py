"""``Idempotency-Key``: a repeated creation answers what the first one did.

The record of the answer is part of the commit that made the effect, so there is never the one without the other.
Errors are not recorded: what failed may be tried again under the same key.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from msgspec import Raw
from msgspec.json import Encoder

from patchbay.collections import IDEMPOTENCY as RECORDS
from patchbay.errors import FieldError, Forbidden, Invalid, RequestError, StateConflict
from patchbay.model.idempotency import IdempotencyRecord
from patchbay.model.ids import derived_id
from patchbay.web.call import Call
from patchbay.web.conditional import etag, expected_version
from patchbay.web.keys import IDEMPOTENCY, JSON_BODY
from patchbay.web.operations import Answer, Public

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

T = TypeVar("T")
WAIT_S = 5.0  # for the first request with the same key, in this process
RETRY_S = 1
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_canonical = Encoder(order="deterministic").encode
_encode = Encoder().encode


class IdempotencyKeys:
    """The keys that are at work in this process: at most one request per key runs at a time."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._running: dict[str, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._running)

    @asynccontextmanager
    async def turn(self, record_id: str) -> AsyncIterator[None]:
        """Hold the key. Raises ``StateConflict`` when the request that holds it takes too long."""
        try:
            async with asyncio.timeout(self._wait_s):
                while (ahead := self._running.get(record_id)) is not None:
                    await ahead.wait()
        except TimeoutError as error:
            raise StateConflict(
                "The first request with this Idempotency-Key is still running; ask again.",
                code="idempotency_in_progress",
                headers={"Retry-After": str(RETRY_S)},
                extra={"retryable": True},
            ) from error
        self._running[record_id] = done = asyncio.Event()
        try:
            yield
        finally:
            del self._running[record_id]
            done.set()


async def perform(
    call: Call,
    command: Callable[[UnitOfWork], T],
    respond: Callable[[T], Answer],
    *,
    lane: str | None = None,
    fingerprint: str | None = None,
) -> Answer:
    """Run a creating command once per ``Idempotency-Key``; without the header, simply run it.

    ``respond`` makes the answer inside the unit, from the command's result, so it is recorded with the effect.
    Raises ``Invalid`` (``idempotency_mismatch``) when the key was used for another body.
    """
    key = call.request.headers.get("Idempotency-Key")
    if key is None:
        return respond(await call.run(command, lane=lane))
    if not _KEY.fullmatch(key):
        problem = FieldError("#Idempotency-Key", "invalid", "1 to 255 visible ASCII characters.")
        raise Invalid("The Idempotency-Key must be 1 to 255 visible ASCII characters.", errors=[problem])
    record_id = _record_id(call, key)
    printed = fingerprint if fingerprint is not None else fingerprint_of(call)
    keep = timedelta(hours=call.gateway.settings.retention.idempotency_hours)

    def once(uow: UnitOfWork) -> Answer:
        known = uow.get(RECORDS, record_id)
        if known is not None and known.expires_at > uow.now:
            return _replay(known, printed)
        answer = respond(command(uow))
        _record(uow, known, record_id, printed, answer, keep)
        return answer

    async with call.request.app[IDEMPOTENCY].turn(record_id):
        try:
            return await call.run(once, lane=lane)
        except Forbidden:
            raise
        except RequestError:
            # another gateway may have been quicker with the same key: what it made is then what stood in our way
            known = await call.gateway.store.get(RECORDS, record_id)
            if known is None or known.expires_at <= call.gateway.clock.now():
                raise
            return _replay(known, printed)


def fingerprint_of(call: Call) -> str:
    """What tells one body from another: the same JSON value has the same, however it is written."""
    return sha256(_canonical(call.request.get(JSON_BODY, {}))).hexdigest()


def _record_id(call: Call, key: str) -> str:
    who = "" if isinstance(call.operation.permission, Public) else call.principal.id
    return derived_id("idem", who, call.request.method, call.request.path, key)


def _replay(record: IdempotencyRecord, fingerprint: str) -> Answer:
    if record.fingerprint != fingerprint:
        raise Invalid("This Idempotency-Key was used for a request with another body.", code="idempotency_mismatch")
    return Answer(
        Raw(record.body.encode()),
        status=record.status,
        version=expected_version(record.etag),
        location=record.location,
        headers={"Idempotency-Replayed": "true"},
    )


def _record(
    uow: UnitOfWork, stale: IdempotencyRecord | None, record_id: str, fingerprint: str, answer: Answer, keep: timedelta
) -> None:
    record = IdempotencyRecord(
        id=record_id,
        created_at=uow.now,
        updated_at=uow.now,
        fingerprint=fingerprint,
        status=answer.status or 201,
        body=_encode(answer.data).decode(),
        location=answer.location,
        etag=None if answer.version is None else etag(answer.version),
        expires_at=uow.now + keep,
    )
    if stale is None:
        uow.add(RECORDS, record)
    else:
        uow.put(
            RECORDS,
            stale,
            fingerprint=record.fingerprint,
            status=record.status,
            body=record.body,
            location=record.location,
            etag=record.etag,
            expires_at=record.expires_at,
        )
