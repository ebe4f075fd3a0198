"""A gateway process whose provider is the simulator, in this process and on a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from patchbay_simulator import Customer, Delays, GraphSimulator, SimulatorConfig, WebhookOptions
from tests.faults.process import SECRET, GatewayProcess

QUICK = Delays(sent_s=0.05, delivered_s=0.1, read_s=0.2, failed_s=0.1)
NEVER = Delays(sent_s=1e6, delivered_s=1e6, read_s=1e6, failed_s=1e6)  # the test reports by itself
SENDS = r"/messages$"


@asynccontextmanager
async def simulated(
    folder: Path, *, seed: int = 1, delays: Delays = QUICK, **settings: Any
) -> AsyncIterator[tuple[GraphSimulator, GatewayProcess]]:
    """A simulator and a gateway that knows it; the gateway keeps its port over restarts, so webhooks find it again."""
    port = free_port()
    config = SimulatorConfig(
        callback_url=f"http://127.0.0.1:{port}/webhooks/whatsapp",
        app_secret=SECRET,
        seed=seed,
        delays=delays,
        webhooks=WebhookOptions(retry_delays_s=(0.05, 0.1, 0.25), connections=8, timeout_s=5.0),
    )
    async with GraphSimulator(config) as meta:
        gateway = GatewayProcess(folder, graph_url=meta.url, PATCHBAY_HTTP__PORT=str(port), **settings)
        await gateway.start()
        try:
            yield meta, gateway
        finally:
            await gateway.stop()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def greeted(meta: GraphSimulator, gateway: GatewayProcess, count: int) -> list[Customer]:
    """People who have written, so that they can be answered."""
    customers = [meta.add_customer(phone=f"1555{n:07d}", name=f"Person {n}") for n in range(count)]
    for customer in customers:
        customer.say("Hello")
    await meta.idle()
    await gateway.applied()
    return customers


def reply_to(customer: Customer, text: str) -> dict[str, Any]:
    """The body of ``POST /messages/send``."""
    return {"customer_phone": f"+{customer.person.phone}", "text_content": text}


def executed(meta: GraphSimulator) -> Counter[str]:
    """How often each text left the provider for a person's phone, whatever the gateway was told."""
    counted: Counter[str] = Counter()
    for entry in meta.ledger.sends():
        body = entry.json()
        if body["type"] == "text":
            counted[body["text"]["body"]] += 1
    return counted


def replies(gateway: GatewayProcess) -> dict[str, dict[str, Any]]:
    """The outbound messages as the store holds them, by text. Raises when two have one text."""
    kept = gateway.kept()
    try:
        outbound = [each for each in kept.documents("messages") if each["direction"] == "outbound"]
    finally:
        kept.close()
    found = {each["text"]: each for each in outbound}
    if len(found) != len(outbound):
        raise AssertionError("a reply was stored twice")
    return found


def states(gateway: GatewayProcess) -> Counter[str]:
    """How many replies are how far."""
    return Counter(each["delivery"]["state"] for each in replies(gateway).values())


async def until(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Return once it holds. Raises ``AssertionError`` saying what never came."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {within_s:g} s") from None
