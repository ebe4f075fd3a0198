"""What people are called, where a provider tells it only when asked: read beside everything else, and nobody waits.

A person may refuse, and a provider may be away: the message is shown under the id then, and the next time the person is
seen is the next time to ask. What is waiting here is not durable, for that reason. An account whose provider is away,
wants to be asked less, or takes its token no more rests, and so do its people.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import structlog

from patchbay.channel import IdentityKey, Person
from patchbay.collections import IDENTITIES
from patchbay.delivery.providers import Providers
from patchbay.errands.line import Line
from patchbay.errors import AccountBroken, OutcomeUnknown, Unavailable
from patchbay.inbox.people import key_id, meet
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Identity
from patchbay.model.document import Document
from patchbay.service import Inbox

log = structlog.get_logger(__name__)

REFRESH = timedelta(days=7)  # how old a profile may become before its person is asked for again
WAITING_AT_MOST = 10_000  # identities; who is seen beyond that is asked for the next time
AT_ONCE = 4
REST_S = 60.0  # of an account, where its provider does not say for how long


class Profiles:
    """Asks for the profiles of people who were seen."""

    def __init__(self, inbox: Inbox, providers: Providers) -> None:
        self._inbox = inbox
        self._providers = providers
        self._line = Line("profiles", self._read, most=WAITING_AT_MOST, at_once=AT_ONCE)
        self._rests_until: dict[str, datetime] = {}  # by account

    def identity_committed(self, id: str, document: Document | None) -> None:
        """Notice somebody whose profile is not known, or has become old."""
        if isinstance(document, Identity) and self._is_due(document):
            self._line.put(id)

    async def run(self) -> None:
        """Ask until cancelled."""
        await self._line.run()

    def _is_due(self, identity: Identity) -> bool:
        account = self._providers.directory.get(identity.scope)
        channel = None if account is None else self._providers.channel(account)
        if account is None or channel is None or not channel.capabilities.profiles or identity.status != "active":
            return False
        if not account.works or self._rests(account):
            return False
        read_at = identity.profile_read_at
        return read_at is None or self._inbox.clock.now() - read_at >= REFRESH

    def _rests(self, account: ChannelAccount) -> bool:
        until = self._rests_until.get(account.id)
        return until is not None and self._inbox.clock.now() < until

    async def _read(self, id: str) -> None:
        identity = await self._inbox.get(IDENTITIES, id)
        account = None if identity is None else self._providers.directory.get(identity.scope)
        channel = None if account is None else self._providers.channel(account)
        if identity is None or account is None or channel is None or not self._is_due(identity):
            return
        key = IdentityKey(kind=identity.kind, value=identity.value, scope="account")
        try:
            person = await self._providers.play(channel, account, channel.fetch_profile(account, key))
        except (Unavailable, OutcomeUnknown, AccountBroken) as away:
            told_s = getattr(away, "retry_after_s", None)
            self._rests_until[account.id] = self._inbox.clock.now() + timedelta(seconds=told_s or REST_S)
            raise
        await self._inbox.run(partial(learn, account=account, key=key, person=person))


def learn(uow: UnitOfWork, *, account: ChannelAccount, key: IdentityKey, person: Person | None) -> None:
    """Fold a profile in: a name that an agent gave stays."""
    name, username = (None, None) if person is None else (person.name or person.username, person.username)
    meet(uow, account, Person(keys=(key,), name=name, username=username))
    uow.put(IDENTITIES, uow.need(IDENTITIES, key_id(account, key)), profile_read_at=uow.now)
