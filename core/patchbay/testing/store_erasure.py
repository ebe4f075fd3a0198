"""The store's contract, last part: what was erased is gone, and not only from what the store shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.structs import replace

from patchbay.model.raw import ERASED_BODY, RawItem
from patchbay.ports import Batch, Delete, Query, RawQuery, Store
from patchbay.testing.store_samples import BOXES, MUCH, NOON, SLIPS, StoreCase, event, inserts, raw, settled, slip

CANARY = "canarylantern"


def spilled(place: Path) -> list[str]:
    """The files that hold the canary."""
    return [path.name for path in sorted(place.rglob("*")) if path.is_file() and CANARY.encode() in path.read_bytes()]


class StoreErasure(StoreCase):
    async def test_amended_events_are_read_in_the_place_of_what_they_were(self, store: Store) -> None:
        await store.commit(Batch(events=[event(number) for number in range(5)]))
        await store.commit(Batch(events=[event(5)]))
        events = await store.read(0, 10)
        changed = [replace(events[place], data=Raw(b'{"erased":true}')) for place in (1, 4, 5)]
        assert await store.amend(changed) == 3
        after = await store.read(0, 10)
        assert [found.position for found in after] == [1, 2, 3, 4, 5, 6]
        assert [bytes(found.data) == b'{"erased":true}' for found in after] == [False, True, False, False, True, True]
        assert [found.occurred_at for found in after] == [found.occurred_at for found in events]

    async def test_amended_events_are_amended_after_a_restart(self, store: Store) -> None:
        await store.commit(Batch(events=[event(1), event(2)]))
        (first, _) = await store.read(0, 10)
        await store.amend([replace(first, data=Raw(b"{}"))])
        await store.close()
        await store.open((BOXES, SLIPS))
        found, _ = await store.read(0, 10)
        assert bytes(found.data) == b"{}"

    async def test_events_that_are_no_longer_kept_are_not_amended(self, store: Store) -> None:
        await store.commit(Batch(events=[event(1)]))
        (first,) = await store.read(0, 10)
        assert await store.amend([replace(first, position=7)]) == 0
        assert await store.amend([]) == 0
        assert await store.head() == 1

    async def test_a_redacted_raw_event_says_that_it_came_and_what_became_of_it(self, store: Store) -> None:
        raw_id = await store.append(raw(b'{"text":"hello"}'))
        await store.claim("me", 10, MUCH)
        item = RawItem(index=0, key="wamid.1", kind="message", outcome="applied", ref="b1", error="hello")
        await store.commit(Batch(settlements=[replace(settled(raw_id), items=(item,))]))
        assert await store.redact([raw_id, raw_id, "99", "nobody"]) == 1
        found = await store.raw(raw_id)
        assert found is not None
        assert (found.body, found.state, found.sha256) == (ERASED_BODY, "applied", raw(b'{"text":"hello"}').sha256)
        assert found.items == (RawItem(index=0, key="", kind="message", outcome="applied", ref="b1"),)
        assert await store.reopen([raw_id]) == 0
        assert await store.pending() == 0

    async def test_what_is_not_settled_is_not_redacted(self, store: Store) -> None:
        raw_id = await store.append(raw(b'{"text":"hello"}'))
        assert await store.redact([raw_id]) == 0
        assert [found.body for found in (await store.raws(RawQuery())).items] == [b'{"text":"hello"}']

    @pytest.mark.parametrize("rows", [1, 40, 700])
    async def test_nothing_of_what_was_replaced_or_removed_is_left_in_any_file(
        self, store: Store, tmp_path: Path, rows: int
    ) -> None:
        slips = [slip(f"s{number}", "b1", f"{CANARY}{number} " * (1 + number % 40)) for number in range(rows)]
        for start in range(0, rows, 50):
            await store.commit(Batch(puts=inserts(*slips[start : start + 50]), events=[event(start)]))
        await store.find(Query(SLIPS, text=f"{CANARY}0"))
        events = await store.read(0, rows)
        await store.amend([replace(each, data=Raw(f'{{"said":"{CANARY}"}}'.encode())) for each in events])
        await store.scrub()
        for start in range(0, rows, 50):
            some = slips[start : start + 50]
            await store.commit(Batch(deletes=[Delete(SLIPS, each.id, each.version) for each in some]))
        await store.amend([replace(each, data=Raw(b"{}")) for each in events])
        await store.scrub()
        assert spilled(tmp_path) == []
        assert (await store.find(Query(SLIPS, text=CANARY))).items == []
        await store.commit(Batch(puts=inserts(slip("s-new", "b1", "after")), events=[event(1, at=NOON)]))
        assert [found.id for found in (await store.find(Query(SLIPS, text="after"))).items] == ["s-new"]
