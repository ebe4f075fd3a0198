"""One entry's turn: the attempt, and the conclusion that each way of ending it has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from patchbay.delivery import claims, outcomes
from patchbay.delivery.attempt import Attempt
from patchbay.delivery.context import DeliveryContext
from patchbay.delivery.policy import delay, exhausted
from patchbay.errors import (
    AccountBroken,
    OutcomeUnknown,
    SendError,
    StoreError,
    Throttled,
    ThrottleScope,
    Unavailable,
)
from patchbay.model.outbox import OutboxEntry

log = structlog.get_logger(__name__)

Answer = dict[str, Any]
HARMLESS_TRIES = 5  # of a reaction or a read mark whose answer is lost: made twice, it hurts nobody


class Sender:
    """Sends entries. ``tell`` hears how each ended: the provider's answer, or None."""

    def __init__(self, on: DeliveryContext, *, tell: Callable[[OutboxEntry, Answer | None], None]) -> None:
        self._on = on
        self._tell = tell
        self._held_until: dict[str, datetime] = {}  # by account
        self.sent = 0
        self.retried = 0
        self.failed = 0
        self.unknown = 0

    def attempt(self) -> Attempt:
        """A fresh attempt at something."""
        return Attempt(self._on)

    def held_until(self, account_id: str) -> datetime | None:
        """Until when a limit of the provider holds an account's sends up; None when nothing does."""
        return self._held_until.get(account_id)

    async def send(self, entry: OutboxEntry) -> bool:
        """Send it, and commit what came of it. False when its channel's plugin is not loaded: it waits.

        Raises ``StoreError``; the entry's lease says how far it came then.
        """
        attempt = self.attempt()
        if not await attempt.prepare(entry):
            return False
        if not await attempt.claim(entry):
            return True
        try:
            answer = await attempt.send()
        except claims.Fenced:
            pass
        except AccountBroken as error:
            await self._paused(attempt, entry, error)
        except OutcomeUnknown as error:
            await self._lost(attempt, entry, error)
        except Unavailable as error:
            await self._put_off(attempt, entry, error)
        except SendError as error:
            await self._refused(attempt, entry, error)
        except StoreError:
            raise
        except Exception as error:  # a channel's bug: its message fails, or is unknown where bytes may have left
            log.exception("delivery.channel_failed", entry=entry.id, account=entry.account_id)
            told = f"The channel failed: {type(error).__name__}."
            if attempt.claimed.state == "sending":
                await self._lost(attempt, entry, OutcomeUnknown(told))
            else:
                await self._refused(attempt, entry, SendError(told))
        else:
            self.sent += 1
            self._tell(entry, answer)
        return True

    async def _paused(self, attempt: Attempt, entry: OutboxEntry, error: AccountBroken) -> None:
        channel, used = attempt.channel, attempt.account
        log.warning("delivery.account_broken", account=entry.account_id, code=error.provider_code)
        await attempt.conclude(lambda uow, held: outcomes.pause(uow, held, channel, error, used))
        self._tell(entry, None)

    async def _lost(self, attempt: Attempt, entry: OutboxEntry, error: OutcomeUnknown) -> None:
        if entry.kind != "message":
            await self._put_off(attempt, entry, Unavailable(error.reason, limit=HARMLESS_TRIES))
            return
        channel = attempt.channel
        if await attempt.conclude(lambda uow, held: outcomes.failed(uow, held, channel, error, "unknown")):
            self.unknown += 1
        self._tell(entry, None)

    async def _refused(self, attempt: Attempt, entry: OutboxEntry, error: SendError) -> None:
        channel = attempt.channel
        if await attempt.conclude(lambda uow, held: outcomes.failed(uow, held, channel, error, "failed")):
            self.failed += 1
        self._tell(entry, None)

    async def _put_off(self, attempt: Attempt, entry: OutboxEntry, error: Unavailable) -> None:
        tries = entry.attempt + 1
        until = self._on.inbox.clock.now() + delay(tries, error, self._on.settings, self._on.inbox.ids.jitter())
        if isinstance(error, Throttled) and error.scope != "recipient":
            self._hold(entry.account_id, error.scope, until)
        last_day = entry.created_at + timedelta(seconds=self._on.settings.give_up_after_s)
        if exhausted(tries, error) or until >= min(entry.expires_at, last_day):
            await self._refused(attempt, entry, error)
            return
        channel = attempt.channel
        if await attempt.conclude(lambda uow, held: outcomes.put_off(uow, held, channel, error, until)):
            self.retried += 1

    def _hold(self, account_id: str, scope: ThrottleScope, until: datetime) -> None:
        """Let everything wait that shares the limit: the account, those of one owner (the account alone
        where none is known), or all of the channel."""
        account = self._on.providers.directory.get(account_id)
        owner = account.parent_external_id if account is not None and scope == "parent" else None
        for other in self._on.providers.directory.all():
            if account is None or other.channel != account.channel:
                continue
            same_owner = owner is not None and other.parent_external_id == owner
            if other.id == account_id or scope == "app" or same_owner:
                known = self._held_until.get(other.id)
                self._held_until[other.id] = until if known is None else max(known, until)
