"""The plugin as one object: what its hooks register shares people, sessions and keys."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from patchbay.model.principal import Principal
from patchbay.settings import Settings
from patchbay_rbac.authenticator import UserAuthenticator
from patchbay_rbac.authorizer import RoleAuthorizer
from patchbay_rbac.cookies import HashedStorage
from patchbay_rbac.credentials.access_tokens import AccessTokens, SigningKey
from patchbay_rbac.credentials.passwords import Cost, Hasher
from patchbay_rbac.credentials.tickets import Tickets
from patchbay_rbac.directory import PeopleDirectory
from patchbay_rbac.keys import Keys
from patchbay_rbac.letters import Letters
from patchbay_rbac.people import People
from patchbay_rbac.proofs import Proofs
from patchbay_rbac.resealing import reseal_seeds
from patchbay_rbac.sessions import Sessions
from patchbay_rbac.settings import RbacSettings
from patchbay_rbac.signing_in import SigningIn

if TYPE_CHECKING:
    from patchbay.ports import Credentials, Host

ISSUER = "patchbay"
AUDIENCE = "patchbay-api"


class Rbac:
    """A service: made without IO, useful once it was started."""

    name = "rbac"
    required = True  # without it nobody could be told from anybody

    host: Host
    tokens: AccessTokens
    tickets: Tickets[Principal]
    authenticator: UserAuthenticator

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.plugin("rbac", RbacSettings)
        self.people = People()
        self.sessions = Sessions(self.settings)
        self.keys = Keys(self.people)
        self.cookies = HashedStorage(self.sessions, self.settings)
        cost = Cost(self.settings.password_memory_kib, self.settings.password_passes, self.settings.password_lanes)
        self.hasher = Hasher(cost)
        self.proofs = Proofs(self.people, self.hasher, self.settings)
        self.signing_in = SigningIn(self.people, self.sessions, self.proofs, self.settings)
        self.letters = Letters(settings.http.public_url)
        self.authorizer = RoleAuthorizer(self.people)
        self.directory = PeopleDirectory(self.people)

    async def start(self, host: Host) -> None:
        self.host = host
        self.tokens = access_tokens(host)
        self.tickets = Tickets(host.clock)
        self.sessions.open(host)
        self.keys.open(host)
        self.proofs.open(host)
        self.signing_in.open(host)
        self.letters.open(host)
        self.authenticator = UserAuthenticator(
            self.people,
            self.sessions,
            self.keys,
            cookies=self.cookies,
            tokens=lambda: self.tokens,
            tickets=self.tickets,
            clock=host.clock,
            settings=self.settings,
        )
        await self.people.open(host)

    async def stop(self) -> None:
        self.hasher.close()

    async def reseal(self) -> int:
        """Sign with the key that is first by now, and seal again what an older one sealed; how many."""
        self.tokens = access_tokens(self.host)
        return await reseal_seeds(self.host, self.people)


def access_tokens(host: Host) -> AccessTokens:
    """Tokens by the keys that are held. A key is named by a hash, so that old tokens find theirs after a rotation."""
    secrets = host.keys("access token")
    keys = [SigningKey(hashlib.sha256(b"key id" + secret).hexdigest()[:12], secret) for secret in secrets]
    return AccessTokens(keys, issuer=ISSUER, audience=AUDIENCE)


class LateAuthenticator:
    """The authenticator, which is made once the service has started; nobody is asked before."""

    name = "rbac"

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        return await self._rbac.authenticator.authenticate(credentials)

    async def still_valid(self, principal: Principal) -> bool:
        return await self._rbac.authenticator.still_valid(principal)
