"""However recordings interleave with commits, failures, readings and another gateway: the chain stays one chain, and
every act that was told done has its one entry."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from patchbay.bus.local import LocalBus
from patchbay.errors import StoreUnavailable
from patchbay.model.cause import Cause
from patchbay.ports import Act
from patchbay.service import Inbox
from patchbay.testing import FakeClock
from patchbay.testing.world import CountingIds
from patchbay_audit.floods import RefusalLimit
from patchbay_audit.recorder import TrailRecorder
from patchbay_audit.verify import Verification
from tests.plugins.audit.acts import MARA, nothing
from tests.plugins.audit.held_store import HeldStore

PLACES = st.integers(0, 7)


class Recording(RuleBasedStateMachine):
    """Two gateways on one store. ``orderly`` stores apply commits in the order of their submission, as the embedded one
    does; others need not."""

    @initialize(orderly=st.booleans())
    def begin(self, orderly: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.orderly = orderly
        self.store = HeldStore()
        self.gateways = [self._gateway() for _ in range(2)]
        self.units: dict[str, asyncio.Task[Any]] = {}
        self.cancelled: set[str] = set()
        self.unsure: set[str] = set()

    def _gateway(self) -> Inbox:
        clock = FakeClock()
        recorder = TrailRecorder(RefusalLimit(1_000_000))
        recorder.open(self.store, clock)  # type: ignore[arg-type]
        return Inbox(self.store, LocalBus(), clock, CountingIds(), recorders=[recorder])  # type: ignore[arg-type]

    def turn(self) -> None:
        """Let everything run that can."""

        async def idle() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(idle())

    @rule(gateway=st.integers(0, 1), refusal=st.booleans())
    def ask(self, gateway: int, refusal: bool) -> None:
        name = f"act-{len(self.units)}"
        cause = Cause(operation="change_a_tag", request_id=name, address="203.0.113.7")
        inbox = self.gateways[gateway]
        if refusal:
            at = inbox.clock.now()
            work = inbox.record(Act(cause=cause, actor=MARA, occurred_at=at, outcome="forbidden", status=403))
        else:
            work = inbox.run(nothing, actor=MARA, cause=cause, about={"name": name})
        self.units[name] = self.loop.create_task(work)
        self.turn()

    @precondition(lambda self: self.store.reads)
    @rule(at=PLACES)
    def read(self, at: int) -> None:
        self.store.read(at % len(self.store.reads))

    @precondition(lambda self: self.store.commits)
    @rule(at=PLACES, refuse=st.sampled_from((None, None, None, "other", "storage", "unsure")))
    def land(self, at: int, refuse: str | None) -> None:
        self.store.land(0 if self.orderly else at % len(self.store.commits), refuse=refuse)

    @precondition(lambda self: self.store.landed)
    @rule(at=PLACES)
    def tell(self, at: int) -> None:
        self.store.tell(0 if self.orderly else at % len(self.store.landed))
        self.turn()

    @precondition(lambda self: any(not task.done() for task in self.units.values()))
    @rule(at=PLACES)
    def cancel(self, at: int) -> None:
        """A client goes away, or a deadline passes; what it had submitted may still land."""
        running = [name for name, task in self.units.items() if not task.done()]
        name = running[at % len(running)]
        self.units[name].cancel()
        self.cancelled.add(name)
        self.turn()

    @invariant()
    def chain_is_one(self) -> None:
        if not hasattr(self, "store"):
            return
        verification = Verification([], [], [])
        for entry in self.store.entries():
            verification.entry(entry)
        verdict = verification.finish(self.store.heads())
        assert verdict.valid, verdict.problems

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        rounds = 0
        while any(not task.done() for task in self.units.values()):
            rounds += 1
            assert rounds < 2_000, "it does not come to an end"
            for step in (self.store.reads and self.store.read, self.store.commits and self.store.land):
                if step:
                    step()
            while self.store.landed:
                self.store.tell()
            self.turn()
        while self.store.commits:  # of those that were cancelled
            self.store.land()
        self.chain_is_one()
        kept = Counter(entry.request_id for entry in self.store.entries())
        for name, task in self.units.items():
            assert kept[name] <= 1
            if name in self.cancelled or task.cancelled():
                continue
            error = task.exception()
            assert error is None or isinstance(error, StoreUnavailable)
            assert kept[name] == 1 or error is not None
        self.loop.close()


TestRecording = Recording.TestCase
TestRecording.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
