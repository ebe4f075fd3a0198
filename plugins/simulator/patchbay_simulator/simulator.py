"""The simulator as an object: a local Meta on a socket of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from patchbay_simulator.clock import SimClock
from patchbay_simulator.config import AccountSpec, Channel, CustomerSpec, NumberSpec, SimulatorConfig, VisitorSpec
from patchbay_simulator.control import Control
from patchbay_simulator.customers import Customer
from patchbay_simulator.errors import SimulationError
from patchbay_simulator.faults import FaultBook
from patchbay_simulator.graph import Graph
from patchbay_simulator.ledger import Ledger
from patchbay_simulator.page_sends import PageSend
from patchbay_simulator.pages import Account, PageMessage, PageWorld
from patchbay_simulator.platform import Platform
from patchbay_simulator.scenario import Report, Scenario, play
from patchbay_simulator.visitors import Visitor
from patchbay_simulator.webhooks import WebhookSender
from patchbay_simulator.wire import TRAP_PATH, Wire
from patchbay_simulator.world import Group, Number, Person, Sent, World

BODY_LIMIT = 110 * 2**20  # bytes; the largest document is 100 MB


class GraphSimulator:
    """A fake Graph API with customers.

    Use it as a context manager or call ``start`` and ``stop``. Numbers and customers may be added before or after; what
    happens before ``start`` has no socket to leave by and raises.
    """

    def __init__(
        self,
        config: SimulatorConfig | None = None,
        *,
        numbers: Sequence[NumberSpec] = (NumberSpec(),),
        accounts: Sequence[AccountSpec] = (),
        clock: SimClock | None = None,
    ) -> None:
        self._initial = config or SimulatorConfig()
        self._numbers = tuple(numbers)
        self._accounts = tuple(accounts)
        self._given_clock = clock
        self._runner: web.AppRunner | None = None
        self._build()

    def _build(self) -> None:
        self.platform = Platform(self._initial, self._given_clock or SimClock(self._initial.speed))
        self.graph = Graph(self.platform)
        self.wire = Wire(self.platform, self.graph)
        self.customers: dict[str, Customer] = {}
        self.visitors: dict[str, Visitor] = {}
        self.platform.deliveries.on_arrival = self._arrived
        self.graph.pages.deliveries.on_arrival = self._came
        self.graph.pages.deliveries.on_reaction = self._reacted
        for spec in self._numbers:
            self.add_number(spec)
        for account in self._accounts:
            self.add_account(account)

    # Parts

    @property
    def config(self) -> SimulatorConfig:
        return self.platform.config

    @property
    def clock(self) -> SimClock:
        return self.platform.clock

    @property
    def world(self) -> World:
        return self.platform.world

    @property
    def pages(self) -> PageWorld:
        """What exists on Messenger and Instagram."""
        return self.platform.pages

    @property
    def ledger(self) -> Ledger:
        return self.platform.ledger

    @property
    def faults(self) -> FaultBook:
        return self.platform.faults

    @property
    def webhooks(self) -> WebhookSender:
        return self.platform.webhooks

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash: what a channel's ``graph_url`` is set to."""
        return self.platform.base_url

    # Life

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the URL. Port 0 picks one."""
        app = web.Application(client_max_size=BODY_LIMIT)
        Control(self).add_routes(app)
        app.router.add_route("*", TRAP_PATH + "{tail:.*}", self._trap)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        # A handler ends with its connection: requests that hang on purpose do not pile up.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        trap = web.TCPSite(self._runner, host, 0)
        await trap.start()
        served, trapped = self._runner.addresses[0][1], self._runner.addresses[1][1]
        self.platform.base_url = f"http://{host}:{served}"
        self._trap_url = self.wire.trap_url = f"http://{host}:{trapped}"
        await self.webhooks.start()
        return self.url

    async def stop(self) -> None:
        """Stop listening and posting."""
        await self.webhooks.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def reset(self) -> None:
        """Begin anew: first configuration and numbers, no customers, no faults, empty ledger. It listens on."""
        base_url = self.url
        await self.webhooks.stop()
        self._build()
        self.platform.base_url, self.wire.trap_url = base_url, self._trap_url
        await self.webhooks.start()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        return await self.wire.handle(request)

    async def _trap(self, request: web.Request) -> web.StreamResponse:
        return await self.wire.trap(request)

    # What tests and scenarios do with it

    def configure(self, patch: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Change the configuration: nested tables are merged. Raises ``SimulationError`` naming the wrong field."""
        try:
            self.platform.configure({**(patch or {}), **fields})
        except msgspec.ValidationError as error:
            raise SimulationError(f"This is no configuration: {error}.") from error

    def revoke_token(self, token: str | None = None) -> None:
        """Make a token bad (all, by default) until it is configured again."""
        self.world.revoked |= {token} if token else set(self.config.access_tokens)

    def set_tokens(self, *tokens: str) -> None:
        """The tokens that are good from now on."""
        self.configure(access_tokens=list(tokens))

    def add_number(self, spec: NumberSpec) -> Number:
        number = self.world.add_number(spec)
        if not self.world.templates[spec.waba_id]:
            self.add_template("hello_world", "en_US", "Hello World", category="UTILITY", waba=spec.waba_id)
        return number

    def add_customer(self, spec: CustomerSpec | None = None, **fields: Any) -> Customer:
        """A person who can write; give a spec or its fields. Raises ``SimulationError`` when the phone is taken."""
        person = self.world.add_person(spec or CustomerSpec(**fields))
        return self._phone(person)

    def _phone(self, person: Person) -> Customer:
        customer = Customer(self.platform, self.graph.shelf, person)
        self.customers[person.id] = customer
        return customer

    def customer(self, key: str) -> Customer:
        """By id, phone or BSUID. Raises ``SimulationError``."""
        person = self.world.person(key)
        return self.customers.get(person.id) or self._phone(person)

    def add_account(self, spec: AccountSpec) -> Account:
        """A page or an Instagram account."""
        self.world.templates.setdefault(spec.id, {})
        return self.pages.add_account(spec)

    def add_visitor(self, spec: VisitorSpec) -> Visitor:
        """A person on Messenger or Instagram. Raises ``SimulationError`` when the id is taken."""
        if spec.id in self.world.people:
            raise SimulationError(f"{spec.id} is a customer already.")
        profile = self.pages.add_profile(spec)
        self.visitors[profile.id] = Visitor(self.platform, self.graph.shelf, self.graph.pages.deliveries, profile)
        return self.visitors[profile.id]

    def visitor(self, key: str) -> Visitor:
        """By id, PSID or IGSID. Raises ``SimulationError``."""
        thread = self.pages.threads.get(key)
        found = self.visitors.get(thread.profile.id if thread else key)
        if found is None:
            raise SimulationError(f"There is no visitor {key}.")
        return found

    def actor(self, key: str) -> Customer | Visitor:
        """Whoever has this id, on whichever channel. Raises ``SimulationError``."""
        return self.visitors[key] if key in self.visitors else self.customer(key)

    def add_group(self, subject: str, members: Sequence[str], *, number: str | None = None) -> Group:
        """A group of customers around a business number."""
        where = self.world.number(number)
        people = [self.world.person(key) for key in members]
        group = Group(self.platform.mint.group(where.spec.display_phone_number), where, subject, people)
        self.world.groups[group.id] = group
        return group

    def add_template(
        self, name: str, language: str, body: str, *, category: str = "MARKETING", waba: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """An approved template with this body; ``buttons`` in ``more`` adds quick replies by title."""
        components: list[dict[str, Any]] = [{"type": "BODY", "text": body}]
        if more.get("buttons"):
            buttons = [{"type": "QUICK_REPLY", "text": title} for title in more["buttons"]]
            components.append({"type": "BUTTONS", "buttons": buttons})
        where = waba or self.world.number().spec.waba_id
        return self.graph.management.add_template(where, name, language, category, components)

    async def handshake(self, channel: Channel = "whatsapp") -> bool:
        """Verify a channel's callback as Meta does when it is saved."""
        return await self.webhooks.handshake(self.config.callback(channel))

    async def idle(self, timeout_s: float = 30.0) -> None:
        """Wait until every webhook was acknowledged or given up. Raises ``TimeoutError`` after real ``timeout_s``."""
        async with asyncio.timeout(timeout_s):
            await self.webhooks.idle()

    async def play(self, scenario: Scenario, *, expectations: bool = True) -> Report:
        """Play a scenario; see ``scenario.py``."""
        return await play(self, scenario, expectations=expectations)

    def _arrived(self, person: Person, sent: Sent) -> None:
        self.customer(person.id).receive(sent)

    def _came(self, message: PageMessage, send: PageSend) -> None:
        if (visitor := self.visitors.get(message.thread.profile.id)) is not None:
            visitor.receive(message, send)

    def _reacted(self, target: PageMessage, emoji: str) -> None:
        if (visitor := self.visitors.get(target.thread.profile.id)) is not None:
            visitor.receive_reaction(target, emoji)

    def state(self) -> dict[str, Any]:
        """Counts and ids, for people and for tests."""
        hooks = self.webhooks
        return {
            "url": self.url,
            "numbers": sorted(self.world.numbers),
            "accounts": sorted(self.pages.accounts),
            "customers": len(self.customers),
            "visitors": len(self.visitors),
            "groups": sorted(self.world.groups),
            "requests": len(self.ledger),
            "requests_forgotten": self.ledger.forgotten,
            "sends_executed": len(self.ledger.sends()),
            "webhooks": {
                "outstanding": hooks.outstanding,
                "acknowledged": hooks.acknowledged,
                "failed_attempts": hooks.failed_attempts,
                "dropped": hooks.dropped,
                "without_callback": hooks.undeliverable,
            },
            "faults": self.faults.report(),
            "leaks": len(self.wire.leaks),
        }
