"""What every part of the simulator shares: configuration, time, ids, the world, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from patchbay_simulator.clock import SimClock
from patchbay_simulator.config import SimulatorConfig, changed
from patchbay_simulator.deliveries import Deliveries, conversation_lane
from patchbay_simulator.faults import FaultBook
from patchbay_simulator.ledger import Ledger
from patchbay_simulator.limits import Limiter
from patchbay_simulator.mint import Mint
from patchbay_simulator.page_webhooks import PageUpdate, copied
from patchbay_simulator.pages import PageWorld, Thread
from patchbay_simulator.payloads import Update, account_update, update
from patchbay_simulator.webhooks import WebhookSender
from patchbay_simulator.world import Group, Number, Person, World


class Platform:
    """The parts, wired. ``base_url`` is known once the server listens."""

    def __init__(self, config: SimulatorConfig, clock: SimClock) -> None:
        self.config = config
        self.clock = clock
        self.rng = Random(config.seed)
        self.mint = Mint(Random(config.seed + 1), clock)
        self.world = World(config)
        self.pages = PageWorld(config)
        self.ledger = Ledger(config.ledger_max)
        self.faults = FaultBook(Random(config.seed + 2))
        self.limiter = Limiter()
        self.webhooks = WebhookSender(self.world, clock, Random(config.seed + 3), lambda: self.config)
        self.deliveries = Deliveries(clock, Random(config.seed + 4), self.webhooks, lambda: self.config)
        self.base_url = ""

    def configure(self, patch: Mapping[str, Any]) -> None:
        """Change the configuration while it runs. Tokens that are named again are good again.

        Raises: ``msgspec.ValidationError``.
        """
        self.config = changed(self.config, patch)
        self.clock.speed = self.config.speed
        if "access_tokens" in patch:
            self.world.revoked -= set(self.config.access_tokens)

    def admit(self, keys: dict[str, str]) -> None:
        """Apply the rate limits of these scopes. Raises ``GraphError``."""
        if self.config.rate_limits:
            self.limiter.admit(self.config.rate_limits, keys, self.clock.now())

    def emit(self, number: Number, field: str, value: dict[str, Any], about: Person | Group | None = None) -> None:
        """Send an update that concerns a number, in the lane of whom it is about."""
        key = about.id if isinstance(about, Group) else (about.phone if about else "")
        self.webhooks.emit(update(number, field, value, conversation_lane(number, key)))

    def emit_account(self, waba_id: str, field: str, value: dict[str, Any], delay_s: float = 0.0) -> None:
        """Send an update that concerns a business account, or a page."""
        page = self.pages.accounts.get(waba_id)
        sent: Update | PageUpdate = (
            account_update(waba_id, field, value)
            if page is None
            else PageUpdate(page, field, "changes", {"field": field, "value": value}, waba_id)
        )
        self.webhooks.emit(sent, delay_s)

    def emit_message(self, thread: Thread, field: str, item: Mapping[str, Any], delay_s: float = 0.0) -> None:
        """Send a messaging event of a thread; while another app owns the thread, a copy."""
        update = (
            PageUpdate(thread.account, field, "messaging", item, thread.lane)
            if thread.owner is None or field.startswith("messaging_handover")
            else PageUpdate(thread.account, "standby", "standby", copied(item), thread.lane)
        )
        self.webhooks.emit(update, delay_s)

    def emit_change(self, thread: Thread, change: Mapping[str, Any]) -> None:
        """Send a change that a person caused: a comment, a post."""
        self.webhooks.emit(PageUpdate(thread.account, str(change["field"]), "changes", change, thread.lane))
