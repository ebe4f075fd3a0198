"""Signing in: what is counted, what is kept, and what is swept away."""

from __future__ import annotations

from patchbay.errors import SignInUnavailable
from patchbay.ports import Query
from patchbay_rbac.credentials.passwords import FLOOR, Cost, Hasher, Verdict
from patchbay_rbac.documents import SESSIONS
from tests.plugins.rbac.auth.house import BEN, OTHER_PASSWORD, PASSWORD, House

LONG_S = (30 * 24 + 12) * 3600  # a session that ended is kept for thirty days


class BusyHasher(Hasher):
    """One whose queue is full."""

    async def verify(self, kept: str, password: str) -> Verdict:
        raise SignInUnavailable("Many people sign in just now; try again.")


async def test_a_busy_server_counts_no_failure(home: House) -> None:
    await home.person(BEN, "agent")
    real, busy = home.rbac.hasher, BusyHasher(FLOOR)
    home.rbac.proofs._hasher = busy
    answers = [await home.sign_in(BEN) for _ in range(8)]
    assert {(each.status, each.code) for each in answers} == {(503, "sign_in_unavailable")}
    busy.close()
    home.rbac.proofs._hasher = real
    assert (await home.sign_in(BEN)).status == 200


async def test_a_password_that_changed_while_it_was_looked_at_signs_nobody_in(home: House) -> None:
    """What ends all sessions must not miss the one that is just being begun."""
    ben = await home.person(BEN, "agent")

    class SlowHasher(Hasher):
        async def verify(self, kept: str, password: str) -> Verdict:
            verdict = await super().verify(kept, password)
            fresh = await self.hash(OTHER_PASSWORD)
            await home.change(ben, password_hash=fresh, password_changed_at=home.clock.now())
            return verdict

    real, slow = home.rbac.hasher, SlowHasher(FLOOR)
    home.rbac.proofs._hasher = slow
    assert (await home.sign_in(BEN, PASSWORD)).code == "invalid_credentials"
    slow.close()
    home.rbac.proofs._hasher = real
    assert (await home.sign_in(BEN, OTHER_PASSWORD)).status == 200


async def test_a_hash_of_another_cost_is_made_anew_at_sign_in(home: House) -> None:
    ben = await home.person(BEN, "agent")
    dear = Hasher(Cost(FLOOR.memory_kib, FLOOR.passes + 1, FLOOR.lanes))
    before = (await home.change(ben, password_hash=await dear.hash(PASSWORD))).password_hash
    dear.close()
    assert (await home.sign_in(BEN)).status == 200
    after = (await home.user(ben)).password_hash
    assert after is not None
    assert after != before
    assert "t=2,p=1" in after
    assert (await home.sign_in(BEN)).status == 200


async def test_sessions_that_ended_long_ago_are_swept(home: House) -> None:
    await home.person(BEN, "agent")
    old = await home.sign_in(BEN, session="cookie")
    await home.settled()
    await home.clock.advance(LONG_S)
    await home.sign_in(BEN, session="cookie")
    await home.settled()
    assert (await home.session_of(old.body["session_id"])).id == old.body["session_id"]
    await home.clock.advance(60)
    new = await home.sign_in(BEN, session="cookie")
    await home.settled()
    kept = (await home.gateway.store.find(Query(SESSIONS))).items
    assert old.body["session_id"] not in {each.id for each in kept}
    assert new.body["session_id"] in {each.id for each in kept}
