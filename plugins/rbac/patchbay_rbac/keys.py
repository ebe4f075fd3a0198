"""API keys as they are kept and recognised."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from patchbay.errors import Unauthenticated
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.document import Document
from patchbay.model.principal import Principal
from patchbay.ports import Query, Where
from patchbay_rbac.authorizer import OWNER
from patchbay_rbac.credentials.api_keys import PresentedKey
from patchbay_rbac.documents import KEYS, ApiKey
from patchbay_rbac.people import People

if TYPE_CHECKING:
    from patchbay.ports import Host

REMEMBERED: Final = 10_000
FRESH_S: Final = 1.0  # how old what is at hand may be: another gateway may have revoked the key
USED_EVERY: Final = timedelta(seconds=60)  # how exactly the last use is kept


class Keys:
    """Finds keys by their prefix. What they may is judged by ``People``, who is told of those that are in use."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._at_hand: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()
        self._used: dict[str, datetime] = {}
        self._host: Host

    def open(self, host: Host) -> None:
        self._host = host
        host.watch(KEYS, self._committed)

    async def principal(self, presented: PresentedKey) -> Principal:
        """Raises ``Unauthenticated`` for a key that is unknown, revoked, expired, or whose owner is gone."""
        key = await self._by_prefix(presented.prefix)
        if not presented.is_the_one(None if key is None else key.digest) or key is None or not self._stands(key):
            raise Unauthenticated("The API key is not valid, or no longer.", about={"prefix": presented.prefix})
        self._use(key)
        owner = self._people.user(key.owner_id)
        departments = () if owner is None else owner.department_ids
        return Principal(
            type="api_key", id=key.id, name=key.name, department_ids=departments, claims={OWNER: key.owner_id}
        )

    async def stands(self, id: str) -> bool:
        """Whether the key may still be used."""
        key = await self._host.store.get(KEYS, id)
        return key is not None and self._stands(key)

    def _stands(self, key: ApiKey) -> bool:
        owner = self._people.user(key.owner_id)
        return (
            key.revoked_at is None
            and self._host.clock.now() < key.expires_at
            and owner is not None
            and owner.status == "active"
        )

    async def _by_prefix(self, prefix: str) -> ApiKey | None:
        now = self._host.clock.monotonic()
        known = self._at_hand.get(prefix)
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        page = await self._host.store.find(Query(KEYS, (Where("prefix", "eq", prefix),), sort="prefix", limit=1))
        for key in page.items:
            self._keep(key)
            return key
        return None

    def _keep(self, key: ApiKey) -> None:
        self._at_hand.pop(key.prefix, None)
        self._at_hand[key.prefix] = (self._host.clock.monotonic(), key)
        self._people.learn_key(key)
        while len(self._at_hand) > REMEMBERED:
            _, (_, gone) = self._at_hand.popitem(last=False)
            self._people.forget_key(gone.id)
            self._used.pop(gone.id, None)

    def _use(self, key: ApiKey) -> None:
        now = self._host.clock.now()
        last = self._used.get(key.id) or key.last_used_at
        if last is None or now - last >= USED_EVERY:
            self._used[key.id] = now
            self._host.spawn(self._keep_used(key.id, now), "key used")

    async def _keep_used(self, id: str, at: datetime) -> None:
        def command(uow: UnitOfWork) -> None:
            key = uow.get(KEYS, id)
            if key is not None and key.revoked_at is None:
                uow.put(KEYS, key, last_used_at=at)

        await self._host.run(command)

    def _committed(self, id: str, document: Document | None) -> None:
        if isinstance(document, ApiKey):
            self._keep(document)
        self._host.ask_again(id)
