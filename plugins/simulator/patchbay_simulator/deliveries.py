"""What becomes of a message after it was accepted: sent, delivered, read, played, or failed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from patchbay_simulator.clock import SimClock
from patchbay_simulator.config import SimulatorConfig
from patchbay_simulator.payloads import status, update
from patchbay_simulator.webhooks import WebhookSender
from patchbay_simulator.world import Bounded, Group, Number, Person, Sent

Arrival = Callable[[Person, Sent], None]


class Deliveries:
    """Plans the steps of each message and emits their statuses. ``on_arrival`` is called when a person gets it."""

    def __init__(
        self, clock: SimClock, rng: Random, webhooks: WebhookSender, config: Callable[[], SimulatorConfig]
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._webhooks = webhooks
        self._config = config
        self._waiting: Bounded[str, tuple[Person, Sent]] = Bounded(config().remembered_messages)
        self.offline: set[str] = set()
        self.silent: set[str] = set()
        self.on_arrival: Arrival = lambda person, sent: None

    def fail(self, sent: Sent, person: Person | None, code: int, details: str = "") -> None:
        """Emit ``failed`` with this error."""
        self._emit(sent, "failed", self._config().delays.failed_s * self._factor(), person, error=code, details=details)

    def follow(self, sent: Sent, person: Person, *, category: str, in_window: bool) -> None:
        """Let a message reach a person, or wait for them to come online."""
        delays = self._config().delays
        factor = self._factor()
        free = category == "service" and not sent.number.bill_service(sent.at)
        pricing = {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free and in_window else "regular",
            "category": category,
        }
        self._emit(sent, "sent", delays.sent_s * factor, person, pricing=pricing)
        if sent.send.type == "reaction":  # WhatsApp Cloud API, Reaction messages: only "sent" comes
            self._clock.later(delays.delivered_s * factor, self.on_arrival, person, sent)
        elif person.id in self.offline:
            self._waiting[sent.wamid] = (person, sent)
        else:
            self._arrive(sent, person, factor, pricing)

    def _arrive(self, sent: Sent, person: Person, factor: float, pricing: dict[str, Any] | None) -> None:
        delays = self._config().delays
        self._emit(sent, "delivered", delays.delivered_s * factor, person, pricing=pricing)
        self._clock.later(delays.delivered_s * factor, self.on_arrival, person, sent)
        if person.id in self.silent:
            return
        self._emit(sent, "read", delays.read_s * factor, person)
        if sent.send.voice:
            self._emit(sent, "played", delays.played_s * factor, person)

    def follow_group(self, sent: Sent, group: Group, *, category: str) -> None:
        """Let a message reach a group: one ``sent``, then steps per member."""
        delays = self._config().delays
        pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": f"group_{category}"}
        self._emit(sent, "sent", delays.sent_s * self._factor(), None, pricing=pricing, group=group)
        for person in group.members:
            if person.id in self.offline:
                continue
            factor = self._factor()
            self._emit(sent, "delivered", delays.delivered_s * factor, person, pricing=pricing, group=group)
            self._clock.later(delays.delivered_s * factor, self.on_arrival, person, sent)
            if person.id not in self.silent:
                self._emit(sent, "read", delays.read_s * factor, person, group=group)

    def come_online(self, person: Person) -> None:
        """Deliver what waited for this person."""
        self.offline.discard(person.id)
        for wamid in [wamid for wamid, (waiting, _) in self._waiting.items() if waiting is person]:
            _, sent = self._waiting.pop(wamid)
            self._arrive(sent, person, self._factor(), None)

    def reset(self) -> None:
        self._waiting.clear()

    def _factor(self) -> float:
        """One factor per message keeps its steps in order."""
        jitter = self._config().delays.jitter
        return 1.0 if not jitter else 1.0 + jitter * (2 * self._rng.random() - 1)

    def _emit(self, sent: Sent, name: str, delay_s: float, person: Person | None, **more: Any) -> None:
        at = self._clock.now() + delay_s / self._clock.speed
        key = person.phone if person is not None and "group" not in more else sent.send.to
        value = status(sent, name, at, person=person, **more)
        self._webhooks.emit(update(sent.number, "messages", value, conversation_lane(sent.number, key)), delay_s)


def conversation_lane(number: Number, key: str) -> str:
    """What updates of one conversation share, so that they leave in order."""
    return f"{number.id}:{key}"
