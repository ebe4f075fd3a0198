"""Customers who write and answer by themselves, for the demo and for load that looks like people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from patchbay_simulator.config import (
    AccountSpec,
    CustomerSpec,
    InstagramVisitorSpec,
    MessengerVisitorSpec,
    NumberSpec,
    SimulatorConfig,
    VisitorSpec,
)
from patchbay_simulator.customers import Customer
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.inbox import Received
from patchbay_simulator.simulator import GraphSimulator
from patchbay_simulator.visitors import Visitor


@dataclass(frozen=True)
class Topic:
    """What a conversation is about: how it begins, an attachment perhaps, and what is said after each answer."""

    opening: str
    then: tuple[str, ...]
    attachment: str | None = None


TOPICS = (
    Topic("Hi, is the blue kettle still in stock?", ("Great, how long does shipping take?", "I'll take two then.")),
    Topic("Hello! My parcel has not arrived yet.", ("Order 48213, to Lisbon.", "Okay, I'll wait until Friday.")),
    Topic("The lid came with a crack, see the photo.", ("I'd rather have a new one than a refund.",), "image"),
    Topic("Do you repair the 2019 model?", ("The handle is loose.", "How much would that be?")),
    Topic("Can I change the delivery address?", ("To 4 Orchard Row, please.",)),
    Topic("Here is the invoice you asked for.", ("Is anything else missing?",), "document"),
    Topic("I am standing in front of the shop and it is closed?", ("Ah, I see. And on Saturday?",), "location"),
    Topic("What is the difference between the steel and the enamel one?", ("Which one do people like more?",)),
    Topic("I'll explain by voice, my hands are full.", ("Yes, exactly that one.",), "voice"),
    Topic("Do you have gift cards?", ("50 would be perfect.", "Can you send it to my sister?")),
)
PEOPLE = (
    CustomerSpec(id="mara", phone="15550101001", name="Mara Voss"),
    CustomerSpec(id="bo", phone="15550101002", name="Bo Lindqvist"),
    CustomerSpec(id="ines", phone="15550101003", name="Ines Prado", username="ines.prado", shares_phone=False),
    CustomerSpec(id="tariq", phone="15550101004", name="Tariq Aziz", reads=False),
    CustomerSpec(id="yuki", phone="15550101005", name="Yuki Mori", username="yuki"),
    CustomerSpec(id="leon", phone="15550101006", name="León García"),
    CustomerSpec(id="ada", phone="15550101007", name="Ada Okafor"),
    CustomerSpec(id="noor", phone="15550101008", name="نور"),
    CustomerSpec(id="piet", phone="15550101009", name="Piet de Wit"),
    CustomerSpec(id="sofia", phone="15550101010", name="Sofia Rossi"),
    CustomerSpec(id="chen", phone="15550101011", name="陈伟"),
    CustomerSpec(id="emma", phone="15550101012", name="Emma 🌿"),
)
VISITORS: tuple[VisitorSpec, ...] = (  # Mara and Bo are the same people as above: only they know
    InstagramVisitorSpec(id="mara-on-instagram", name="Mara Voss", username="mara.voss"),
    MessengerVisitorSpec(id="bo-on-messenger", name="Bo Lindqvist"),
    InstagramVisitorSpec(id="jonas-on-instagram", name="Jonas Weber", username="jonas_weber", follows=True),
    MessengerVisitorSpec(id="amal-on-messenger", name="Amal Haddad", reads=False),
    InstagramVisitorSpec(id="kiki-on-instagram", name="", username="kiki.pots"),
    MessengerVisitorSpec(id="rosa-on-messenger", name="Rosa Díaz"),
)
THANKS = ("Thank you!", "Perfect, thanks 🙏", "Great, bye!", "👍")
NUDGES = ("Hello?", "Is anybody there?", "Any news?")


def people(count: int) -> list[CustomerSpec]:
    """The first ``count`` of ``PEOPLE``, and invented ones past their number."""
    more = (CustomerSpec(phone=f"1555020{i:04d}", name=f"Customer {i}") for i in range(max(0, count - len(PEOPLE))))
    return [*PEOPLE[:count], *more]


def demo_simulator(
    *,
    callback_url: str | None,
    app_secret: str,
    verify_token: str,
    access_token: str,
    numbers: Sequence[NumberSpec] = (NumberSpec(coexistence=True),),
    accounts: Sequence[AccountSpec] = (),
    speed: float = 1.0,
    seed: int = 1,
) -> GraphSimulator:
    """A simulator for the demo: start it, hand its ``url`` to the channel, then ``run_demo``."""
    config = SimulatorConfig(
        callback_url=callback_url,
        app_secret=app_secret,
        verify_token=verify_token,
        access_tokens=(access_token,),
        speed=speed,
        seed=seed,
        unknown_recipients="accept",
    )
    return GraphSimulator(config, numbers=numbers, accounts=accounts)


async def run_demo(
    simulator: GraphSimulator,
    *,
    customers: int = len(PEOPLE),
    seed: int = 1,
    pause_s: float = 45.0,
    patience_s: float = 90.0,
    first_within_s: float = 10.0,
) -> None:
    """Let customers write, answer what they get, and come back later, until cancelled; ``VISITORS`` too, where their
    channel has an account.

    Each begins within ``first_within_s``, waits ``patience_s`` for an answer, nudges once, and starts another topic
    after about ``pause_s``. Seconds are simulated. The same seed makes the same people say the same things.
    """
    numbers = list(simulator.world.numbers)
    crowd: list[tuple[Customer | Visitor, dict[str, Any]]] = []
    for index, spec in enumerate(people(customers)):
        known = simulator.customers.get(spec.id or spec.phone)
        crowd.append((known or simulator.add_customer(spec), {"number": numbers[index % len(numbers)]}))
    crowd += [(visitor, {}) for visitor in _visitors(simulator)]
    async with asyncio.TaskGroup() as group:
        for index, (customer, where) in enumerate(crowd):
            actor = _Actor(simulator, customer, where, Random(seed * 1_000 + index), pause_s, patience_s)
            group.create_task(actor.live(first_within_s))


def _visitors(simulator: GraphSimulator) -> list[Visitor]:
    channels = {account.channel for account in simulator.pages.accounts.values()}
    specs = [spec for spec in VISITORS if spec.__struct_config__.tag in channels]
    return [simulator.visitors.get(spec.id) or simulator.add_visitor(spec) for spec in specs]


class _Actor:
    """One customer with a will of their own."""

    def __init__(
        self,
        simulator: GraphSimulator,
        customer: Customer | Visitor,
        where: dict[str, Any],
        rng: Random,
        pause_s: float,
        patience_s: float,
    ) -> None:
        self._clock = simulator.clock
        self._customer = customer
        self._where = where
        self._rng = rng
        self._pause_s = pause_s
        self._patience_s = patience_s

    async def live(self, first_within_s: float) -> None:
        await self._clock.sleep(self._rng.random() * first_within_s)
        while True:
            await self._talk(self._rng.choice(TOPICS))
            await self._clock.sleep(self._rng.expovariate(1 / self._pause_s))

    async def _talk(self, topic: Topic) -> None:
        self._open(topic)
        for line in topic.then:
            got = await self._answer()
            if got is None:
                return
            await self._think()
            self._respond(got, line)
        if (got := await self._answer()) is not None:
            await self._think()
            if self._rng.random() < 0.4 and got.type != "reaction":
                self._customer.react("❤️", to=got.wamid)
            else:
                self._customer.say(self._rng.choice(THANKS), **self._where)

    def _open(self, topic: Topic) -> None:
        self._customer.say(topic.opening, **self._where)
        if topic.attachment == "location" and isinstance(self._customer, Customer):
            self._customer.share_location(name="Blue Kettle Shop", address="1 Test Way", **self._where)
        elif topic.attachment and topic.attachment != "location":
            self._customer.attach(topic.attachment, **self._where)

    async def _answer(self) -> Received | None:
        """What the business says, after one nudge perhaps; None when it says nothing."""
        for nudge in (True, False):
            try:
                return await self._customer.expect(within_s=self._patience_s / self._clock.speed)
            except SimulationError:
                if nudge:
                    self._customer.say(self._rng.choice(NUDGES), **self._where)
        return None

    def _respond(self, got: Received, line: str) -> None:
        if got.choices:
            self._customer.tap(self._rng.choice(got.choices).title, of=got.wamid)
        elif self._rng.random() < 0.25:
            self._customer.say(line, to=got.wamid, **self._where)
        else:
            self._customer.say(line, **self._where)

    async def _think(self) -> None:
        await self._clock.sleep(1.5 + self._rng.random() * 5)
