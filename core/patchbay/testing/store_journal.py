"""The store's contract, third part: the ingest journal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from patchbay.errors import Conflict, Invalid
from patchbay.model.raw import RawEvent, RawItem
from patchbay.ports import Batch, RawQuery, Store
from patchbay.testing.store_samples import BOXES, MUCH, NOON, StoreCase, box, inserts, raw, settled, update


async def raw_ids(store: Store, query: RawQuery) -> list[str]:
    """The ids of all pages of a listing."""
    found: list[str] = []
    while True:
        page = await store.raws(query)
        found += [given.id for given in page.items]
        if page.next is None:
            return found
        query = RawQuery(query.state, query.outcome, query.channel, query.limit, page.next)


async def everything(store: Store) -> list[RawEvent]:
    """Claim all that waits."""
    found: list[RawEvent] = []
    while claimed := await store.claim("me", 500, MUCH):
        found += claimed
    return found


class StoreJournal(StoreCase):
    async def test_a_raw_event_comes_back_byte_for_byte(self, store: Store) -> None:
        given = raw(bytes(range(256)) * 5, channel="instagram", at=NOON + timedelta(milliseconds=7))
        raw_id = await store.append(given)
        found = await store.raw(raw_id)
        assert found is not None
        assert (found.channel, found.received_at, found.headers, found.body, found.sha256) == (
            given.channel,
            given.received_at,
            given.headers,
            given.body,
            given.sha256,
        )
        assert (found.id, found.state, found.items, found.attempts, found.settled_at) == (
            raw_id,
            "pending",
            (),
            0,
            None,
        )

    @pytest.mark.parametrize("raw_id", ["", "nobody", "0", "-1", "99", "1" * 40, "١", "1 ", "raw_1", "\0"])
    async def test_a_raw_event_that_is_not_there_is_none(self, store: Store, raw_id: str) -> None:
        await store.append(raw())
        assert await store.raw(raw_id) is None
        assert await store.reopen([raw_id]) == 0
        await store.release("me", [raw_id])
        await store.commit(Batch(settlements=[settled(raw_id)]))
        assert await store.pending() == 1

    async def test_an_empty_body_and_a_big_one_are_kept(self, store: Store) -> None:
        bodies = [b"", b"x" * 4 * 2**20]
        ids = [await store.append(raw(body)) for body in bodies]
        assert [found.body for raw_id in ids if (found := await store.raw(raw_id))] == bodies
        assert [given.body for given in await store.claim("me", 1, MUCH)] == bodies[:1]
        assert [given.body for given in await store.claim("me", 1, MUCH)] == bodies[1:]

    async def test_ids_of_appends_at_once_differ(self, store: Store) -> None:
        ids = await asyncio.gather(*[store.append(raw(str(number).encode())) for number in range(300)])
        assert len(set(ids)) == 300
        assert await store.pending() == 300
        for number in (0, 150, 299):
            found = await store.raw(ids[number])
            assert found is not None
            assert found.body == str(number).encode()

    async def test_claims_come_oldest_first_and_whole(self, store: Store) -> None:
        ids = [await store.append(raw(str(number).encode())) for number in range(25)]
        claimed = await store.claim("me", 10, MUCH)
        assert [given.id for given in claimed] == ids[:10]
        assert [given.body for given in claimed] == [str(number).encode() for number in range(10)]
        assert {given.attempts for given in claimed} == {0}
        assert [given.id for given in await store.claim("me", 100, MUCH)] == ids[10:]
        assert await store.claim("me", 100, MUCH) == []

    async def test_nobody_else_gets_what_is_held(self, store: Store) -> None:
        ids = [await store.append(raw()) for _ in range(20)]
        claims = await asyncio.gather(*[store.claim(f"owner{number}", 6, MUCH) for number in range(5)])
        taken = [given.id for claim in claims for given in claim]
        assert sorted(taken) == sorted(ids)
        assert await store.pending() == 20

    async def test_a_claim_is_bounded_by_bytes_but_never_empty(self, store: Store) -> None:
        for _ in range(6):
            await store.append(raw(b"x" * 1_000))
        assert len(await store.claim("me", 10, 2_500)) == 2
        assert len(await store.claim("me", 10, 1)) == 1
        assert len(await store.claim("me", 10, MUCH)) == 3

    async def test_what_was_released_comes_again_in_its_place(self, store: Store) -> None:
        ids = [await store.append(raw(str(number).encode())) for number in range(6)]
        await store.claim("me", 4, MUCH)
        await store.release("me", ids[1:3])
        again = await store.claim("you", 10, MUCH)
        assert [given.id for given in again] == [ids[1], ids[2], ids[4], ids[5]]
        assert [given.body for given in again] == [b"1", b"2", b"4", b"5"]
        assert {given.attempts for given in again} == {0}

    async def test_only_the_holder_can_release(self, store: Store) -> None:
        raw_id = await store.append(raw())
        await store.claim("me", 1, MUCH)
        await store.release("you", [raw_id])
        assert await store.claim("you", 1, MUCH) == []
        await store.release("me", [raw_id, raw_id])
        assert [given.id for given in await store.claim("you", 5, MUCH)] == [raw_id]

    async def test_a_settlement_commits_with_its_effects(self, store: Store) -> None:
        raw_id = await store.append(raw())
        await store.claim("me", 1, MUCH)
        await store.commit(
            Batch(puts=inserts(box("b1")), settlements=[settled(raw_id, "applied", "applied", "ignored")])
        )
        found = await store.raw(raw_id)
        assert found is not None
        assert (found.state, found.settled_at) == ("applied", NOON + timedelta(seconds=1))
        assert found.items == (
            RawItem(index=0, key="key0", kind="message", outcome="applied", ref="msg_1"),
            RawItem(index=1, key="key1", kind="message", outcome="ignored"),
        )
        assert await store.get(BOXES, "b1") is not None
        assert await store.pending() == 0
        assert await store.claim("me", 1, MUCH) == []

    async def test_a_settlement_in_a_batch_that_fails_does_not_count(self, store: Store) -> None:
        raw_id = await store.append(raw())
        await store.claim("me", 1, MUCH)
        with pytest.raises(Conflict):
            await store.commit(Batch(puts=[update(box("nobody"))], settlements=[settled(raw_id)]))
        found = await store.raw(raw_id)
        assert found is not None
        assert found.state == "pending"
        await store.release("me", [raw_id])
        assert len(await store.claim("me", 1, MUCH)) == 1

    async def test_settling_twice_is_harmless(self, store: Store) -> None:
        raw_id = await store.append(raw())
        for _ in range(2):
            await store.commit(Batch(settlements=[settled(raw_id, "applied", "applied")]))
        await store.commit(Batch(settlements=[settled(raw_id), settled(raw_id)]))
        assert await store.pending() == 0
        found = await store.raw(raw_id)
        assert found is not None
        assert found.state == "applied"

    async def test_what_was_settled_without_a_claim_is_never_claimed(self, store: Store) -> None:
        ids = [await store.append(raw()) for _ in range(3)]
        await store.commit(Batch(settlements=[settled(ids[1])]))
        assert [given.id for given in await store.claim("me", 5, MUCH)] == [ids[0], ids[2]]

    async def test_releasing_what_was_settled_does_nothing(self, store: Store) -> None:
        (raw_id,) = [await store.append(raw())]
        await store.claim("me", 1, MUCH)
        await store.commit(Batch(settlements=[settled(raw_id)]))
        await store.release("me", [raw_id])
        assert await store.claim("me", 1, MUCH) == []

    async def test_a_quarantined_one_keeps_its_reason(self, store: Store) -> None:
        raw_id = await store.append(raw())
        await store.commit(Batch(settlements=[settled(raw_id, "quarantined", "quarantined", error="it is odd")]))
        found = await store.raw(raw_id)
        assert found is not None
        assert (found.state, found.error) == ("quarantined", "it is odd")

    async def test_a_reopened_one_is_pending_like_new(self, store: Store) -> None:
        ids = [await store.append(raw(str(number).encode())) for number in range(3)]
        await store.commit(Batch(settlements=[settled(ids[0], "quarantined", "unroutable"), settled(ids[2])]))
        assert await store.reopen([ids[0], ids[1], ids[2], ids[0], "nobody"]) == 2
        assert await store.pending() == 3
        found = await store.raw(ids[0])
        assert found is not None
        assert (found.state, found.items, found.error, found.attempts) == ("pending", (), None, 0)
        assert [given.body for given in await store.claim("me", 5, MUCH)] == [b"0", b"1", b"2"]
        await store.commit(Batch(settlements=[settled(ids[0])]))
        assert await store.pending() == 2
        assert await store.unroutable("whatsapp") == []

    async def test_what_was_held_at_the_end_was_tried_and_each_further_try_counts_before_it(
        self, tmp_path: Path
    ) -> None:
        async with self.opened(tmp_path) as store:
            ids = [await store.append(raw(str(number).encode())) for number in range(5)]
            assert [given.attempts for given in await store.claim("me", 4, MUCH)] == [0, 0, 0, 0]
            await store.commit(Batch(settlements=[settled(ids[0])]))
            await store.release("me", [ids[1]])
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 4
            late = await store.append(raw(b"late"))
            claimed = await everything(store)
            assert [given.id for given in claimed] == [*ids[1:], late]
            assert [given.attempts for given in claimed] == [0, 2, 2, 0, 0]
            found = await store.raw(ids[2])
            assert found is not None
            assert found.attempts == 2

    async def test_an_orderly_end_counts_nothing(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            ids = [await store.append(raw(str(number).encode())) for number in range(30)]
            await store.claim("me", 2, MUCH)
        for _ in range(5):
            async with self.opened(tmp_path) as store:
                tries = {given.id: given.attempts for given in await everything(store)}
                assert tries == {**dict.fromkeys(ids, 0), ids[0]: 2, ids[1]: 2}
                await store.release("me", ids)
                again = await everything(store)
                assert {given.id: given.attempts for given in again} == tries
                await store.release("me", ids)
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(settlements=[settled(raw_id) for raw_id in ids[:2]]))
            assert [given.id for given in await store.claim("me", 100, MUCH)] == ids[2:]

    async def test_what_was_tried_twice_comes_alone(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            ids = [await store.append(raw(str(number).encode())) for number in range(3)]
            await everything(store)
        async with self.opened(tmp_path) as store:
            assert [given.attempts for given in await everything(store)] == [2, 2, 2]
        async with self.opened(tmp_path) as store:
            late = [await store.append(raw(b"late")) for _ in range(2)]
            claims = [await store.claim("me", 5, MUCH) for _ in range(5)]
            assert [[(given.id, given.attempts) for given in claim] for claim in claims] == [
                [(ids[0], 3)],
                [(ids[1], 3)],
                [(ids[2], 3)],
                [(late[0], 0), (late[1], 0)],
                [],
            ]

    @pytest.mark.parametrize("place", [0, 7, 20])
    async def test_a_poison_is_found_after_three_ends_and_its_neighbours_outlive_it(
        self, tmp_path: Path, place: int
    ) -> None:
        async with self.opened(tmp_path) as store:
            ids = [await store.append(raw(str(number).encode())) for number in range(21)]
        poison = ids[place]
        ends = 0
        tries: dict[str, int] = {}
        while poison not in tries or tries[poison] <= 3:
            assert ends < 10
            async with self.opened(tmp_path) as store:
                while claimed := await store.claim("me", 500, MUCH):
                    tries |= {given.id: given.attempts for given in claimed}
                    if any(given.id == poison and given.attempts <= 3 for given in claimed):
                        ends += 1
                        break
                    await store.commit(Batch(settlements=[settled(given) for given in claimed]))
        assert ends == 3
        assert tries.pop(poison) == 4
        assert set(tries) == {*ids} - {poison}
        assert max(tries.values()) <= 3
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 0
            assert await store.reopen([poison]) == 1
            assert [given.attempts for given in await store.claim("me", 5, MUCH)] == [0]

    async def test_a_reopened_one_is_pending_after_a_restart_too(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            ids = [await store.append(raw()) for _ in range(5)]
            await store.commit(Batch(settlements=[settled(raw_id) for raw_id in ids]))
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 0
            assert await store.reopen([ids[1]]) == 1
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 1
            assert [given.id for given in await store.claim("me", 5, MUCH)] == [ids[1]]

    async def test_ids_are_never_given_twice(self, tmp_path: Path) -> None:
        seen: set[str] = set()
        for _ in range(3):
            async with self.opened(tmp_path) as store:
                raw_id = await store.append(raw())
                assert raw_id not in seen
                seen.add(raw_id)
                await store.commit(Batch(settlements=[settled(raw_id)]))
                await store.prune(NOON + timedelta(days=1))

    async def test_the_journal_is_listed_newest_first(self, store: Store) -> None:
        ids = [await store.append(raw(str(number).encode())) for number in range(12)]
        assert await raw_ids(store, RawQuery()) == ids[::-1]
        assert await raw_ids(store, RawQuery(limit=5)) == ids[::-1]
        page = await store.raws(RawQuery(limit=12))
        assert page.next is None
        assert [given.body for given in page.items][:2] == [b"11", b"10"]

    async def test_a_listing_goes_on_where_it_was_while_more_arrives(self, store: Store) -> None:
        ids = [await store.append(raw()) for _ in range(6)]
        page = await store.raws(RawQuery(limit=3))
        await store.append(raw())
        rest = await store.raws(RawQuery(limit=9, cursor=page.next))
        assert [given.id for given in [*page.items, *rest.items]] == ids[::-1]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (RawQuery(state="pending"), [5, 4]),
            (RawQuery(state="applied"), [3, 1, 0]),
            (RawQuery(state="quarantined"), [2]),
            (RawQuery(channel="instagram"), [4, 1]),
            (RawQuery(channel="telegram"), []),
            (RawQuery(state="pending", channel="instagram"), [4]),
            (RawQuery(state="applied", channel="instagram"), [1]),
            (RawQuery(outcome="unroutable"), [2, 1]),
            (RawQuery(outcome="applied"), [3, 0]),
            (RawQuery(outcome="duplicate"), [3]),
            (RawQuery(outcome="parked"), []),
            (RawQuery(outcome="unroutable", state="applied"), [1]),
            (RawQuery(outcome="unroutable", channel="whatsapp"), [2]),
            (RawQuery(outcome="applied", state="pending"), []),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("limit", [1, 50])
    async def test_the_journal_is_filtered(
        self, store: Store, query: RawQuery, expected: list[int], limit: int
    ) -> None:
        channels = ["instagram" if number in (1, 4) else "whatsapp" for number in range(6)]
        ids = [await store.append(raw(channel=channel)) for channel in channels]
        await store.commit(
            Batch(
                settlements=[
                    settled(ids[0], "applied", "applied"),
                    settled(ids[1], "applied", "unroutable", "ignored"),
                    settled(ids[2], "quarantined", "quarantined", "unroutable"),
                    settled(ids[3], "applied", "duplicate", "applied"),
                ]
            )
        )
        asked = RawQuery(query.state, query.outcome, query.channel, limit)
        assert await raw_ids(store, asked) == [ids[number] for number in expected]

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10", "WzFd", "\0"])
    async def test_a_made_up_cursor_of_a_listing_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(Invalid):
            await store.raws(RawQuery(cursor=cursor))

    async def test_a_cursor_of_another_listing_is_refused(self, store: Store) -> None:
        for _ in range(3):
            await store.append(raw())
        cursor = (await store.raws(RawQuery(limit=1))).next
        with pytest.raises(Invalid):
            await store.raws(RawQuery(limit=1, channel="whatsapp", cursor=cursor))

    async def test_unroutable_ones_are_listed_by_channel_oldest_first(self, store: Store) -> None:
        ids = [await store.append(raw(channel=channel)) for channel in ("a", "b", "a", "a")]
        await store.commit(
            Batch(
                settlements=[
                    settled(ids[3], "applied", "unroutable"),
                    settled(ids[1], "applied", "unroutable"),
                    settled(ids[0], "applied", "applied", "unroutable"),
                    settled(ids[2], "applied", "ignored"),
                ]
            )
        )
        assert await store.unroutable("a") == [ids[0], ids[3]]
        assert await store.unroutable("b") == [ids[1]]
        assert await store.unroutable("c") == []

    async def test_everything_acknowledged_is_there_after_a_restart(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            ids = await asyncio.gather(*[store.append(raw(str(number).encode())) for number in range(200)])
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 200
            bodies = {given.id: given.body for given in await store.claim("me", 500, MUCH)}
        assert bodies == {raw_id: str(number).encode() for number, raw_id in enumerate(ids)}
