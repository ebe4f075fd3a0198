"""The part of ingest that a provider waits for: verify over the raw bytes, journal, acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256

from patchbay.channel import Channel, SignedRequest
from patchbay.errors import BadSignature, StoreUnavailable
from patchbay.ingest.applier import Applier
from patchbay.ingest.directory import NAMED_ACCOUNT, SIGNED_BY, AccountDirectory
from patchbay.model.raw import NewRaw
from patchbay.ports import Clock, Store
from patchbay.settings import IngestSettings

KEPT_HEADERS = ("content-type", "user-agent", "x-hub-signature-256", "x-request-id")


class Ingest:
    """Takes webhooks. What it acknowledged is durable; what it could not keep, it refuses."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Mapping[str, Channel],
        directory: AccountDirectory,
        applier: Applier,
        settings: IngestSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels
        self._directory = directory
        self._applier = applier
        self._waiting = applier.waiting
        self._max_pending = settings.max_pending
        self._wait_s = settings.wait_s
        self.received = 0
        self.refused = 0

    async def receive(self, channel: str, body: bytes, headers: Mapping[str, str], account: str | None = None) -> None:
        """Verify and journal one webhook; it is durable when this returns.

        ``headers`` have lower-case names, ``account`` is the external id that the path named. Raises ``BadSignature``:
        nothing was stored. Raises ``StoreUnavailable``: it must come again.
        """
        try:
            signed_by = self._verify(channel, SignedRequest(body, headers, account))
        except BadSignature:
            self.refused += 1
            raise
        if self._applier.backlog >= self._max_pending:
            await self._wait_for_room()
        kept = {name: value for name in KEPT_HEADERS if (value := headers.get(name)) is not None}
        if account is not None:
            kept[NAMED_ACCOUNT] = account
        if signed_by is not None:
            kept[SIGNED_BY] = signed_by
        raw = NewRaw(
            channel=channel,
            received_at=self._clock.now(),
            headers=kept,
            body=body,
            sha256=sha256(body).hexdigest(),
        )
        self._waiting.begin()
        try:
            await self._store.append(raw)
        finally:
            self._waiting.end()
        self.received += 1
        self._applier.notify()

    async def replay(self, raw_ids: Sequence[str]) -> int:
        """Apply raw events again; items that were applied change nothing. How many were found."""
        reopened = await self._store.reopen(raw_ids)
        self._applier.notify(reopened)
        return reopened

    def _verify(self, name: str, request: SignedRequest) -> str | None:
        """Raise ``BadSignature`` unless a secret that may fits. The ids of the accounts whose own it is, where the path
        names none and the plugin's do not fit: who has it speaks for no others."""
        channel, secrets = self._channels[name], self._directory.app_secrets(name, request.account)
        if not secrets or request.account is not None:
            channel.verify(request, secrets)
            return None
        try:
            channel.verify(request, ())
        except BadSignature:
            return ",".join(self._directory.holders(name, fitting(channel, request, secrets)))
        return None

    async def _wait_for_room(self) -> None:
        """More is waiting than may: slow the provider down, then tell it to come back."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._applier.room(self._max_pending)
        except TimeoutError:
            raise StoreUnavailable("Too many webhooks wait to be applied; come back soon.") from None


def fitting(channel: Channel, request: SignedRequest, secrets: Sequence[str]) -> str:
    """The one of these secrets that verifies the request. Raises ``BadSignature`` when none does, after one look at
    each; finding the one costs as much again."""
    channel.verify(request, secrets)
    while len(secrets) > 1:
        half = secrets[: len(secrets) // 2]
        try:
            channel.verify(request, half)
        except BadSignature:
            secrets = secrets[len(half) :]
        else:
            secrets = half
    return secrets[0]
