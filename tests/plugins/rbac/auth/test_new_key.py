"""A new secret key: seeds are sealed with it, tokens signed with it, and what the old one signed goes on to the end."""

from __future__ import annotations

from patchbay.secrets import SecretKey
from patchbay_rbac.credentials import totp
from patchbay_rbac.documents import TwoFactor
from patchbay_rbac.proofs import SEALED_AS
from tests.plugins.rbac.auth.house import House


async def test_after_a_rotation_codes_and_tokens_work_and_nothing_needs_the_old_key(home: House) -> None:
    mara = await home.person("mara@example.org", "agent")
    seed = totp.new_seed()
    sealed = home.rbac.host.seal(seed, mara.id, SEALED_AS)
    await home.change(mara, two_factor=TwoFactor(seed=sealed, confirmed_at=home.clock.now()))
    session, _ = await home.browser(mara)
    before, _ = home.rbac.tokens.issue(mara.id, session.id, home.clock.now())
    vault = home.gateway.vault
    fresh = SecretKey("another key of the operator, long enough")
    vault.renew([fresh, *vault.keys])
    assert await home.rbac.reseal() == 1
    assert await home.rbac.reseal() == 0
    after, _ = home.rbac.tokens.issue(mara.id, session.id, home.clock.now())
    assert before.partition(".")[0] != after.partition(".")[0]
    for token in (before, after):
        assert (await home.ask("GET", "/auth/me", token=token)).status == 200
    vault.renew([fresh])
    kept = (await home.user(mara)).two_factor
    assert kept is not None
    assert home.rbac.host.unseal(kept.seed, mara.id, SEALED_AS) == seed
