"""A local Meta: a fake Graph API on a real socket, signed webhooks, simulated customers, faults on demand.

It shares no code with the channels on purpose: it is the other side, an independent reading of the provider's facts.

    async with GraphSimulator(SimulatorConfig(callback_url="http://127.0.0.1:8080/webhooks/whatsapp")) as meta:
        mara = meta.add_customer(phone="15550001111", name="Mara Voss")
        mara.say("Hello")
        answer = await mara.expect(text="hello", within_s=5)
        meta.add_account(InstagramSpec(id="17841400000000001"))
        meta.add_visitor(InstagramVisitorSpec(id="ines", username="ines.prado")).say("Hello")

WhatsApp's side is in ``world``, ``customers``, ``messaging`` and ``payloads``; that of Messenger and Instagram in
``pages``, ``visitors``, ``page_messages`` and ``page_webhooks``. Socket, ledger, faults, limits and posting are shared.

It also runs as a process of its own, ``python -m patchbay_simulator serve``, driven by the control API
(``control.py``), and plays scenarios, ``patchbay simulate`` (``scenario.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patchbay.hookspecs import hookimpl
from patchbay_simulator.clock import SimClock
from patchbay_simulator.config import (
    CustomerSpec,
    Delays,
    InstagramSpec,
    InstagramVisitorSpec,
    MessengerVisitorSpec,
    NumberSpec,
    PageSpec,
    RateLimit,
    SimulatorConfig,
    WebhookOptions,
)
from patchbay_simulator.crowd import demo_simulator, people, run_demo
from patchbay_simulator.customers import Customer
from patchbay_simulator.errors import GraphError, SimulationError
from patchbay_simulator.faults import Fault
from patchbay_simulator.files import File
from patchbay_simulator.inbox import Received
from patchbay_simulator.ledger import Entry, Ledger
from patchbay_simulator.scenario import Report, Scenario, load_scenario, shipped_scenario, shipped_scenarios
from patchbay_simulator.simulator import GraphSimulator
from patchbay_simulator.visitors import Visitor
from patchbay_simulator.webhooks import sign

if TYPE_CHECKING:
    import typer

__all__ = [
    "Customer",
    "CustomerSpec",
    "Delays",
    "Entry",
    "Fault",
    "File",
    "GraphError",
    "GraphSimulator",
    "InstagramSpec",
    "InstagramVisitorSpec",
    "Ledger",
    "MessengerVisitorSpec",
    "NumberSpec",
    "PageSpec",
    "RateLimit",
    "Received",
    "Report",
    "Scenario",
    "SimClock",
    "SimulationError",
    "SimulatorConfig",
    "Visitor",
    "WebhookOptions",
    "demo_simulator",
    "load_scenario",
    "people",
    "register_commands",
    "run_demo",
    "shipped_scenario",
    "shipped_scenarios",
    "sign",
]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """Add ``patchbay simulate``."""
    from patchbay_simulator.cli import add_commands

    add_commands(app)
