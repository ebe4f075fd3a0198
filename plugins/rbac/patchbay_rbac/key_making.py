"""Making API keys and taking them back: pure commands on a unit of work. No IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from patchbay.errors import FieldError, Forbidden, Invalid, NotFound, StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.principal import Principal
from patchbay_rbac.changing.bounds import Bounds
from patchbay_rbac.credentials.api_keys import NewKey
from patchbay_rbac.documents import KEYS, PREFIX, USERS, ApiKey, Scope, User
from patchbay_rbac.roles import SELF

Asked = Mapping[str, Scope | None]  # for which rows each permission is wanted; None is for as many as the maker has


def owner_of(principal: Principal) -> str:
    """Whose a key will be that this principal makes. Raises ``StateConflict``, ``Forbidden`` for whoever is no person:
    a key answers to somebody, and goes with them."""
    if principal.type == "bootstrap":
        raise StateConflict(
            "A key belongs to a person, and the administrator's token is none: create the first admin "
            "(patchbay users create --admin), sign in, and make the key then."
        )
    if principal.type != "user":
        raise Forbidden("A key makes no keys: what it made would outlive it. Sign in to make one.")
    return principal.id


def granted(
    asked: Asked, maker: Mapping[str, Scope], known: Mapping[str, str], is_scoped: Callable[[str], bool]
) -> dict[str, Scope]:
    """What the key would be given; whether its maker has as much is for ``Bounds.grant`` to say.

    Raises ``Invalid`` for what cannot be granted to a key.
    """
    problems = [
        FieldError(f"/permissions/{_escaped(name)}", "unknown_permission", _UNKNOWN)
        for name in sorted(asked)
        if name not in known or name == SELF
    ]
    if problems:
        raise Invalid("Some of these permissions cannot be given to a key.", errors=problems[:50])
    return {
        name: (scope or maker.get(name, "all")) if is_scoped(name) else "all" for name, scope in sorted(asked.items())
    }


def make_key(
    uow: UnitOfWork, owner_id: str, new: NewKey, *, name: str, grants: dict[str, Scope], bounds: Bounds, days: float
) -> ApiKey:
    """A key that may do what its maker may, at most. Raises ``Forbidden``."""
    bounds.need("api_keys.write")
    bounds.grant(grants)
    key = ApiKey(
        id=uow.ids.new("key"),
        created_at=uow.now,
        updated_at=uow.now,
        name=name,
        prefix=new.prefix,
        digest=new.digest,
        owner_id=owner_id,
        grants=grants,
        expires_at=uow.now + timedelta(days=days),
    )
    uow.claim(PREFIX, new.prefix, key.id)
    return uow.add(KEYS, key)


def revoke_key(uow: UnitOfWork, id: str, bounds: Bounds) -> ApiKey:
    """The key, which means nothing from now on. Raises ``NotFound``; ``Forbidden`` for keys of those who may more."""
    bounds.need("api_keys.write")
    key = uow.get(KEYS, id)
    if key is None:
        raise NotFound(f"There is no API key {id!r}.")
    owner: User | None = uow.get(USERS, key.owner_id)
    if owner is not None:
        bounds.touch(owner)
    return key if key.revoked_at is not None else uow.put(KEYS, key, revoked_at=uow.now)


_UNKNOWN = "There is no such permission, or none that a key can have."


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
