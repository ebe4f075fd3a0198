"""Seeds of second factors, sealed again after the secret key was changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from patchbay.inbox.unit import UnitOfWork
from patchbay_rbac.documents import USERS
from patchbay_rbac.people import People
from patchbay_rbac.proofs import SEALED_AS

if TYPE_CHECKING:
    from patchbay.ports import Host


async def reseal_seeds(host: Host, people: People) -> int:
    """Seal again what the first key did not seal, one person after the other; how many."""
    return sum([await host.run(partial(_resealed, host=host, user_id=user.id)) for user in people.users()])


def _resealed(uow: UnitOfWork, host: Host, user_id: str) -> int:
    user = uow.get(USERS, user_id)
    if user is None or user.two_factor is None or host.is_current(user.two_factor.seed):
        return 0
    seed = host.unseal(user.two_factor.seed, user.id, SEALED_AS)
    uow.put(USERS, user, two_factor=replace(user.two_factor, seed=host.seal(seed, user.id, SEALED_AS)))
    return 1
