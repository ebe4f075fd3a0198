"""What becomes of a message to a person on Messenger or Instagram: the echo, delivered, read."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from patchbay_simulator.page_sends import PageSend
from patchbay_simulator.page_webhooks import delivered, echo, seen
from patchbay_simulator.pages import PageMessage, Thread
from patchbay_simulator.platform import Platform

Arrival = Callable[[PageMessage, PageSend], None]


class PageDeliveries:
    """Plans the steps of each message and emits them. ``on_arrival`` is called when a person gets it.

    There is no failure after a send was accepted. Source: Messenger Platform, Send API.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rng = Random(platform.config.seed + 5)
        self._waiting: list[tuple[PageMessage, PageSend]] = []
        self.offline: set[str] = set()
        self.silent: set[str] = set()
        self.on_arrival: Arrival = lambda message, send: None
        self.on_reaction: Callable[[PageMessage, str], None] = lambda target, emoji: None

    def follow(self, message: PageMessage, send: PageSend, app_id: int) -> None:
        """Let a message reach its person, or wait for them to come online. Nothing echoes what went to a user_ref."""
        if send.target != "user_ref":
            self.tell(message, app_id, send.metadata, self._platform.config.delays.sent_s)
        if message.thread.profile.id in self.offline:
            self._waiting.append((message, send))
        else:
            self._arrive(message, send)

    def tell(self, message: PageMessage, app_id: int, metadata: str | None = None, delay_s: float = 0.0) -> None:
        """Emit the echo of a message of the business. On Instagram it comes with ``messages``."""
        thread = message.thread
        item = echo(thread, message.at, message.mid, message.shape, app_id, metadata)
        self._platform.emit_message(thread, _field(thread, "message_echoes", "messages"), item, delay_s)

    def react(self, target: PageMessage, emoji: str) -> None:
        """Let a reaction of the business reach its person; nothing echoes it and nothing reports it."""
        self._platform.clock.later(self._platform.config.delays.delivered_s, self.on_reaction, target, emoji)

    def _arrive(self, message: PageMessage, send: PageSend) -> None:
        delays = self._platform.config.delays
        factor = 1.0 + delays.jitter * (2 * self._rng.random() - 1)
        thread, clock = message.thread, self._platform.clock
        clock.later(delays.delivered_s * factor, self.on_arrival, message, send)
        now = clock.now()
        if not thread.account.on_instagram:
            at = now + delays.delivered_s * factor / clock.speed
            item = delivered(thread, at, message.mid, message.at)
            self._platform.emit_message(thread, "message_deliveries", item, delays.delivered_s * factor)
        if thread.profile.id not in self.silent:
            at = now + delays.read_s * factor / clock.speed
            item = seen(thread, at, message.mid, message.at)
            field = _field(thread, "message_reads", "messaging_seen")
            self._platform.emit_message(thread, field, item, delays.read_s * factor)

    def come_online(self, profile_id: str) -> None:
        """Deliver what waited for this person."""
        self.offline.discard(profile_id)
        ready = [each for each in self._waiting if each[0].thread.profile.id == profile_id]
        self._waiting = [each for each in self._waiting if each not in ready]
        for message, send in ready:
            self._arrive(message, send)


def _field(thread: Thread, on_messenger: str, on_instagram: str) -> str:
    return on_instagram if thread.account.on_instagram else on_messenger
